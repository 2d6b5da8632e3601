import Gatehouse
import MailModel
import MemoryStore
import Storage
import Testing

/// Two domains with accounts, and what they have.
private struct Company {
    let store: MemoryStore
    let book: RoleBook
    let domain: Domain
    let otherDomain: Domain
    let alice: Principal
    let bob: Principal
    let far: Principal

    init() async throws {
        let store = MemoryStore(clock: { Timestamp(rawValue: 1_000) })
        let (domain, otherDomain) = (try #require(Domain("example.org")), try #require(Domain("other.example")))
        for domain in [domain, otherDomain] { try await store.add(domain: domain) }
        func principal(_ name: String) async throws -> Principal {
            let record = try await store.add(account: AccountName(name), passwordHash: Gate.rightHash)
            return Principal(account: record.id, name: record.name)
        }
        alice = try await principal("alice@example.org")
        bob = try await principal("bob@example.org")
        far = try await principal("far@other.example")
        (self.store, self.domain, self.otherDomain) = (store, domain, otherDomain)
        book = RoleBook(store: store)
    }

    enum Place: CaseIterable { case own, sameDomain, otherDomain, itsDomain, theOtherDomain, server }

    func object(_ place: Place) -> SecuredObject {
        switch place {
        case .own: .account(alice.account, domain)
        case .sameDomain: .account(bob.account, domain)
        case .otherDomain: .account(far.account, otherDomain)
        case .itsDomain: .domain(domain)
        case .theOtherDomain: .domain(otherDomain)
        case .server: .server
        }
    }
}

@Suite("Roles: who may do what with what")
struct RoleTests {
    /// Every role over every extent, and what it reaches; all else is refused.
    static let table: [(role: Role?, isOverDomain: Bool, reaches: Set<String>)] = [
        (nil, false, []),
        (.administrator, false, ["own", "sameDomain", "otherDomain", "itsDomain", "theOtherDomain", "server"]),
        (.administrator, true, ["own", "sameDomain", "itsDomain"]),
        (.domainAdministrator, false, ["own", "sameDomain", "otherDomain", "itsDomain", "theOtherDomain", "server"]),
        (.domainAdministrator, true, ["own", "sameDomain", "itsDomain"]),
        (.auditor, false, ["own", "sameDomain", "otherDomain", "itsDomain", "theOtherDomain", "server"]),
        (.auditor, true, ["own", "sameDomain", "itsDomain"]),
        (Role(name: "postbox", permissions: Permissions([.mailRead])), true, ["own", "sameDomain", "itsDomain"]),
    ]

    @Test("every role, every permission, own, same domain, other domain, the server", arguments: table.indices)
    func matrix(_ index: Int) async throws {
        let (role, isOverDomain, reaches) = RoleTests.table[index]
        let company = try await Company()
        if let role {
            if role.name == "postbox" { try await company.book.define(role) }
            try await company.book.grant(
                RoleGrant(role: role.name, extent: isOverDomain ? .domain(company.domain) : .server), to: company.alice.account)
        }
        for place in Company.Place.allCases {
            for permission in Permission.allCases {
                let isByRole = role?.permissions.has(permission) == true && reaches.contains("\(place)")
                let isOwn = place == .own && Permissions.own.has(permission)
                #expect(
                    try company.book.may(company.alice, permission, company.object(place)) == (isByRole || isOwn), "\(permission.rawValue) \(place)")
                // Nobody else has more by it.
                let isBobs = place == .sameDomain && Permissions.own.has(permission)
                #expect(try company.book.may(company.bob, permission, company.object(place)) == isBobs, "bob \(permission.rawValue) \(place)")
            }
        }
    }

    @Test("an administrator reads nobody's mail as themselves, and an auditor changes nothing")
    func builtIn() {
        for permission in [Permission.mailRead, .mailWrite, .mailSend, .calendarRead, .contactsRead, .filesRead] {
            #expect(Role.builtIn.allSatisfy { !$0.permissions.has(permission) }, "\(permission)")
        }
        #expect(Role.auditor.permissions.all.allSatisfy { $0.rawValue.hasSuffix(".read") })
        #expect(!Role.domainAdministrator.permissions.has(.rolesManage) && !Role.domainAdministrator.permissions.has(.impersonate))
    }

    @Test("a credential has no more than its owner, and an app password no more than a mail program needs")
    func scope() async throws {
        let company = try await Company()
        try await company.book.grant(RoleGrant(role: "administrator", extent: .server), to: company.alice.account)
        let program = Principal(account: company.alice.account, name: company.alice.name, credential: .appPassword("abcdefgh"))
        for place in Company.Place.allCases {
            for permission in Permission.allCases {
                let may = try company.book.may(program, permission, company.object(place))
                #expect(may == (place == .own && Permissions.mailProgram.has(permission)), "\(permission.rawValue) \(place)")
            }
        }
        #expect(try !company.book.mayGrant(program, RoleGrant(role: "auditor", extent: .server)))
        #expect(!Permissions.mailProgram.has(.credentialsManage) && !Permissions.mailProgram.has(.settingsWrite))
    }

