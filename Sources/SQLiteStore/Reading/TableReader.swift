import MailModel
import Storage

/// Reads mailboxes' narrow rows, with what the ledger makes of them.
enum TableReader {
    private static let columns = "uid, flags, mod_seq, body, internal_date, size"

    /// The whole table, as the connection sees it now. `hasFurther`: whether messages may have further keywords, where it is not the entry that says so.
    static func load(_ entry: MailboxEntry, hasFurther: Bool? = nil, _ connection: Connection) throws -> MailboxSnapshot {
        let hasFurther = hasFurther ?? entry.keywords.hasFurther
        var snapshot = MailboxSnapshot(mailbox: entry.record.id, uidValidity: entry.record.uidValidity)
        snapshot.adopt(entry)
        let statement = try connection.prepare("SELECT \(columns) FROM message WHERE mailbox=? ORDER BY uid")
        try statement.bind([.int(entry.record.id.rawValue)])
        defer { statement.reset() }
        var rows = ContiguousArray<MessageRow>()
        while try statement.step() {
            rows.append(try row(statement, of: entry.record.id))
            if rows.count == MailboxSnapshot.Block.most {
                snapshot.append(rows, further: try hasFurther ? further(of: rows, entry, connection) : [:])
                rows.removeAll(keepingCapacity: true)
            }
        }
        snapshot.append(rows, further: try hasFurther ? further(of: rows, entry, connection) : [:])
        for record in try LedgerRecord.load(of: entry.record.id, connection) { try record.apply(to: &snapshot) }
        return snapshot
    }

    private static func further(
        of rows: ContiguousArray<MessageRow>, _ entry: MailboxEntry, _ connection: Connection
    ) throws -> [UID: FurtherKeywords] {
        guard let first = rows.first, let last = rows.last else { return [:] }
        return try FurtherRows.read(first.uid.rawValue...last.uid.rawValue, of: entry.record.id, connection)
    }

    /// Those of the rows that are still there, as they are now, in order. `hasFurther`: whether messages may have further keywords.
    static func rows(_ uids: NumberSet, of mailbox: MailboxID, hasFurther: Bool, _ connection: Connection) throws -> KeywordedRows {
        let statement = try connection.prepare("SELECT \(columns) FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid")
        var rows: [MessageRow] = []
        var further: [UID: FurtherKeywords] = [:]
        for range in uids.ranges {
            statement.reset()
            try statement.bind([.int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound))])
            while try statement.step() { rows.append(try row(statement, of: mailbox)) }
            if hasFurther { further.merge(try FurtherRows.read(range, of: mailbox, connection)) { _, last in last } }
        }
        statement.reset()
        for record in try LedgerRecord.load(of: mailbox, connection) { record.apply(to: &rows, &further) }
        return KeywordedRows(ContiguousArray(rows), further: further)
    }

    /// UIDs that changes after `modSeq` named, of one kind or of all.
    static func changed(since modSeq: ModSeq, in mailbox: MailboxID, of account: AccountID, _ connection: Connection) throws -> NumberSet {
        let statement = try connection.prepare("SELECT uids FROM change WHERE account=? AND mod_seq>? AND mailbox=?")
        try statement.bind([.int(account.rawValue), .int(Int64(modSeq.rawValue)), .int(mailbox.rawValue)])
        return try union(statement)
    }

    static func expunged(since modSeq: ModSeq, in mailbox: MailboxID, _ connection: Connection) throws -> NumberSet {
        let statement = try connection.prepare("SELECT uids FROM change WHERE kind=3 AND mailbox=? AND mod_seq>?")
        try statement.bind([.int(mailbox.rawValue), .int(Int64(modSeq.rawValue))])
        return try union(statement)
    }

    /// In order of UID, without those that a record of the ledger has expunged.
    static func particulars(of uids: NumberSet, in mailbox: MailboxID, _ connection: Connection) throws -> [MessageParticulars] {
        // One view of rows and ledger.
        try connection.run("BEGIN")
        defer { try? connection.run("COMMIT") }
        var found = try storedParticulars(of: uids, in: mailbox, connection)
        for record in try LedgerRecord.load(of: mailbox, connection) where record.change == .expunged {
            let gone = record.rest
            found.removeAll { gone.contains($0.uid) }
        }
        return found
    }

    private static func storedParticulars(
        of uids: NumberSet, in mailbox: MailboxID, _ connection: Connection
    ) throws -> [MessageParticulars] {
        let statement = try connection.prepare("SELECT uid, thread, save_date FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?")
        defer { statement.reset() }
        var found: [MessageParticulars] = []
        for range in uids.ranges {
            statement.reset()
            try statement.bind([.int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound))])
            while try statement.step() {
                let uid = try uid(statement, of: mailbox)
                found.append(
                    MessageParticulars(
                        uid: uid, thread: ThreadID(rawValue: statement.int(1)), saveDate: Timestamp(rawValue: statement.int(2))))
            }
        }
        return found
    }

    private static func union(_ statement: Statement) throws -> NumberSet {
        defer { statement.reset() }
        var ranges: [ClosedRange<UInt32>] = []
        while try statement.step() {
            guard let set = NumberSet(packed: statement.blob(0)) else { throw StorageFault.corrupt("change log: a set of UIDs") }
            ranges += set.ranges
        }
        return NumberSet(ranges)
    }

    private static func uid(_ statement: Statement, of mailbox: MailboxID) throws -> UID {
        guard let uid = UInt32(exactly: statement.int(0)).flatMap(UID.init(rawValue:)) else {
            throw StorageFault.corrupt("mailbox \(mailbox.rawValue): a row with the UID \(statement.int(0))")
        }
        return uid
    }

    /// A row whose numbers cannot be is `corrupt`: it is never as if it were not there.
    private static func row(_ statement: Statement, of mailbox: MailboxID) throws -> MessageRow {
        let uid = try uid(statement, of: mailbox)
        func wrong(_ what: String, _ value: Int64) -> StorageFault {
            .corrupt("mailbox \(mailbox.rawValue), UID \(uid.rawValue): the row's \(what) is \(value)")
        }
        guard let modSeq = UInt64(exactly: statement.int(2)).flatMap(ModSeq.init(rawValue:)) else { throw wrong("ModSeq", statement.int(2)) }
        guard statement.int(3) > 0 else { throw wrong("body", statement.int(3)) }
        guard let size = UInt32(exactly: statement.int(5)) else { throw wrong("size", statement.int(5)) }
        return MessageRow(
            uid: uid, flags: FlagBits(rawValue: UInt64(bitPattern: statement.int(1))), modSeq: modSeq, body: BodyID(rawValue: statement.int(3)),
            internalDate: Timestamp(rawValue: statement.int(4)), size: size)
    }
}
