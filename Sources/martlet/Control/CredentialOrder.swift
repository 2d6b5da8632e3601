import Gatehouse
import MailModel

/// What may be asked of what opens an account beside its password.
enum CredentialOrder: Codable, Sendable {
    case appPasswords
    /// `protocols`: as `CredentialOrder.protocols` calls them, nil: all. `networks`: in CIDR notation, nil: from everywhere. `expires`: in seconds since 1970.
    case addAppPassword(label: String, protocols: [String]?, networks: String?, expires: Int64?)
    case removeAppPassword(id: String)
    case secondFactor
    case enroll
    case confirm(code: String)
    case renewRecoveryCodes
    case disableSecondFactor
    /// The password opens nothing before it is changed.
    case demandReset

    /// The protocols that people log in by today, by the names that are typed.
    static let protocols: [(name: String, value: ProtocolName)] = [("smtp", .smtp), ("imap", .imap), ("pop3", .pop3)]
}

/// An app password as `app-password list` shows it.
struct AppPasswordLine: Codable, Sendable, Equatable {
    struct Use: Codable, Sendable, Equatable {
        /// ISO 8601, UTC, as all times here.
        let time: String
        let over: String
        let peer: String
    }

    let id: String
    let label: String
    /// Nil: all.
    let protocols: [String]?
    /// Nil: from everywhere.
    let networks: String?
    let created: String
    let expires: String?
    let lastUse: Use?

    init(_ app: AppPassword) {
        id = app.id
        label = app.label
        protocols = app.scope.protocols.map { allowed in CredentialOrder.protocols.filter { allowed.contains($0.value) }.map(\.name) }
        networks = app.scope.networks
        created = app.created.description
        expires = app.expires?.description
        lastUse = app.lastUse.map { Use(time: $0.time.description, over: $0.protocolName.rawValue, peer: $0.peer) }
    }
}

/// An account's second factor as `totp show` shows it.
struct SecondFactorLine: Codable, Sendable, Equatable {
    let account: String
    let isOn: Bool
    /// Enrolled, and no code shown yet.
    let isPending: Bool
    /// Left.
    let recoveryCodes: Int
}
