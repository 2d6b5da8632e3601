import MailModel
import Storage

/// What each account holds, summed up from its mailboxes, and its own limits.
struct QuotaTable: Table {
    static let place = TableList.place(of: QuotaTable.self)

    private var usage: [AccountID: Quota] = [:]
    private var own: [AccountID: Quota] = [:]
    private static let nothing = Quota(storage: 0, message: 0, mailbox: 0)
    /// For who has none of its own.
    var standard = Quota()

    struct Changes: StagedChanges {
        var limits: [AccountID: Quota] = [:]
        /// What has been counted against limits.
        var admitted: [AccountID: Quota] = [:]
    }

    func usage(of account: AccountID) -> Quota {
        var known = usage[account] ?? Quota()
        known.add(QuotaTable.nothing)
        return known
    }

    func limits(of account: AccountID) -> Quota { (own[account] ?? Quota()).limits(over: standard) }

    func ownLimits(of account: AccountID) -> Quota { own[account] ?? Quota() }

    private mutating func set(_ limits: Quota, of account: AccountID) { own[account] = limits.isEmpty ? nil : limits }

    /// A mailbox came, changed or went.
    mutating func replace(_ old: MailboxEntry?, by new: MailboxEntry?) {
        if let new { usage[new.record.account, default: Quota()].add(new.holding) }
        if let old { usage[old.record.account, default: Quota()].add(old.holding, times: -1) }
    }

    mutating func forget(_ account: AccountID) {
        usage[account] = nil
        own[account] = nil
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, limits) in changes.limits { tables.quotas.set(limits, of: id) }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.limits.isEmpty }

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM quota WHERE account=?", .int(account.id.rawValue))
    }
}

extension MailboxEntry {
    fileprivate var holding: Quota { Quota(storage: size, message: Int64(messages), mailbox: 1) }
}

extension Transaction {
    /// Counts what is about to be added against the account's limits. What the same batch takes away is counted once it is committed.
    func admit(_ more: Quota, to account: AccountID, whole: Bool = true) throws {
        let (limits, held) = catalog.read { ($0.quotas.limits(of: account), $0.quotas.usage(of: account)) }
        guard !limits.isEmpty else { return }
        var usage = held
        if let admitted = staged[QuotaTable.self].admitted[account] { usage.add(admitted) }
        guard limits.admits(more, to: usage, whole: whole) else { throw StorageFault.overQuota }
        staged[QuotaTable.self].admitted[account, default: Quota()].add(more)
    }

    /// Messages with the accounts they go to; what they replace is taken off.
    func admit(_ arrivals: [(size: Int64, placement: Placement, account: AccountID)], replacing superseded: SupersededMessages?) throws {
        if arrivals.count == 1, superseded == nil {
            return try admit(Quota(storage: arrivals[0].size, message: 1), to: arrivals[0].account, whole: !arrivals[0].placement.mayOverdraw)
        }
        var wanted: [AccountID: (more: Quota, whole: Bool)] = [:]
        for (size, placement, account) in arrivals {
            var sum = wanted[account] ?? (Quota(), false)
            sum.more.add(Quota(storage: size, message: 1))
            if !placement.mayOverdraw { sum.whole = true }
            wanted[account] = sum
        }
        if let superseded {
            let account = try mailbox(superseded.mailbox).record.account
            let gone = try table(of: superseded.mailbox).rows(superseded.uids).reduce(Int64(0)) { $0 + Int64($1.row.size) }
            wanted[account]?.more.add(Quota([.storage: gone, .message: Int64(superseded.uids.count)]), times: -1)
        }
        for (account, sum) in wanted { try admit(sum.more, to: account, whole: sum.whole) }
    }

    func set(limits: Quota, of account: AccountID) throws {
        _ = try self.account(account)
        try write("DELETE FROM quota WHERE account=?", .int(account.rawValue))
        if !limits.isEmpty {
            let values = QuotaTable.columns(limits)
            try write("INSERT INTO quota VALUES (?,?,?,?)", .int(account.rawValue), values[0], values[1], values[2])
        }
        staged[QuotaTable.self].limits[account] = limits
    }
}

extension QuotaTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        try connection.scan("storage, messages, mailboxes", of: "quota", by: "account") { row in
            var limits = Quota()
            for (column, resource) in [(1, QuotaResource.storage), (2, .message), (3, .mailbox)] where !row.isNull(Int32(column)) {
                limits[resource] = min(max(0, row.int(Int32(column))), IndexRange.octets.upperBound)
            }
            tables.quotas.set(limits, of: AccountID(rawValue: row.int(0)))
        } missed: { ids, error in
            tables.damage.note("limits of accounts \(ids.lowerBound) and up: \(error)")
        }
    }

    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        let id = account.record.id
        guard let limits = recovery.catalogue?.accounts[id]?.limits, !limits.isEmpty else { return }
        let values = columns(limits)
        try connection.run("INSERT OR REPLACE INTO quota VALUES (?,?,?,?)", .int(id.rawValue), values[0], values[1], values[2])
    }

    fileprivate static func columns(_ limits: Quota) -> [SQLValue] {
        [QuotaResource.storage, .message, .mailbox].map { limits[$0].map { .int($0) } ?? .null }
    }
}

extension Catalog.State {
    var quotas: QuotaTable {
        _read { yield self[QuotaTable.self] }
        _modify { yield &self[QuotaTable.self] }
    }
}
