import MailModel
package import Storage

/// A mailbox's table as a reader has loaded it.
struct LoadedMailbox: Sendable {
    var snapshot: MailboxSnapshot
    /// The account's ModSeq then.
    let asOf: ModSeq
}

extension BodyReader {
    /// The table as one read transaction sees it; its `highestModSeq` says as of when. Of a large mailbox whose blocks are known only those rows
    /// are read that changed since they were.
    func load(_ entry: MailboxEntry, large: Int, _ distant: DistantRows) throws -> LoadedMailbox {
        try connection.execute("BEGIN")
        defer { try? connection.execute("COMMIT") }
        let id = entry.record.id
        let now = try connection.number("SELECT mod_seq FROM mailbox WHERE id=?", .int(id.rawValue))
        // The entry may be of before the transaction.
        let hasFurther = entry.keywords.hasFurther || now != Int64(entry.modSeq.rawValue)
        var snapshot: MailboxSnapshot
        if entry.messages == 0, now == Int64(entry.modSeq.rawValue) {
            // Its rows would lie among others', on a page that may be damaged; there are none.
            snapshot = MailboxSnapshot(mailbox: id, uidValidity: entry.record.uidValidity)
            snapshot.adopt(entry)
        } else if entry.messages >= large, let directory = try BlockDirectory.load(of: id, connection) {
            snapshot = distant.snapshot(entry, directory, hasFurther: hasFurther)
            try snapshot.catchUp(since: directory.modSeq, of: entry.record.account, connection)
        } else {
            snapshot = try TableReader.load(entry, hasFurther: hasFurther, connection)
        }
        snapshot.highestModSeq = ModSeq(rawValue: UInt64(clamping: now ?? 0)) ?? .zero
        let account = try connection.number("SELECT mod_seq FROM account WHERE id=?", .int(entry.record.account.rawValue))
        return LoadedMailbox(snapshot: snapshot, asOf: ModSeq(rawValue: UInt64(clamping: account ?? 0)) ?? .zero)
    }
}

extension SQLiteStore {
    /// Blocks that one job of a reader reads: bodies are waited for meanwhile.
    private static let blocksAtOnce = 32

    package func read(_ blocks: [MailboxSnapshot.Block]) async throws {
        var rest = blocks[...]
        while !rest.isEmpty {
            let some = rest.prefix(SQLiteStore.blocksAtOnce)
            rest = rest.dropFirst(some.count)
            try await readers.run { _ in for block in some { try block.prepare() } }
            try Task.checkCancellation()
        }
    }
}

extension MailboxSnapshot {
    /// Reads anew what the account's log says has changed since, and the last block, which grows.
    mutating func catchUp(since modSeq: ModSeq, of account: AccountID, _ connection: Connection) throws {
        let mailbox = mailbox
        var changed = try TableReader.changed(since: modSeq, in: mailbox, of: account, connection)
        let end = blocks.last?.last.rawValue ?? 0
        if end > 0 { changed.insert(end) }
        try refresh(changed) { first, last in
            try TableReader.rows(NumberSet(first.rawValue...last.rawValue), of: mailbox, hasFurther: true, connection)
        }
        guard end < UInt32.max else { return }
        let new = try TableReader.rows(changed.intersection(NumberSet((end + 1)...UInt32.max)), of: mailbox, hasFurther: true, connection)
        append(new.rows, further: new.further)
    }
}

extension Transaction {
    /// Brings a table that a reader loaded up to now, and makes it the one that all share.
    func attach(_ loaded: LoadedMailbox, catalog: Catalog, leases: Leases) throws -> OpenMailbox {
        var table = loaded.snapshot
        if let open = open(table.mailbox) { return open }
        let entry = try mailbox(table.mailbox)
        if entry.modSeq != table.highestModSeq {
            if try ChangeFloor.read(of: entry.record.account, connection).modSeq > loaded.asOf {
                // The log does not tell any more what has changed since.
                table = try TableReader.load(entry, connection)
            } else {
                try table.catchUp(since: table.highestModSeq, of: entry.record.account, connection)
            }
        }
        table.adopt(entry)
        table.lease = leases.take(table.mailbox, epoch: epoch)
        let open = OpenMailbox(table, catalog: catalog)
        // Nothing is written: a SELECT costs no sync, and works on a full disk.
        staged[MailboxTable.self].opened[open.mailbox] = open
        return open
    }
}
