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
    private var storage: Int64?
    private var message: Int64?
    private var mailbox: Int64?

    package init(_ amounts: KeyValuePairs<QuotaResource, Int64>) {
        for (resource, amount) in amounts { self[resource] = amount }
    }

    package init(storage: Int64? = nil, message: Int64? = nil, mailbox: Int64? = nil) {
        self.storage = storage
        self.message = message
        self.mailbox = mailbox
    }

    package subscript(resource: QuotaResource) -> Int64? {
        get {
            switch resource {
            case .storage: storage
            case .message: message
            case .mailbox: mailbox
            }
        }
        set {
            switch resource {
            case .storage: storage = newValue
            case .message: message = newValue
            case .mailbox: mailbox = newValue
            }
        }
    }

    package var isEmpty: Bool { storage == nil && message == nil && mailbox == nil }

    package mutating func add(_ other: Quota, times factor: Int64 = 1) {
        if let amount = other.storage { storage = (storage ?? 0) + amount * factor }
        if let amount = other.message { message = (message ?? 0) + amount * factor }
        if let amount = other.mailbox { mailbox = (mailbox ?? 0) + amount * factor }
    }

    /// As limits of an account: what it does not name is as in `standard`, and 0 is no limit.
    package func limits(over standard: Quota) -> Quota {
        func limit(_ own: Int64?, _ standard: Int64?) -> Int64? { (own ?? standard).flatMap { $0 > 0 ? $0 : nil } }
        var limits = Quota()
        limits.storage = limit(storage, standard.storage)
        limits.message = limit(message, standard.message)
        limits.mailbox = limit(mailbox, standard.mailbox)
        return limits
    }

    /// As limits: whether an account that holds `usage` may get `more`. `whole`: all of it must fit; otherwise it must be under the limits of what
    /// it gets now, and may be over them then.
    package func admits(_ more: Quota, to usage: Quota, whole: Bool) -> Bool {
        func admits(_ limit: Int64?, _ amount: Int64?, _ held: Int64?) -> Bool {
            guard let limit, let amount, amount > 0 else { return true }
            return whole ? (held ?? 0) + amount <= limit : held ?? 0 < limit
        }
        return admits(storage, more.storage, usage.storage) && admits(message, more.message, usage.message)
            && admits(mailbox, more.mailbox, usage.mailbox)
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
