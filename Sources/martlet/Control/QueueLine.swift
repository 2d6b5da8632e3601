/// Which entries of the queue are meant, as it is asked on the command line; nothing set: all.
struct QueueSelection: Codable, Sendable, Equatable {
    var domain: String?
    /// An address, `<>` for those without a sender, or the name of an account.
    var sender: String?
    /// Seconds.
    var olderThan: Int64?
    /// A `QueueState`.
    var state: String?

    var isAll: Bool { self == QueueSelection() }
}

/// An entry of the queue as `queue list` and `queue show` tell of it.
struct QueueLine: Codable, Sendable, Equatable {
    struct Recipient: Codable, Sendable, Equatable {
        let address: String
        /// waiting, delivered, failed or cancelled.
        let phase: String
        let attempts: Int
        /// ISO 8601, UTC; nil: it is not tried any more.
        let nextTry: String?
        let lastTry: String?
        let host: String?
        let peer: String?
        /// What the other server answered, or why it was not asked.
        let reply: String?
    }

    let id: String
    let transaction: String
    /// ISO 8601, UTC.
    let arrived: String
    /// Seconds.
    let age: Int64
    /// Octets.
    let size: Int
    /// A `QueueState`.
    let state: String
    /// Why it is held.
    let hold: String?
    /// With its angle brackets.
    let sender: String
    /// The number of all; `recipients` may be fewer.
    let recipientCount: Int
    /// Those who wait come first.
    let recipients: [Recipient]
    /// Of the first that is tried again, in seconds from now; 0: it is due. Nil: it is held.
    let nextTryIn: Int64?
}

/// Some entries.
struct QueuePage: Codable, Sendable, Equatable {
    let lines: [QueueLine]
    /// Behind which to go on; nil: there is no more.
    let next: String?
}

/// What was done with entries.
struct QueueChange: Codable, Sendable, Equatable {
    let changed: [String]
    /// Of those that were named: not in the queue.
    let missing: [String]
    let next: String?
}
