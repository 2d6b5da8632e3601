import MailModel
import Storage

// What comes last: counters and the change log.
extension Recovery {
    /// Counts what was touched anew, and writes what came and went into the log.
    func settle(_ transaction: Transaction, isNew: Bool) throws {
        for id in touched.sorted() {
            var entry = try transaction.mailbox(id)
            let account = entry.record.account
            let modSeq = try modSeq(of: account, transaction, isNew: isNew)
            (entry.messages, entry.unseen, entry.deleted, entry.size, entry.modSeq) = (0, 0, 0, 0, modSeq)
            let table = try TableReader.load(entry, transaction.connection)
            try table.forEach { _, row in
                entry.count(row)
                return true
            }
            if let last = try table.uids.last, entry.uidNext != 0, entry.uidNext <= last { entry.uidNext = last &+ 1 }
            transaction.staged.mailboxes[id] = entry
            try transaction.write("DELETE FROM directory WHERE mailbox=?", .int(id.rawValue))
            if let uids = restoredUIDs[id], !uids.isEmpty { try transaction.log(.placed, account, modSeq, id, packed: uids.packed) }
            guard isNew, entry.uidNext > 1 else { continue }
            // Clients are told of all that they may have and that is not there any more.
            let gone = NumberSet(1...(entry.uidNext - 1)).subtracting(try table.uids)
            if !gone.isEmpty { try transaction.log(.expunged, account, modSeq, id, packed: gone.packed) }
        }
        guard report.changesIndex(lines) || report.queued > 0 || isNew else { return }
        try countHolders(transaction)
        for (segment, end) in transaction.staged.indexed where segment != Int64.max {
            try transaction.write(
                "INSERT INTO segment VALUES (?,?,0) ON CONFLICT (id) DO UPDATE SET indexed=max(indexed, excluded.indexed)", .int(segment), .int(end))
        }
        transaction.staged.indexed = [:]
        try transaction.write(
            "UPDATE segment SET dead=max(0, indexed-coalesce((SELECT total FROM (SELECT segment, sum(length) AS total FROM body GROUP BY segment) AS live "
                + "WHERE live.segment=segment.id), 0))")
        try transaction.write(
            "INSERT INTO meta VALUES ('last-body', ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)", .int(lastBody))
    }
}

extension Recovery {
    /// One pass over all rows, for what holds the bodies whose rows came back.
    private func countHolders(_ transaction: Transaction) throws {
        guard !regained.isEmpty else { return }
        let connection = transaction.connection
        try transaction.write("CREATE TEMP TABLE regained (body INTEGER PRIMARY KEY)")
        for body in regained { try transaction.write("INSERT INTO regained VALUES (?)", .int(body)) }
        let rows = try connection.prepare(
            "SELECT message.body, mailbox.account, count(*) FROM message JOIN mailbox ON mailbox.id=message.mailbox "
                + "WHERE message.body IN (SELECT body FROM regained) GROUP BY 1, 2")
        var counts: [(body: Int64, account: Int64, count: Int64)] = []
        while try rows.step() { counts.append((rows.int(0), rows.int(1), rows.int(2))) }
        rows.reset()
        for found in counts {
            try transaction.write(
                "UPDATE holder SET messages=max(messages, ?) WHERE body=? AND account=?", .int(found.count), .int(found.body), .int(found.account))
        }
        try transaction.write("DROP TABLE regained")
    }
}

extension RecoveryReport {
    fileprivate func changesIndex(_ lines: [AccountID: Account]) -> Bool {
        lines.values.contains { $0.isMade || $0.restored > 0 || $0.recovered > 0 }
    }
}
