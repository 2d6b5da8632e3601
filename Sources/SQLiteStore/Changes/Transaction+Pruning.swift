import MailModel
import Storage

// The log's old end.
extension Transaction {
    /// Rows that one step of pruning removes, or passes over, about.
    static let prunedAtOnce = 2_000

    /// Notes how far the log has come.
    func noteTime(of id: AccountID) throws {
        let account = try account(id)
        try write("INSERT OR REPLACE INTO change_time VALUES (?,?,?)", .int(id.rawValue), .int(now.rawValue), .int(Int64(account.modSeq.rawValue)))
    }

    /// Changes up to `modSeq` are not told from now on. `directories`: those of the account's mailboxes that have one.
    func raiseFloor(of id: AccountID, to modSeq: ModSeq, directories: [MailboxID]) throws {
        let account = try account(id)
        let old = try ChangeFloor.read(of: id, connection)
        let floor = min(modSeq, account.modSeq)
        guard floor > old.modSeq else { return }
        let number = SQLValue.int(Int64(floor.rawValue))
        try write("INSERT OR REPLACE INTO change_floor VALUES (?,?,?)", .int(id.rawValue), number, .int(Int64(old.pruned.rawValue)))
        try write("DELETE FROM change_time WHERE account=? AND mod_seq<=?", .int(id.rawValue), number)
        for mailbox in directories {
            guard let entry = staged.mailboxes[mailbox] ?? catalog.mailbox(mailbox), entry.record.account == id else { continue }
            // One of a mailbox in which nothing has changed since is true as of the floor too; any other cannot be brought up to date any more.
            try write(
                "UPDATE directory SET mod_seq=? WHERE mailbox=? AND mod_seq<? AND mod_seq>=?",
                number, .int(mailbox.rawValue), number, .int(Int64(entry.modSeq.rawValue)))
            try write("DELETE FROM directory WHERE mailbox=? AND mod_seq<?", .int(mailbox.rawValue), number)
        }
    }

    /// Removes some of the rows below the floor; whether there are more.
    func prune(_ id: AccountID) throws -> Bool {
        let floor = try ChangeFloor.read(of: id, connection)
        // While rows of mailboxes are missing it is not known whose rows stay.
        guard floor.pruned < floor.modSeq, catalog.read({ !$0.damage.lacksMailboxes(of: id) }) else { return false }
        let from = Int64(floor.pruned.rawValue)
        var end = Int64(floor.modSeq.rawValue)
        for table in ["change", "departed"] {
            let reached = try connection.number(
                "SELECT mod_seq FROM \(table) WHERE account=? AND mod_seq>? AND mod_seq<=? ORDER BY mod_seq LIMIT 1 OFFSET ?",
                .int(id.rawValue), .int(from), .int(end), .int(Int64(Transaction.prunedAtOnce)))
            if let reached { end = reached }
        }
        guard try forgetDeletedMailboxes(of: id, after: from, upTo: end) else { return true }
        let span: [SQLValue] = [.int(id.rawValue), .int(from), .int(end)]
        let isThere = "EXISTS (SELECT 1 FROM mailbox WHERE id=change.mailbox)"
        try write(
            "DELETE FROM change WHERE account=? AND mod_seq>? AND mod_seq<=? "
                + "AND NOT (kind IN (\(ChangeKind.expunged.rawValue),\(ChangeKind.mailboxCreated.rawValue)) AND \(isThere))", span[0], span[1], span[2])
        try write(
            "UPDATE OR REPLACE change SET mod_seq=0, names=NULL WHERE account=? AND mod_seq>? AND mod_seq<=? AND kind=\(ChangeKind.mailboxCreated.rawValue)",
            span[0], span[1], span[2])
        // With those of rows that went after their change was pruned.
        try write("DELETE FROM departed WHERE account=? AND mod_seq<=?", span[0], span[2])
        try write("UPDATE change_floor SET pruned=? WHERE account=?", .int(end), .int(id.rawValue))
        return end < Int64(floor.modSeq.rawValue)
    }

    /// What was kept of mailboxes that were deleted in that part of the log goes first, at most as much as one step may remove: false, there is more.
    private func forgetDeletedMailboxes(of id: AccountID, after: Int64, upTo: Int64) throws -> Bool {
        let rows = try connection.prepare(
            "SELECT mailbox FROM change WHERE account=? AND mod_seq>? AND mod_seq<=? AND kind=\(ChangeKind.mailboxDeleted.rawValue)")
        try rows.bind([.int(id.rawValue), .int(after), .int(upTo)])
        var deleted: [Int64] = []
        while try rows.step() { deleted.append(rows.int(0)) }
        rows.reset()
        for mailbox in deleted {
            // One that recovery brought back keeps what it needs.
            guard try connection.number("SELECT 1 FROM mailbox WHERE id=?", .int(mailbox)) == nil else { continue }
            try write(
                "DELETE FROM change WHERE account=? AND mod_seq=0 AND kind=\(ChangeKind.mailboxCreated.rawValue) AND mailbox=?", .int(id.rawValue),
                .int(mailbox))
            let kept = try connection.prepare(
                "SELECT account, mod_seq FROM change WHERE kind=\(ChangeKind.expunged.rawValue) AND mailbox=? AND mod_seq<=? LIMIT ?")
            try kept.bind([.int(mailbox), .int(upTo), .int(Int64(Transaction.prunedAtOnce))])
            var found: [(account: Int64, modSeq: Int64)] = []
            while try kept.step() { found.append((kept.int(0), kept.int(1))) }
            kept.reset()
            for row in found {
                try write(
                    "DELETE FROM change WHERE account=? AND mod_seq=? AND kind=\(ChangeKind.expunged.rawValue) AND mailbox=?", .int(row.account),
                    .int(row.modSeq), .int(mailbox))
            }
            if found.count >= Transaction.prunedAtOnce { return false }
        }
        return true
    }
}
