import MailModel
import Storage

/// A mailbox as the store has it in memory: what LIST and STATUS need, not its messages.
struct MailboxEntry: Sendable {
    var record: MailboxRecord
    /// 0 when every UID was given out.
    var uidNext: UInt32
    var modSeq: ModSeq
    var messages = 0
    var unseen = 0
    var deleted = 0
    var size: Int64 = 0
    var keywords = KeywordTable()

    mutating func count(_ row: MessageRow, by sign: Int = 1) {
        messages += sign
        if !row.flags.contains(.seen) { unseen += sign }
        if row.flags.contains(.deleted) { deleted += sign }
        size += Int64(row.size) * Int64(sign)
    }
}

/// The mailboxes, what they are called, and who looks at them. What is `\Recent` in them is noted in memory, and written along with something else.
struct MailboxTable: NotedTable {
    static let place = TableList.place(of: MailboxTable.self)

    private(set) var entries: [MailboxID: MailboxEntry] = [:]
    private(set) var names: [AccountID: [MailboxName: MailboxID]] = [:]
    private var open: [MailboxID: WeakMailbox] = [:]
    private var floors: [MailboxID: UInt32] = [:]
    private var dirtyFloors: Set<MailboxID> = []

    private struct WeakMailbox: Sendable {
        weak let mailbox: OpenMailbox?
    }

    struct Changes: StagedChanges {
        /// Nil: removed.
        var entries: [MailboxID: MailboxEntry?] = [:]
        /// What became of names; nil: nothing is called that any more.
        var names: [AccountID: [MailboxName: MailboxID?]] = [:]
        /// Of mailboxes that are open.
        var tables: [MailboxID: MailboxSnapshot] = [:]
        /// Rows that have yet to join the tables of open mailboxes.
        var arrived: [MailboxID: ContiguousArray<MessageRow>] = [:]
        /// Their further keywords, of those that have any.
        var arrivedFurther: [MailboxID: [UID: FurtherKeywords]] = [:]
        var opened: [MailboxID: OpenMailbox] = [:]
        var floors: [MailboxID: UInt32] = [:]
    }

    subscript(id: MailboxID) -> MailboxEntry? { entries[id] }
    var keys: Dictionary<MailboxID, MailboxEntry>.Keys { entries.keys }
    var values: Dictionary<MailboxID, MailboxEntry>.Values { entries.values }
    var count: Int { entries.count }
    func opened(_ id: MailboxID) -> OpenMailbox? { open[id]?.mailbox }
    var allOpen: [OpenMailbox] { open.values.compactMap(\.mailbox) }

    mutating func forget(_ account: AccountID) { names[account] = nil }

    static func write(_ changes: Changes, _ transaction: Transaction) throws {
        for case (let id, let entry?) in changes.entries {
            try transaction.write(
                "UPDATE mailbox SET uid_next=?, mod_seq=?, messages=?, unseen=?, deleted=?, size=? WHERE id=?",
                .int(Int64(entry.uidNext)), .int(Int64(entry.modSeq.rawValue)), .int(Int64(entry.messages)), .int(Int64(entry.unseen)),
                .int(Int64(entry.deleted)), .int(entry.size), .int(id.rawValue))
            try transaction.writeKeywords(of: entry)
        }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        // In place: what an account has besides is not copied.
        for (id, names) in changes.names {
            for (name, mailbox) in names { tables.mailboxes.names[id, default: [:]][name] = mailbox }
        }
        for (id, open) in changes.opened { tables.mailboxes.open[id] = WeakMailbox(mailbox: open) }
        for (id, entry) in changes.entries {
            tables.quotas.replace(tables.mailboxes[id], by: entry)
            tables.mailboxes.entries[id] = entry
            if entry == nil { tables.mailboxes.floors[id] = nil }
            guard let open = tables.mailboxes.opened(id) else { continue }
            var table = changes.tables[id] ?? open.snapshot
            table.adopt(entry)
            shown.append((open, table))
        }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.entries.isEmpty }

    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM mailbox WHERE id=?", .int(mailbox.id.rawValue))
        guard try transaction.mailbox(mailbox.id).keywords.hasFurther else { return }
        try transaction.write("DELETE FROM keyword WHERE mailbox=?", .int(mailbox.id.rawValue))
    }

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        for (_, mailbox) in transaction.mailboxes(of: account.id) { try transaction.remove(try transaction.mailbox(mailbox)) }
    }

    static func seal(_ name: MailboxName, of mailbox: MailboxID, _ account: AccountEntry) throws -> [UInt8] {
        try Seal.seal(
            Array(name.value.utf8), under: account.key, as: Label(kind: .mailboxName, id: mailbox.rawValue, account: account.record.id.rawValue))
    }
}

// What is `\Recent`.
extension MailboxTable {
    /// Messages above it no session has been shown as `\Recent` yet.
    func recentFloor(of mailbox: MailboxID) -> UInt32 { floors[mailbox] ?? 0 }

    /// Raises the floor to `last`; answers where it was.
    mutating func claimRecent(upTo last: UInt32, in mailbox: MailboxID) -> UInt32 {
        let floor = recentFloor(of: mailbox)
        guard last > floor else { return floor }
        floors[mailbox] = last
        dirtyFloors.insert(mailbox)
        return floor
    }

    /// As it lies on the disk.
    mutating func load(_ entry: MailboxEntry) {
        entries[entry.record.id] = entry
        names[entry.record.account, default: [:]][entry.record.name] = entry.record.id
    }

    mutating func load(_ keywords: KeywordTable, of mailbox: MailboxID) { entries[mailbox]?.keywords = keywords }

    mutating func load(recentFloor floor: UInt32, of mailbox: MailboxID) { floors[mailbox] = floor }

    var hasNotes: Bool { !dirtyFloors.isEmpty }

    mutating func takeNotes(into changes: inout Changes) {
        for id in dirtyFloors { changes.floors[id] = floors[id] }
        dirtyFloors = []
    }

    static func writeNotes(_ changes: Changes, _ transaction: Transaction) throws {
        for (id, floor) in changes.floors {
            try transaction.write("UPDATE mailbox SET recent_floor=? WHERE id=?", .int(Int64(floor)), .int(id.rawValue))
        }
    }

    static func abandon(_ changes: Changes, in tables: inout Catalog.State) { tables.mailboxes.dirtyFloors.formUnion(changes.floors.keys) }
}

extension Catalog.State {
    var mailboxes: MailboxTable {
        _read { yield self[MailboxTable.self] }
        _modify { yield &self[MailboxTable.self] }
    }
}

extension Staged {
    /// Nil: removed.
    var mailboxes: [MailboxID: MailboxEntry?] {
        _read { yield self[MailboxTable.self].entries }
        _modify { yield &self[MailboxTable.self].entries }
    }

    /// What became of names; nil: nothing is called that any more.
    var names: [AccountID: [MailboxName: MailboxID?]] {
        _read { yield self[MailboxTable.self].names }
        _modify { yield &self[MailboxTable.self].names }
    }
}
