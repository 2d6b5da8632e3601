import Gatehouse
import MailModel
import PostOffice
import Storage

// Roles, and who has them.
extension Administration {
    func carryOut(_ order: RoleOrder) async throws -> OrderResult {
        switch order {
        case .list: return .roles(lines: try roles.roles().map(Administration.line))
        case .define(let name, let texts):
            let permissions = try texts.map { text in
                guard let permission = Permission(rawValue: text) else { throw RoleFault.noSuchPermission(text) }
                return permission
            }
            let role = Role(name: name, permissions: Permissions(permissions))
            try await roles.define(role)
            return .roles(lines: [Administration.line(role)])
        case .remove(let name): try await roles.remove(role: name)
        case .grants(let name): return .roleGrants(lines: try await grantLines(of: name))
        case .grant(let name, let role, let domain):
            try await roles.grant(RoleGrant(role: role, extent: try await extent(domain)), to: try await accountID(name))
            return .roleGrants(lines: try await grantLines(of: name))
        case .revoke(let name, let role, let domain):
            try await roles.revoke(RoleGrant(role: role, extent: try Administration.extent(domain)), of: try await accountID(name))
            return .roleGrants(lines: try await grantLines(of: name))
        }
        return .done
    }

    private func accountID(_ name: String) async throws -> AccountID {
        guard let account = try await directory.account(name) else { throw StorageFault.noSuchAccount }
        return account.id
    }

    /// Of a domain that there is.
    private func extent(_ domain: String?) async throws -> Extent {
        let extent = try Administration.extent(domain)
        if case .domain(let domain) = extent, try await !directory.domains().contains(domain) { throw StorageFault.noSuchDomain }
        return extent
    }

    private static func extent(_ domain: String?) throws -> Extent {
        guard let text = domain else { return .server }
        guard let domain = Domain(text) else { throw DirectoryFault.domain }
        return .domain(domain)
    }

    private func grantLines(of name: String?) async throws -> [RoleGrantLine] {
        let accounts = try await directory.list()
        let only = if let name { try await accountID(name) } else { AccountID?.none }
        let holders = try roles.holders()
        return accounts.filter { only == nil || $0.id == only }.flatMap { account in
            (holders[account.id] ?? []).map { grant in
                let domain: String? = if case .domain(let domain) = grant.extent { domain.value } else { nil }
                return RoleGrantLine(account: account.name.description, role: grant.role, domain: domain)
            }
        }
    }

    private static func line(_ role: Role) -> RoleLine {
        RoleLine(name: role.name, isBuiltIn: Role.builtIn.contains { $0.name == role.name }, permissions: role.permissions.all.map(\.rawValue))
    }
}
