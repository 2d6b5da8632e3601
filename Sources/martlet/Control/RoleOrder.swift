import Gatehouse
import MailModel

/// What may be asked of roles and of who has them.
enum RoleOrder: Codable, Sendable {
    case list
    case define(name: String, permissions: [String])
    case remove(name: String)
    /// Of one account; nil: of all.
    case grants(account: String?)
    /// `domain`: nil, all of the server.
    case grant(account: String, role: String, domain: String?)
    case revoke(account: String, role: String, domain: String?)
}

/// A role as `role list` shows it.
struct RoleLine: Codable, Sendable, Equatable {
    let name: String
    /// It is always there.
    let isBuiltIn: Bool
    let permissions: [String]
}

/// Who has which role.
struct RoleGrantLine: Codable, Sendable, Equatable {
    let account: String
    let role: String
    /// Nil: all of the server.
    let domain: String?
}
