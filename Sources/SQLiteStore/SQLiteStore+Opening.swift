import MailModel
package import Storage

extension BodyReader {
    /// The table as one read transaction sees it; its `highestModSeq` says as of when. Of a large mailbox whose blocks are known only those rows
    /// are read that changed since they were.
    func load(_ entry: MailboxEntry, large: Int, _ distant: DistantRows) throws -> MailboxSnapshot {
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
        return snapshot
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
    func attach(_ loaded: MailboxSnapshot, catalog: Catalog, leases: Leases) throws -> OpenMailbox {
        if let open = open(loaded.mailbox) { return open }
        let entry = try mailbox(loaded.mailbox)
        var table = loaded
        if entry.modSeq != loaded.highestModSeq { try table.catchUp(since: loaded.highestModSeq, of: entry.record.account, connection) }
        table.adopt(entry)
        table.lease = leases.take(loaded.mailbox, epoch: epoch)
        let open = OpenMailbox(table, catalog: catalog)
        // Nothing is written: a SELECT costs no sync, and works on a full disk.
        staged[MailboxTable.self].opened[loaded.mailbox] = open
        return open
    }
}
