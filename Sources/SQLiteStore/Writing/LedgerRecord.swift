import MailModel
import Storage

/// One change of many messages of a mailbox: committed as one row, folded into theirs later. Applying it again to a row that has it changes nothing.
struct LedgerRecord: Sendable {
    enum Change: Hashable, Sendable {
        case flags(FlagMask)
        /// The row goes, and with it the message's claim on its body.
        case expunged
    }

    let id: Int64
    let mailbox: MailboxID
    let account: AccountID
    let change: Change
    let modSeq: ModSeq
    let uids: NumberSet
    /// Rows up to this UID have it.
    var folded: UInt32 = 0
    /// Whether the change log tells of it, and so of the messages that go. It does not of rows that nobody has seen.
    var isTold = true

    /// The UIDs of rows that may not have it yet.
    var rest: NumberSet {
        guard folded > 0 else { return uids }
        return folded == .max ? NumberSet() : uids.intersection(NumberSet(folded + 1...UInt32.max))
    }

    var isFolded: Bool { (uids.last ?? 0) <= folded }

    /// What it makes of one of its rows; nil: the row goes.
    func applied(to row: MessageRow) -> MessageRow? {
        switch change {
        case .flags(let mask):
            var row = row
            row.flags = mask.applied(to: row.flags)
            row.modSeq = modSeq
            return row
        case .expunged: return nil
        }
    }

    /// What it does to further keywords; nil: they stay.
    var further: FlagMask.Further? {
        guard case .flags(let mask) = change else { return nil }
        return mask.further
    }

    /// Lays it over rows that it may name.
    func apply(to snapshot: inout MailboxSnapshot) throws {
        guard let further else { return try snapshot.update(rest) { applied(to: $0) } }
        try snapshot.updateAll(rest) { row, keywords in applied(to: row).map { ($0, further.applied(to: keywords)) } }
    }

    /// The same for some rows, with the further keywords of those that have any.
    func apply(to rows: inout [MessageRow], _ keywords: inout [UID: FurtherKeywords]) {
        let rest = rest
        rows = rows.compactMap { rest.contains($0.uid) ? applied(to: $0) : $0 }
        guard let further else { return }
        for row in rows where rest.contains(row.uid) {
            let new = further.applied(to: keywords[row.uid] ?? FurtherKeywords())
            keywords[row.uid] = new.isEmpty ? nil : new
        }
    }
}

// On disk.
extension LedgerRecord {
    /// In the column `kept` of a record of expunged rows.
    fileprivate static let untold: UInt64 = 1
    private static let columns = "id, mailbox, account, kind, kept, added, mod_seq, folded, uids, further"

    /// In the order of the changes; of one mailbox or of all.
    static func load(of mailbox: MailboxID? = nil, _ connection: Connection) throws -> [LedgerRecord] {
        let statement: Statement
        if let mailbox {
            statement = try connection.prepare("SELECT \(columns) FROM ledger WHERE mailbox=? ORDER BY id")
            try statement.bind([.int(mailbox.rawValue)])
        } else {
            statement = try connection.prepare("SELECT \(columns) FROM ledger ORDER BY id")
        }
        defer { statement.reset() }
        var found: [LedgerRecord] = []
        while try statement.step() { found.append(try LedgerRecord(statement)) }
        return found
    }

    /// Those that can be read. The others stay where they are; the rows of their mailboxes cannot be read while they do.
    static func loadReadable(_ connection: Connection, _ damage: inout IndexDamage) throws -> [LedgerRecord] {
        var found: [LedgerRecord] = []
        try connection.scan("mailbox, account, kind, kept, added, mod_seq, folded, uids, further", of: "ledger", by: "id") { row in
            do {
                found.append(try LedgerRecord(row))
            } catch {
                damage.note("\(error)")
            }
        } missed: { ids, error in
            damage.note("ledger records \(ids.lowerBound) and up: \(error)")
        }
        return found
    }

    private init(_ row: Statement) throws {
        id = try row.int(0, within: IndexRange.id, "ledger record")
        mailbox = MailboxID(rawValue: row.int(1))
        account = AccountID(rawValue: row.int(2))
        let kind = ChangeKind(rawValue: row.int(3))
        let (kept, added) = (UInt64(bitPattern: row.int(4)), UInt64(bitPattern: row.int(5)))
        guard kind == .flags || kind == .expunged, IndexRange.id.contains(row.int(6)), let modSeq = ModSeq(rawValue: UInt64(row.int(6))),
            let uids = NumberSet(packed: row.blob(8))
        else { throw StorageFault.corrupt("ledger record \(id)") }
        let further = row.isNull(9) ? nil : FlagMask.Further(octets: row.blob(9))
        guard row.isNull(9) || further != nil else { throw StorageFault.corrupt("ledger record \(id): its keywords") }
        change = kind == .flags ? .flags(FlagMask(kept: kept, added: added, further: further)) : .expunged
        self.modSeq = modSeq
        self.uids = uids
        folded = UInt32(clamping: row.int(7))
        isTold = kind != .expunged || kept != LedgerRecord.untold
    }
}

extension Transaction {
    /// Commits to a change of those rows, which `Ledger` makes later. `packed`: the UIDs, packed.
    @discardableResult
    func record(
        _ change: LedgerRecord.Change, of uids: NumberSet, packed: [UInt8], in mailbox: MailboxID, _ account: AccountID, _ modSeq: ModSeq,
        isTold: Bool = true
    ) throws -> Int64 {
        let id = ledger.nextID + Int64(records.count)
        let (kind, mask): (ChangeKind, FlagMask) =
            switch change {
            case .flags(let mask): (.flags, mask)
            case .expunged: (.expunged, FlagMask(kept: isTold ? 0 : LedgerRecord.untold, added: 0))
            }
        try write(
            "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,0,?,?)",
            .int(id), .int(mailbox.rawValue), .int(account.rawValue), .int(kind.rawValue), .int(Int64(bitPattern: mask.kept)),
            .int(Int64(bitPattern: mask.added)), .int(Int64(modSeq.rawValue)), .blob(packed), mask.further.map { .blob($0.octets) } ?? .null)
        records.append(LedgerRecord(id: id, mailbox: mailbox, account: account, change: change, modSeq: modSeq, uids: uids, isTold: isTold))
        return id
    }

    /// Whether the flags of a row of that mailbox may lie in a record still.
    func hasUnfoldedFlags(_ mailbox: MailboxID) -> Bool {
        ledger.hasFlags(of: mailbox) || records.contains { $0.mailbox == mailbox && $0.change != .expunged }
    }
}
