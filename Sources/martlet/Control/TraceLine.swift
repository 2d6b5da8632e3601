/// An event of a message's life.
struct TraceLine: Codable, Sendable, Equatable {
    let transaction: String
    /// ISO 8601, UTC.
    let time: String
    /// A `TraceEvent.Kind`.
    let event: String
    let messageID: String?
    let fields: [String: String]
}

/// Some events, by transaction and then by time.
struct TracePage: Codable, Sendable, Equatable {
    let lines: [TraceLine]
    /// There are more.
    let hasMore: Bool
}
