import MailModel
import Storage

// A mailbox's keywords get their places, and lose them when no message has them any more (docs/decisions/0017-keywords.md).
extension Transaction {
    /// Rows of a mailbox that nobody has open are read to find unused keywords up to so many.
    private static let mostRowsRead = 2_000
    /// Further places of all of an account's mailboxes, which are in memory all the time: some 200 octets each.
    static let mostFurtherOfAccount = 16_384

    /// The mailbox's table with those keywords, as far as there is room for them, and those that have no place.
    ///
    /// Only when one of the first places is wanting it is asked which keywords are in use; places of the others are given anew then.
    func table(for wanted: [Keyword], in id: MailboxID) throws -> (table: KeywordTable, rest: [Keyword]) {
        var table = try mailbox(id).keywords
        guard wanted.contains(where: { table.place(of: $0) == nil }) else { return (table, []) }
        if table.isFullOfFirst, let used = try usedPlaces(in: id) { table.keep(used, and: wanted) }
        let mayNeedFurther = table.isFullOfFirst || table.places.count + wanted.count > FlagBits.places
        let mostFurther = try mayNeedFurther ? mostFurther(in: id) : 0
        let rest = table.admit(wanted, mostFurther: mostFurther)
        return (table, rest)
    }

    /// What the account's other mailboxes leave to this one.
    private func mostFurther(in id: MailboxID) throws -> Int {
        let account = try mailbox(id).record.account
        return catalog.read { state in
            (state.mailboxes.names[account] ?? [:]).values.reduce(Transaction.mostFurtherOfAccount) { room, other in
                other == id ? room : room - max(0, (state.mailboxes[other]?.keywords.places.count ?? 0) - FlagBits.places)
            }
        }
    }

    /// The places that rows of the mailbox, or of the version of it that others look at, have; nil: none may be given anew, for it is not known, or
    /// somebody looks at an earlier version, to whom a place would mean what it did, or rows lie hidden until a copy is done.
    private func usedPlaces(in id: MailboxID) throws -> FlagSet? {
        guard !isCopyUnderWay(to: id) else { return nil }
        guard let open = open(id) else {
            let entry = try mailbox(id)
            return entry.messages <= Transaction.mostRowsRead ? try TableReader.load(entry, connection).used : nil
        }
        let published = open.snapshot
        guard let lease = published.lease as? Leases.Lease, lease.isEarliest, var used = published.used, let now = try table(of: id).used else { return nil }
        used.formUnion(now)
        return used
    }

    private func isCopyUnderWay(to mailbox: MailboxID) -> Bool {
        ledger.isHolding(mailbox) || records.contains { $0.mailbox == mailbox && ledger.isHeld($0.id) }
    }

    func widen(_ id: MailboxID, _ table: KeywordTable) throws {
        var entry = try mailbox(id)
        guard entry.keywords != table else { return }
        entry.keywords = table
        staged.mailboxes[id] = entry
    }

    /// Writes a mailbox's keywords where they are others than before the batch.
    func writeKeywords(of entry: MailboxEntry) throws {
        let id = entry.record.id
        let old = catalog.read { $0.mailboxes[id]?.keywords } ?? KeywordTable()
        guard entry.keywords != old else { return }
        try write("UPDATE mailbox SET keywords=? WHERE id=?", .text(entry.keywords.firstText), .int(id.rawValue))
        guard entry.keywords.hasFurther else { return }
        try write("INSERT OR REPLACE INTO keyword VALUES (?,?)", .int(id.rawValue), .text(entry.keywords.furtherText))
    }
}
