/// What is to be otherwise with a list, as it is asked on the command line; nil: nothing.
struct ListSettings: Codable, Sendable, Equatable {
    var name: String?
    var owners: [String]?
    /// `MailingList.Posters`, `Others` and `Joining`.
    var posters: String?
    var others: String?
    var joining: String?
}

/// A list as `list list` and `list show` tell of it.
struct ListLine: Codable, Sendable, Equatable {
    let address: String
    let name: String
    let owners: [String]
    let posters: String
    let others: String
    let joining: String
    /// ISO 8601, UTC.
    let created: String
    let members: Int
}

/// A member as `list member list` tells of it.
struct ListMemberLine: Codable, Sendable, Equatable {
    let address: String
    let number: UInt32
    /// active, failing or suspended.
    let state: String
    let mayPost: Bool
    /// ISO 8601, UTC.
    let joined: String
    let suspended: String?
    let failingSince: String?
    /// What was said last.
    let reason: String?
}

/// Some members.
struct ListMemberPage: Codable, Sendable, Equatable {
    let lines: [ListMemberLine]
    /// Behind which to go on; nil: there is no more.
    let next: UInt32?
}
