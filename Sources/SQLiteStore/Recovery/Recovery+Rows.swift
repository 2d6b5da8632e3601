import MailModel
import Storage

// Rows that the catalogue has and the index lacks.
extension Recovery {
    /// What the catalogue has of a mailbox that is still there, and is neither in the index nor was it removed.
    func findMissingRows(_ transaction: Transaction, isNew: Bool) throws {
        guard let catalogue else { return }
        for entry in transaction.catalog.read({ Array($0.accounts.values) }).sorted(by: { $0.record.id < $1.record.id }) {
            let account = entry.record.id
            for told in catalogue.belongings(of: account, entry.key)?.mailboxes ?? [] {
                guard let mailbox = transaction.catalog.mailbox(told.id), mailbox.record.account == account,
                    mailbox.record.uidValidity == told.uidValidity, let messages = catalogue.messages(of: told.id, entry.key)
                else { continue }
                progress("looking for messages of \(entry.record.name)")
                let present = try uids(of: told.id, transaction)
                let gone = try TableReader.expunged(since: .zero, in: told.id, transaction.connection)
                let lost = messages.rows.filter { !present.contains($0.uid) && !gone.contains($0.uid) }
                guard !lost.isEmpty else { continue }
                // Places may have been given to other keywords since.
                var used = FlagSet()
                for row in lost { used.formUnion(FlagSet(bits: row.flags, further: messages.further[row.uid] ?? FurtherKeywords())) }
                let table = try transaction.table(for: messages.keywords.flags(of: used.bits, used.further).keywords, in: told.id).table
                try transaction.widen(told.id, table)
                for var row in lost {
                    let flags = table.set(of: messages.keywords.flags(of: row.flags, messages.further[row.uid] ?? FurtherKeywords()))
                    row.flags = flags.bits
                    missing[row.body.rawValue, default: []].append(Missing(mailbox: told.id, account: account, row: row, further: flags.further))
                }
            }
        }
    }

    /// UIDs that have rows, also those that the ledger is about to remove.
    func uids(of mailbox: MailboxID, _ transaction: Transaction) throws -> NumberSet {
        let statement = try transaction.connection.prepare("SELECT uid FROM message WHERE mailbox=? ORDER BY uid")
        try statement.bind([.int(mailbox.rawValue)])
        defer { statement.reset() }
        var found = NumberSet()
        while try statement.step() { if let uid = UInt32(exactly: statement.int(0)) { found.insert(uid) } }
        return found
    }

    /// Rows whose bodies the index still has.
    func restoreRowsOfKnownBodies(_ transaction: Transaction, isNew: Bool) throws {
        for (body, rows) in missing.sorted(by: { $0.key < $1.key }) {
            guard let size = try transaction.connection.number("SELECT size FROM body WHERE id=?", .int(body)) else { continue }
            var rest: [Missing] = []
            for row in rows {
                let isHeld = try transaction.connection.number("SELECT 1 FROM holder WHERE body=? AND account=?", .int(body), .int(row.account.rawValue)) != nil
                if isHeld, try restore(row, size: size, transaction, isNew: isNew) { regained.insert(body) } else { rest.append(row) }
            }
            missing[body] = rest.isEmpty ? nil : rest
        }
    }

    /// The row as it was; false when its UID is taken.
    func restore(_ missing: Missing, size: Int64, _ transaction: Transaction, isNew: Bool) throws -> Bool {
        let row = missing.row
        let modSeq = try modSeq(of: missing.account, transaction, isNew: isNew)
        try transaction.write(
            "INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?,?,?)", .int(missing.mailbox.rawValue), .int(Int64(row.uid.rawValue)),
            .int(Int64(bitPattern: row.flags.rawValue)), .int(Int64(clamping: modSeq.rawValue)), .int(row.body.rawValue),
            .int(row.internalDate.rawValue), .int(row.saveDate.rawValue), .int(max(0, min(size, Int64(UInt32.max)))), .int(row.thread))
        guard transaction.connection.changes > 0 else { return false }
        if !missing.further.isEmpty { try FurtherRows.write([row.uid: missing.further], in: missing.mailbox, transaction) }
        touched.insert(missing.mailbox)
        restoredUIDs[missing.mailbox, default: NumberSet()].insert(row.uid)
        lines[missing.account]?.restored += 1
        return true
    }

    /// One place in the account's log for all that comes back, above every client's.
    func modSeq(of account: AccountID, _ transaction: Transaction, isNew: Bool) throws -> ModSeq {
        if let known = modSeqs[account] { return known }
        let next = try transaction.nextModSeq(account)
        modSeqs[account] = next
        return next
    }
}
