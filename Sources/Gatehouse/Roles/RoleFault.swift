/// Why a role is not defined, granted or taken away.
package enum RoleFault: Error, Equatable, Sendable, CustomStringConvertible {
    case name
    case noSuchRole(String)
    case noSuchPermission(String)
    case empty
    case builtIn(String)
    /// Accounts have it.
    case granted(String)
    case notGranted(String)
    /// Beyond what who grants it has.
    case escalation(String)

    package var description: String {
        switch self {
        case .name: "a role's name is of lower-case letters, digits and hyphens, 64 at most, the first a letter"
        case .noSuchRole(let name): "there is no role \(name)"
        case .noSuchPermission(let name): "there is no permission \(name)"
        case .empty: "a role has one permission at least"
        case .builtIn(let name): "\(name) is what it is; define a role of another name"
        case .granted(let name): "accounts have the role \(name); revoke it first"
        case .notGranted(let name): "it does not have the role \(name) there"
        case .escalation(let name): "\(name) may do more than who grants it"
        }
    }

    package var isAbsence: Bool {
        switch self {
        case .noSuchRole, .notGranted: true
        default: false
        }
    }
}
