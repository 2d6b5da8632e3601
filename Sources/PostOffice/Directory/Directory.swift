package import Gatehouse
package import MailModel
package import Storage

/// The domains, accounts and aliases of the house, with the rules for them: what a name and a password may be, whose an address is, and that
/// the Gatekeeper hears of every change once it is durable.
///
/// Reads are answered from memory. A disabled account still gets mail; it only cannot log in (S17).
package struct Directory: Sendable {
    package typealias Ports = AccountStore & MailboxStore & KeyValueStore

    let store: any Ports
    let gatekeeper: Gatekeeper
    /// Where a bare NAME belongs.
    let defaultDomain: Domain?
    /// What the server is called: nobody's password.
    private let serverNames: [String]
    let rewriting: SenderRewriting
    /// Nil: there are none here.
    package let lists: ListRegister?
    /// Nil: no address takes reports.
    let reports: ReportAddresses?

    package init(
        store: any Ports, gatekeeper: Gatekeeper, defaultDomain: Domain?, serverNames: [String] = [], rewriting: SenderRewriting,
        lists: ListRegister? = nil, reports: ReportAddresses? = nil
    ) {
        self.store = store
        self.gatekeeper = gatekeeper
        self.defaultDomain = defaultDomain
        self.serverNames = serverNames
        self.rewriting = rewriting
        self.lists = lists
        self.reports = reports
    }
}

// Changes, as an administrator makes them. Names are NAME@DOMAIN, or a bare NAME of the default domain.
extension Directory {
    /// In order of creation.
    package func list() async throws -> [AccountRecord] { try await store.accounts() }

    package func account(_ name: String) async throws -> AccountRecord? {
        try await store.account(named: accountName(name))
    }

    /// Makes an account. Throws `DirectoryFault`, `HashingFault`, `StorageFault` (`noSuchDomain`, `nameTaken`).
    package func add(account name: String, password: Password) async throws -> (record: AccountRecord, advice: PasswordRule.Advice?) {
        let name = try accountName(name)
        let advice = try await allowed(password, of: name)
        guard try await store.domains().contains(name.domain) else { throw StorageFault.noSuchDomain }
        guard try await store.account(named: name) == nil, try !isAlias(Address(name)), try await !isOfList(Address(name)) else {
            throw StorageFault.nameTaken
        }
        let hash = try await gatekeeper.hashPassword(password)
        let record = try await store.add(account: name, passwordHash: hash)
        await gatekeeper.keepKeys(of: password, for: record)
        return (record, advice)
    }

    /// Running sessions of the account end. As `add` throws; `noSuchAccount`.
    @discardableResult
    package func set(password: Password, of name: String) async throws -> PasswordRule.Advice? {
        let record = try await existing(name)
        let advice = try await allowed(password, of: record.name)
        let hash = try await gatekeeper.hashPassword(password)
        try await store.set(passwordHash: hash, of: record.id)
        gatekeeper.accountChanged(record.id)
        try await gatekeeper.endReset(of: record.id)
        var changed = record
        changed.passwordHash = hash
        await gatekeeper.keepKeys(of: password, for: changed)
        return advice
    }

    /// Disabled, it cannot log in and its running sessions end.
    package func set(enabled: Bool, of name: String) async throws {
        let record = try await existing(name)
        guard record.enabled != enabled else { return }
        try await store.set(enabled: enabled, of: record.id)
        gatekeeper.accountChanged(record.id)
        await gatekeeper.reviewKeys(of: record.id)
    }

    /// With its mail.
    package func remove(account name: String) async throws {
        let record = try await existing(name)
        try await store.remove(account: record.id)
        gatekeeper.accountChanged(record.id)
        let key = "\(record.id.rawValue)"
        try await store.change([KeyValueChange(.deliverySettings, key, nil), KeyValueChange(.scramKeys, key, nil)])
        await gatekeeper.reviewKeys(of: record.id)
        try await gatekeeper.forgetCredentials(of: record.id)
        try await RoleBook(store: store).forget(record.id)
        try await forgetDelegates(of: record.id)
    }

    /// In order of name, without those that stand for others.
    package func domains() async throws -> [Domain] { try await store.domains() }

    /// `DirectoryFault.domain`; `nameTaken`.
    package func add(domain name: String) async throws {
        let domain = try domain(name)
        guard try aliasTarget(of: domain) == nil else { throw StorageFault.nameTaken }
        try await store.add(domain: domain)
    }

    /// `noSuchDomain`; `notAllowed` while it has accounts or aliases, or another stands for it. One that stands for another is removed at once.
    package func remove(domain name: String) async throws {
        let domain = try domain(name)
        if try await removeAlias(domain: domain) { return }
        try checkUnused(domain)
        try await checkNoLists(in: domain)
        try await store.remove(domain: domain)
    }

    func existing(_ name: String) async throws -> AccountRecord {
        guard let record = try await store.account(named: accountName(name)) else { throw StorageFault.noSuchAccount }
        return record
    }

    func accountName(_ name: String) throws(DirectoryFault) -> AccountName {
        do {
            return try AccountName(name, defaultDomain: defaultDomain)
        } catch {
            switch error {
            case .user(let fault): throw .user(fault)
            case .domain: throw .domain
            }
        }
    }

    func domain(_ name: String) throws(DirectoryFault) -> Domain {
        guard let domain = Domain(name), !domain.isLiteral else { throw .domain }
        return domain
    }

    /// The one rule for every new password (S96).
    private func allowed(_ password: Password, of name: AccountName) async throws -> PasswordRule.Advice? {
        let advice: PasswordRule.Advice?
        do {
            advice = try PasswordRule.check(password, of: name, serverNames: serverNames)
        } catch {
            throw DirectoryFault.password(error)
        }
        guard try await !isNameHere(password, name) else { throw DirectoryFault.password(.guessable) }
        return advice
    }

    /// Whether a password is one of our domains, or an account's address or the part of it before the `@`.
    private func isNameHere(_ password: Password, _ name: AccountName) async throws -> Bool {
        let domains = try await store.domains()
        if let domain = password.domainName, domains.contains(domain) { return true }
        guard let typed = password.accountName(in: name.domain) else { return false }
        if try await store.account(named: typed) != nil { return true }
        guard typed.domain == name.domain else { return false }
        for domain in domains where try await store.account(named: AccountName(user: typed.user, domain: domain)) != nil { return true }
        return false
    }
}

/// Why the directory refuses a change before any store is asked.
package enum DirectoryFault: Error, Equatable, Sendable, CustomStringConvertible {
    case user(UserName.Fault)
    /// No domain name, or a bare user name without a default domain.
    case domain
    case password(PasswordRule.Fault)
    /// No address, or none that an alias may have.
    case address(String)
    /// Ours, and nobody is called so.
    case nobody(Address)
    /// Mail would go round: by way of these.
    case loop([String])
    case noSuchAlias

    package var description: String {
        switch self {
        case .user(let fault): fault.logLine
        case .domain: "Invalid domain"
        case .password(let fault): fault.description
        case .address(let text): "not an address that can be used here: \(LogText.quoted(text))"
        case .nobody(let address): "nobody is called \(address.written) here"
        case .loop(let way): "mail would go round in circles: \(way.joined(separator: " -> "))"
        case .noSuchAlias: "there is no such alias"
        }
    }
}
