package import MailModel

/// What an account may use up (RFC 9208 §5).
package enum QuotaResource: String, CaseIterable, Hashable, Sendable {
    /// Octets of all messages.
    case storage = "STORAGE"
    case message = "MESSAGE"
    case mailbox = "MAILBOX"
}

/// Amounts of resources: what an account holds, what it gets, or where its limits are.
package struct Quota: Hashable, Sendable {
    private var amounts: [QuotaResource: Int64]

    package init(_ amounts: [QuotaResource: Int64] = [:]) { self.amounts = amounts }

    package subscript(resource: QuotaResource) -> Int64? {
        get { amounts[resource] }
        set { amounts[resource] = newValue }
    }

    package var isEmpty: Bool { amounts.isEmpty }

    package mutating func add(_ other: Quota, times factor: Int64 = 1) {
        for (resource, amount) in other.amounts { amounts[resource, default: 0] += amount * factor }
    }

    /// As limits of an account: what it does not name is as in `standard`, and 0 is no limit.
    package func limits(over standard: Quota) -> Quota {
        Quota(standard.amounts.merging(amounts) { $1 }.filter { $0.value > 0 })
    }

    /// As limits: whether an account that holds `usage` may get `more`. `whole`: all of it must fit; otherwise it must be under the limits of what
    /// it gets now, and may be over them then.
    package func admits(_ more: Quota, to usage: Quota, whole: Bool) -> Bool {
        amounts.allSatisfy { resource, limit in
            guard let amount = more[resource], amount > 0 else { return true }
            let held = usage[resource] ?? 0
            return whole ? held + amount <= limit : held < limit
        }
    }
}

/// What accounts hold and may hold. Limits are kept in the transactions that add something (`overQuota`), so that concurrent ones do not pass
/// them together; what is moved within an account adds nothing.
package protocol QuotaStore: Sendable {
    /// Kept, never counted. From memory, without waiting. `noSuchAccount`.
    func usage(of account: AccountID) throws -> Quota
    /// The limits that hold for the account; what has none is not named. From memory. `noSuchAccount`.
    func limits(of account: AccountID) throws -> Quota
    /// Limits of the account's own in the place of the configured ones; 0: none. `noSuchAccount`.
    func set(limits: Quota, of account: AccountID) async throws
}
