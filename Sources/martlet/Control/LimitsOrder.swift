/// What may be asked of lockouts and bans.
enum LimitsOrder: Codable, Sendable {
    case listBans
    /// `network`: an address or a network; of IPv6 an address means its /64. `seconds` nil: for ever.
    case ban(network: String, seconds: Int64?, reason: String)
    case unban(network: String)
    case unlock(account: String)
}

/// The bans of now.
struct BanPage: Codable, Sendable, Equatable {
    /// Those by order first, as many as one answer holds.
    let bans: [BanLine]
    /// All there are.
    let count: Int
}

/// A ban as `ban list` shows it.
struct BanLine: Codable, Sendable, Equatable {
    let network: String
    /// `failures`: of an address; `neighbours`: parts of the network are banned; `order`: an administrator's.
    let origin: String
    /// ISO 8601, UTC; nil: for ever.
    let until: String?
    let reason: String
}

/// What `account unlock` did.
struct UnlockLine: Codable, Sendable, Equatable {
    let account: String
    /// In which it was locked.
    let networks: [String]
}