    @Test("nobody grants more than they have, nor further")
    func escalation() async throws {
        let company = try await Company()
        let delegate = Role(name: "people", permissions: Permissions([.rolesManage, .accountsRead, .accountsManage]))
        try await company.book.define(delegate)
        try await company.book.define(Role(name: "viewer", permissions: Permissions([.accountsRead])))
        try await company.book.grant(RoleGrant(role: "people", extent: .domain(company.domain)), to: company.alice.account)
        func may(_ role: String, _ extent: Extent) throws -> Bool { try company.book.mayGrant(company.alice, RoleGrant(role: role, extent: extent)) }
        #expect(try may("viewer", .domain(company.domain)) && may("people", .domain(company.domain)))
        #expect(try !may("viewer", .domain(company.otherDomain)) && !may("viewer", .server))
        #expect(try !may("administrator", .domain(company.domain)) && !may("domain-administrator", .domain(company.domain)))
        #expect(try !may("nonesuch", .server))
        #expect(try !company.book.mayGrant(company.bob, RoleGrant(role: "viewer", extent: .domain(company.domain))))
        try await company.book.grant(RoleGrant(role: "administrator", extent: .server), to: company.bob.account)
        for role in ["viewer", "people", "administrator"] {
            #expect(try company.book.mayGrant(company.bob, RoleGrant(role: role, extent: .server)), "\(role)")
        }
    }

    @Test("what is taken away, or given to a role, holds for the next question")
    func changes() async throws {
        let company = try await Company()
        let grant = RoleGrant(role: "helpdesk", extent: .domain(company.domain))
        await #expect(throws: RoleFault.noSuchRole("helpdesk")) { try await company.book.grant(grant, to: company.alice.account) }
        try await company.book.define(Role(name: "helpdesk", permissions: Permissions([.accountsRead])))
        try await company.book.grant(grant, to: company.alice.account)
        try await company.book.grant(grant, to: company.alice.account)
        #expect(try company.book.grants(of: company.alice.account) == [grant])
        let bob = company.object(.sameDomain)
        #expect(try company.book.may(company.alice, .accountsRead, bob) && !company.book.may(company.alice, .accountsManage, bob))
        try await company.book.define(Role(name: "helpdesk", permissions: Permissions([.accountsManage])))
        #expect(try !company.book.may(company.alice, .accountsRead, bob) && company.book.may(company.alice, .accountsManage, bob))
        await #expect(throws: RoleFault.granted("helpdesk")) { try await company.book.remove(role: "helpdesk") }
        try await company.book.revoke(grant, of: company.alice.account)
        #expect(try !company.book.may(company.alice, .accountsManage, bob))
        await #expect(throws: RoleFault.notGranted("helpdesk")) { try await company.book.revoke(grant, of: company.alice.account) }
        try await company.book.remove(role: "helpdesk")
        #expect(try company.book.roles().map(\.name) == Role.builtIn.map(\.name) && company.store.values(in: .roleGrants).isEmpty)
    }

    @Test("roles that cannot be are refused")
    func refused() async throws {
        let company = try await Company()
        for name in ["", "1st", "Big", "a b", "ü", String(repeating: "a", count: 65), "-a"] {
            await #expect(throws: RoleFault.name) { try await company.book.define(Role(name: name, permissions: Permissions([.mailRead]))) }
        }
        await #expect(throws: RoleFault.builtIn("auditor")) { try await company.book.define(Role(name: "auditor", permissions: .everything)) }
        await #expect(throws: RoleFault.builtIn("auditor")) { try await company.book.remove(role: "auditor") }
        await #expect(throws: RoleFault.empty) { try await company.book.define(Role(name: "nothing", permissions: .none)) }
        await #expect(throws: RoleFault.noSuchRole("nothing")) { try await company.book.remove(role: "nothing") }
    }

    @Test("what cannot be read permits nothing: it is an error, and a role that is gone permits nothing")
    func corrupt() async throws {
        let company = try await Company()
        let key = "\(company.alice.account.rawValue)"
        for text in ["[]", "{\"grants\":[{\"role\":\"administrator\",\"domain\":\"no domain!\"}]}"] {
            try await company.store.change([KeyValueChange(.roleGrants, key, Array(text.utf8))])
            #expect(throws: StorageFault.self, "\(text)") { try company.book.may(company.alice, .accountsManage, .server) }
        }
        try await company.store.change([KeyValueChange(.roleGrants, key, Array("{\"grants\":[{\"role\":\"gone\"}]}".utf8))])
        #expect(try !company.book.may(company.alice, .accountsManage, .server))
        // Their own is theirs all the same.
        #expect(try company.book.may(company.alice, .mailRead, company.object(.own)))
    }
}
