import MailModel
import Storage

extension MailboxTable {
    /// Counts every mailbox anew, and that its directory of blocks fits its rows.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        for id in store.catalog.read({ Array($0.mailboxes.keys) }).sorted() {
            check.report.mailboxes += 1
            do {
                let found = try await store.readers.run { reader in try reader.recount(id) }
                check.report.messages += found.messages
                for fault in found.faults { check.report.note(fault) }
            } catch let fault as StorageFault where fault != .closed {
                check.report.note("mailbox \(id.rawValue): \(fault)")
            }
            try await check.stepped(check.report, nil)
        }
    }
}

extension BodyReader {
    fileprivate func recount(_ id: MailboxID) throws -> (messages: Int, faults: [String]) {
        try connection.execute("BEGIN")
        defer { try? connection.execute("COMMIT") }
        let kept = try connection.prepare("SELECT messages, unseen, deleted, size FROM mailbox WHERE id=?")
        try kept.bind([.int(id.rawValue)])
        guard try kept.step() else { return (0, []) }
        let says = (0..<4).map { kept.int(Int32($0)) }
        kept.reset()
        guard var entry = catalog.mailbox(id) else { return (0, []) }
        (entry.messages, entry.unseen, entry.deleted, entry.size) = (0, 0, 0, 0)
        let table = try TableReader.load(entry, hasFurther: true, connection)
        try table.forEach { _, row in
            entry.count(row)
            return true
        }
        let counted = [Int64(entry.messages), Int64(entry.unseen), Int64(entry.deleted), entry.size]
        var faults: [String] = []
        if says != counted { faults.append("mailbox \(id.rawValue): counters say \(says), rows say \(counted)") }
        if let fault = try faultOfDirectory(entry, table) { faults.append(fault) }
        faults += try faultsOfKeywords(entry, table)
        let orphans =
            try connection.number(
                "SELECT count(*) FROM message WHERE mailbox=? AND NOT EXISTS (SELECT 1 FROM holder JOIN mailbox ON mailbox.id=message.mailbox "
                    + "WHERE holder.body=message.body AND holder.account=mailbox.account)", .int(id.rawValue)) ?? 0
        if orphans > 0 { faults.append("mailbox \(id.rawValue): \(orphans) messages without a body") }
        return (Int(counted[0]), faults)
    }

    /// That opening the mailbox by its blocks gives the rows that are there.
    private func faultOfDirectory(_ entry: MailboxEntry, _ table: MailboxSnapshot) throws -> String? {
        guard let directory = try BlockDirectory.load(of: entry.record.id, connection) else { return nil }
        var opened = MailboxSnapshot(mailbox: entry.record.id, uidValidity: entry.record.uidValidity)
        for summary in directory.blocks {
            opened.append(
                MailboxSnapshot.Block(distant: summary, of: entry.record.id) { first, last in
                    let rows = ContiguousArray(try table.rows(NumberSet(first.rawValue...last.rawValue)).map(\.row))
                    return KeywordedRows(rows, further: try table.further(of: rows))
                })
        }
        try opened.catchUp(since: directory.modSeq, of: entry.record.account, connection)
        var differ = opened.count != table.count
        try table.forEach { index, row in
            if try preparedRow(index, of: opened) != row { differ = true }
            return !differ
        }
        return differ ? "mailbox \(entry.record.id.rawValue): its directory of blocks does not fit its rows" : nil
    }

    /// Nil when there is none, or it is not what the directory says.
    private func preparedRow(_ index: Int, of opened: MailboxSnapshot) throws -> MessageRow? {
        do { return try opened.row(at: index) } catch let lacking as RowsNotAtHand {
            do { for block in lacking.blocks { try block.prepare() } } catch StorageFault.corrupt { return nil }
            return try opened.row(at: index)
        }
    }
}
