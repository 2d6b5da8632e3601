import FoundationEssentials
import MailModel
import Storage

/// The names that an account has subscribed to.
struct Subscriptions: Sendable {
    private(set) var names: Set<MailboxName> = []
    /// Of all names.
    private(set) var octets = 0
    /// Where they lie; a name that the opening made up has no row.
    private var rows: [MailboxName: Int64] = [:]

    func row(of name: MailboxName) -> Int64? { rows[name] }

    mutating func insert(_ name: MailboxName) {
        if names.insert(name).inserted { octets += name.value.utf8.count }
    }

    /// Nil: the name is subscribed to no more.
    mutating func set(_ name: MailboxName, row: Int64?) {
        if row != nil {
            insert(name)
        } else if names.remove(name) != nil {
            octets -= name.value.utf8.count
        }
        rows[name] = row
    }
}

/// The subscriptions of all accounts, whether or not there are such mailboxes.
struct SubscriptionTable: Table {
    static let place = TableList.place(of: SubscriptionTable.self)

    private var subscriptions: [AccountID: Subscriptions] = [:]

    struct Changes: StagedChanges {
        /// Names that are subscribed to from now on, with their rows; nil: no more.
        var names: [AccountID: [MailboxName: Int64?]] = [:]
    }

    subscript(account: AccountID) -> Subscriptions? { subscriptions[account] }

    mutating func forget(_ account: AccountID) { subscriptions[account] = nil }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, names) in changes.names {
            for (name, row) in names { tables.subscriptions.subscriptions[id, default: Subscriptions()].set(name, row: row) }
        }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.names.isEmpty }

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM subscription WHERE account=?", .int(account.id.rawValue))
    }

    fileprivate static func seal(_ name: MailboxName, for account: AccountEntry) throws -> [UInt8] {
        try Seal.seal(Array(name.value.utf8), under: account.key, as: Label(kind: .subscription, id: 0, account: account.record.id.rawValue))
    }
}

extension SubscriptionTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        try connection.scan("account, sealed_name", of: "subscription", by: "id") { row in
            let account = AccountID(rawValue: row.int(1))
            guard let key = tables.accounts[account]?.key else { return }
            do {
                let text = try Seal.open(row.blob(2), under: key, as: Label(kind: .subscription, id: 0, account: account.rawValue))
                guard let name = MailboxName(String(decoding: text, as: UTF8.self)) else { throw StorageFault.corrupt("its name") }
                tables.subscriptions.subscriptions[account, default: Subscriptions()].set(name, row: row.int(0))
            } catch {
                tables.damage.subscriptions.insert(account)
                tables.damage.note("subscription \(row.int(0)): \(error)")
            }
        } missed: { ids, error in
            tables.damage.subscriptions.insert(nil)
            tables.damage.note("subscriptions \(ids.lowerBound) and up: \(error)")
        }
        // Better a mailbox too many than one that a client no more shows.
        for account in tables.accounts.keys where tables.damage.lacksSubscriptions(of: account) {
            for name in (tables.mailboxes.names[account] ?? [:]).keys {
                tables.subscriptions.subscriptions[account, default: Subscriptions()].insert(name)
            }
        }
    }

    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings) {
        belongings.subscriptions = tables.subscriptions[account.record.id]?.names.sorted() ?? []
    }

    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        for name in Set(belongings.subscriptions).sorted() {
            try connection.run(
                "INSERT INTO subscription (account, sealed_name) VALUES (?,?)", .int(account.record.id.rawValue), .blob(try seal(name, for: account)))
        }
    }
}

extension Catalog.State {
    var subscriptions: SubscriptionTable {
        _read { yield self[SubscriptionTable.self] }
        _modify { yield &self[SubscriptionTable.self] }
    }
}

extension Transaction {
    func set(subscribed: Bool, to name: MailboxName, of id: AccountID) throws {
        let account = try account(id)
        guard isSubscribed(to: name, id) != subscribed else { return }
        if catalog.read({ $0.damage.lacksSubscriptions(of: id) }) { try writeSubscriptions(of: account) }
        if subscribed {
            try subscribe(to: name, account)
        } else {
            let known = staged[SubscriptionTable.self].names[id]?[name] ?? catalog.read { $0.subscriptions[id]?.row(of: name) }
            if let row = known { try write("DELETE FROM subscription WHERE id=?", .int(row)) }
            staged[SubscriptionTable.self].names[id, default: [:]].updateValue(nil, forKey: name)
        }
        let names = subscribed ? ChangeNames(new: name) : ChangeNames(old: name)
        try log(.subscription, id, try nextModSeq(id), MailboxID(rawValue: 0), names: names)
    }

    private func isSubscribed(to name: MailboxName, _ id: AccountID) -> Bool {
        if let staged = staged[SubscriptionTable.self].names[id]?[name] { return staged != nil }
        return catalog.read { $0.subscriptions[id]?.names.contains(name) ?? false }
    }

    private func subscribe(to name: MailboxName, _ account: AccountEntry) throws {
        let id = account.record.id
        try write("INSERT INTO subscription (account, sealed_name) VALUES (?,?)", .int(id.rawValue), .blob(try SubscriptionTable.seal(name, for: account)))
        staged[SubscriptionTable.self].names[id, default: [:]].updateValue(try insertedID(), forKey: name)
    }

    /// All of them anew: rows that the opening could not read go, and names that it made up in their place get rows.
    private func writeSubscriptions(of account: AccountEntry) throws {
        let id = account.record.id
        let names = catalog.read { $0.subscriptions[id]?.names ?? [] }.filter { isSubscribed(to: $0, id) }
        let staged = staged[SubscriptionTable.self].names[id, default: [:]].filter { $0.value != nil }.keys
        try write("DELETE FROM subscription WHERE account=?", .int(id.rawValue))
        for name in names.union(staged).sorted() { try subscribe(to: name, account) }
    }
}
