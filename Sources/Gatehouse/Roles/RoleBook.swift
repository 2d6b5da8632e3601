package import MailModel
package import Storage

/// Which roles there are and who has them; and the one answer to "may you".
///
/// Nothing is remembered here: each question reads what is kept, which is in memory, so what was taken away is gone with the next question. Throws what the store
/// throws: a question that cannot be answered is an error, never a yes.
package struct RoleBook: Sendable {
    private let store: any KeyValueStore

    package init(store: any KeyValueStore) { self.store = store }

    /// Whether somebody may do that with it.
    ///
    /// Everybody may do with the account that is theirs what `Permissions.own` says; all else takes a role that has the permission and reaches the object. Both
    /// within what the credential is good for that they came with: no credential has more than its owner.
    package func may(_ principal: Principal, _ permission: Permission, _ object: SecuredObject) throws -> Bool {
        guard principal.scope.has(permission) else { return false }
        if case .account(principal.account, _) = object, Permissions.own.has(permission) { return true }
        return try grants(of: principal.account).contains { try $0.extent.covers(object) && permissions(of: $0.role).has(permission) }
    }

    /// Whether somebody may give another that role, or take it: nobody gives more than they have, nor reaches further.
    package func mayGrant(_ principal: Principal, _ grant: RoleGrant) throws -> Bool {
        let object: SecuredObject = if case .domain(let domain) = grant.extent { .domain(domain) } else { .server }
        guard try may(principal, .rolesManage, object) else { return false }
        return try permissions(of: grant.role).all.allSatisfy { permission in
            try principal.scope.has(permission)
                && grants(of: principal.account).contains { try $0.extent.covers(grant.extent) && permissions(of: $0.role).has(permission) }
        }
    }

    /// The built-in ones, then the others by name.
    package func roles() throws -> [Role] {
        try Role.builtIn + store.values(in: .roles).map { Role(name: $0.key, permissions: try RoleBook.permissions($0.value)) }.sorted { $0.name < $1.name }
    }

    /// `RoleFault.noSuchRole`.
    package func role(named name: String) throws -> Role {
        if let role = Role.builtIn.first(where: { $0.name == name }) { return role }
        guard let value = try store.value(of: name, in: .roles) else { throw RoleFault.noSuchRole(name) }
        return Role(name: name, permissions: try RoleBook.permissions(value))
    }

    /// Makes a role, or gives the one of that name other permissions. `RoleFault`.
    package func define(_ role: Role) async throws {
        guard Role.isName(role.name) else { throw RoleFault.name }
        guard !Role.builtIn.contains(where: { $0.name == role.name }) else { throw RoleFault.builtIn(role.name) }
        guard role.permissions != .none else { throw RoleFault.empty }
        try await store.change([KeyValueChange(.roles, role.name, try StoredJSON.encode(StoredRole(permissions: role.permissions.all.map(\.rawValue))))])
    }

    /// `RoleFault.granted` while somebody has it.
    package func remove(role name: String) async throws {
        guard !Role.builtIn.contains(where: { $0.name == name }) else { throw RoleFault.builtIn(name) }
        guard try store.value(of: name, in: .roles) != nil else { throw RoleFault.noSuchRole(name) }
        guard try !holders().values.contains(where: { $0.contains { $0.role == name } }) else { throw RoleFault.granted(name) }
        try await store.change([KeyValueChange(.roles, name, nil)])
    }

    /// In the order in which they were given.
    package func grants(of account: AccountID) throws -> [RoleGrant] { try read(account).grants }

    /// Everybody who has one.
    package func holders() throws -> [AccountID: [RoleGrant]] {
        var holders: [AccountID: [RoleGrant]] = [:]
        for (key, value) in try store.values(in: .roleGrants) {
            guard let number = Int64(key) else { throw StorageFault.corrupt("a grant of a role that is nobody's") }
            holders[AccountID(rawValue: number)] = try RoleBook.grants(value)
        }
        return holders
    }

    /// Once is enough. `RoleFault.noSuchRole`.
    package func grant(_ grant: RoleGrant, to account: AccountID) async throws {
        _ = try role(named: grant.role)
        try await change(account) { grants in
            if !grants.contains(grant) { grants.append(grant) }
        }
    }

    /// `RoleFault.notGranted`.
    package func revoke(_ grant: RoleGrant, of account: AccountID) async throws {
        try await change(account) { grants in
            guard grants.contains(grant) else { throw RoleFault.notGranted(grant.role) }
            grants.removeAll { $0 == grant }
        }
    }

    /// The account is removed.
    package func forget(_ account: AccountID) async throws {
        guard try read(account).octets != nil else { return }
        try await store.change([KeyValueChange(.roleGrants, "\(account.rawValue)", nil)])
    }

    /// None of a role that is not there any more.
    private func permissions(of role: String) throws -> Permissions {
        do { return try self.role(named: role).permissions } catch is RoleFault { return .none }
    }

    private func read(_ account: AccountID) throws -> (grants: [RoleGrant], octets: [UInt8]?) {
        guard let octets = try store.value(of: "\(account.rawValue)", in: .roleGrants) else { return ([], nil) }
        return (try RoleBook.grants(octets), octets)
    }

    private func change(_ account: AccountID, _ body: (inout [RoleGrant]) throws -> Void) async throws {
        while true {
            var (grants, octets) = try read(account)
            try body(&grants)
            let stored = grants.map { grant in
                StoredGrants.Grant(role: grant.role, domain: { if case .domain(let domain) = grant.extent { domain.value } else { nil } }())
            }
            do {
                try await store.change([
                    KeyValueChange(
                        .roleGrants, "\(account.rawValue)", stored.isEmpty ? nil : try StoredJSON.encode(StoredGrants(grants: stored)),
                        expecting: octets.map { .value($0) } ?? .absence)
                ])
                return
            } catch StorageFault.conflict, StorageFault.nameTaken {
                continue
            }
        }
    }

    private struct StoredRole: Codable {
        var permissions: [String]
    }

    private struct StoredGrants: Codable {
        struct Grant: Codable {
            var role: String
            /// Nil: all of the server.
            var domain: String?
        }
        var grants: [Grant]
    }

    /// Those that are not known here, as after a step back to an older program, nobody has.
    private static func permissions(_ octets: [UInt8]) throws -> Permissions {
        Permissions(try StoredJSON.decode(StoredRole.self, octets).permissions.compactMap(Permission.init))
    }

    private static func grants(_ octets: [UInt8]) throws -> [RoleGrant] {
        try StoredJSON.decode(StoredGrants.self, octets).grants.map { grant in
            guard let name = grant.domain else { return RoleGrant(role: grant.role, extent: .server) }
            // What cannot be read must not become everything.
            guard let domain = Domain(name) else { throw StorageFault.corrupt("a grant of a role over no domain") }
            return RoleGrant(role: grant.role, extent: .domain(domain))
        }
    }
}
