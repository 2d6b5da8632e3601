package import MailModel

/// A named set of permissions that may be granted to accounts, over a domain or all of the server. That everybody may do what belongs to the account that is
/// theirs needs no role (`Permissions.own`).
package struct Role: Hashable, Sendable {
    /// Lower-case letters, digits and hyphens, 1...64, the first a letter.
    package let name: String
    package let permissions: Permissions

    package init(name: String, permissions: Permissions) {
        self.name = name
        self.permissions = permissions
    }

    /// Runs all, and may act for others, but reads nobody's mail as itself.
    package static let administrator = Role(name: "administrator", permissions: .everything.subtracting(.own).union(Permissions([.credentialsManage])))
    /// For one domain, or several: its accounts, addresses and lists.
    package static let domainAdministrator = Role(
        name: "domain-administrator",
        permissions: Permissions([
            .accountsRead, .accountsManage, .addressesManage, .listsManage, .domainsRead, .signingManage, .reportsRead, .traceRead, .queueRead,
            .credentialsManage,
        ]))
    /// Sees what happens, and changes nothing.
    package static let auditor = Role(
        name: "auditor",
        permissions: Permissions([
            .accountsRead, .domainsRead, .reportsRead, .traceRead, .queueRead, .metricsRead, .auditRead, .configurationRead,
        ]))

    /// Those that are always there.
    package static let builtIn = [administrator, domainAdministrator, auditor]

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } == true
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
            }
    }
}

/// How far a role reaches that was granted.
package enum Extent: Hashable, Sendable, CustomStringConvertible {
    /// The domain, its accounts and what belongs to them.
    case domain(Domain)
    case server

    func covers(_ object: SecuredObject) -> Bool {
        switch (self, object) {
        case (.server, _): true
        case (.domain(let own), .account(_, let domain)), (.domain(let own), .domain(let domain)): own == domain
        case (.domain, .server): false
        }
    }

    func covers(_ other: Extent) -> Bool {
        switch other {
        case .server: self == .server
        case .domain(let domain): covers(SecuredObject.domain(domain))
        }
    }

    package var description: String {
        switch self {
        case .domain(let domain): domain.value
        case .server: "all"
        }
    }
}

/// What somebody may do something with.
package enum SecuredObject: Hashable, Sendable {
    /// With all that belongs to it.
    case account(AccountID, Domain)
    case domain(Domain)
    case server
}

/// A role that an account has.
package struct RoleGrant: Hashable, Sendable {
    package let role: String
    package let extent: Extent

    package init(role: String, extent: Extent) {
        self.role = role
        self.extent = extent
    }
}
