package import Gatehouse
package import MailModel
package import Storage

/// Whose an address is.
package enum Resolution: Hashable, Sendable {
    /// Ours: where its mail goes. One place for an account's own address; there may be more.
    case destinations([Destination])
    /// The domain is ours, the local part is nobody's.
    case unknownUser
    /// Another domain, or an address literal.
    case notLocal
}

/// The domains and accounts of the house, with the rules for them: what a name and a password may be, whose an address is, and that
/// the Gatekeeper hears of every change once it is durable.
///
/// Reads are answered from memory. A disabled account still gets mail; it only cannot log in (S17).
package struct Directory: Sendable {
    let accounts: any AccountStore
    private let mailboxes: any MailboxStore
    private let gatekeeper: Gatekeeper
    /// Where a bare NAME belongs.
    private let defaultDomain: Domain?
    /// What the server is called: nobody's password.
    private let serverNames: [String]
    /// Nil: there are none here.
    package let lists: ListRegister?

    package init(
        accounts: any AccountStore, mailboxes: any MailboxStore, gatekeeper: Gatekeeper, defaultDomain: Domain?, serverNames: [String] = [],
        lists: ListRegister? = nil
    ) {
        self.lists = lists
        self.serverNames = serverNames
        self.accounts = accounts
        self.mailboxes = mailboxes
        self.gatekeeper = gatekeeper
        self.defaultDomain = defaultDomain
    }

    /// Who gets mail for an address. Compared without case; `postmaster` of a domain of ours is the account of that name, or else the first account
    /// made (RFC 5321 §4.5.1). Never waits for the disk.
    package func resolve(_ address: Address) async throws -> Resolution {
        guard !address.domain.isLiteral else { return .notLocal }
        let user = try? UserName(address.localPart)
        if let user, let record = try await accounts.account(named: AccountName(user: user, domain: address.domain)) {
            return try await resolution(record.id)
        }
        guard let own = try await ownDomain(address.domain) else { return .notLocal }
        if let user, own != address.domain, let record = try await accounts.account(named: AccountName(user: user, domain: own)) {
            return try await resolution(record.id)
        }
        if let door = try await lists?.door(address) { return .destinations([.list(door.list.inDomain(address))]) }
        return user?.folded == "postmaster" ? try await resolvePostmaster() : .unknownUser
    }

    /// Who gets mail for the bare `<postmaster>` (RFC 5321 §2.3.5): the first account made; unknown before there is one.
    package func resolvePostmaster() async throws -> Resolution {
        guard let first = try await accounts.accounts().first else { return .unknownUser }
        return try await resolution(first.id)
    }

    /// Who gets mail for a local part at this very machine, as an address literal names it: the account of that name in the default domain.
    package func resolveHere(_ localPart: String) async throws -> Resolution {
        guard let address = addressHere(localPart), case .destinations(let destinations) = try await resolve(address) else { return .unknownUser }
        return .destinations(destinations)
    }

    /// The address that is meant by it; nil: there is no default domain.
    package func addressHere(_ localPart: String) -> Address? { defaultDomain.flatMap { Address(localPart: localPart, domain: $0) } }

    /// Whether mail from the address is theirs to send.
    package func owns(_ principal: Principal, _ address: Address) async throws -> Bool {
        guard case .destinations(let destinations) = try await resolve(address) else { return false }
        return destinations.contains { if case .mailbox(_, of: principal.account) = $0 { true } else { false } }
    }

    /// The domain of ours that a name means: itself, or the same in A-labels or U-labels (RFC 5890 §2.3.2.4).
    func ownDomain(_ name: Domain) async throws -> Domain? {
        let domains = try await accounts.domains()
        if domains.contains(name) { return name }
        guard let form = name.asciiForm, !name.isASCII || name.value.contains("xn--") else { return nil }
        return domains.first { $0.asciiForm == form }
    }

    private func resolution(_ account: AccountID) async throws -> Resolution {
        guard let inbox = try await mailboxes.mailbox(named: .inbox, of: account) else { throw StorageFault.noSuchMailbox }
        return .destinations([.mailbox(inbox.id, of: account)])
    }
}

// Changes, as an administrator makes them. Names are NAME@DOMAIN, or a bare NAME of the default domain.
extension Directory {
    /// In order of creation.
    package func list() async throws -> [AccountRecord] { try await accounts.accounts() }

    package func account(_ name: String) async throws -> AccountRecord? {
        try await accounts.account(named: accountName(name))
    }

    /// Makes an account. Throws `DirectoryFault`, `HashingFault`, `StorageFault` (`noSuchDomain`, `nameTaken`).
    package func add(account name: String, password: Password) async throws -> (record: AccountRecord, advice: PasswordRule.Advice?) {
        let name = try accountName(name)
        let advice = try await allowed(password, of: name)
        guard try await accounts.domains().contains(name.domain) else { throw StorageFault.noSuchDomain }
        guard try await accounts.account(named: name) == nil else { throw StorageFault.nameTaken }
        if let address = Address(localPart: name.user.folded, domain: name.domain), try await lists?.claims(address) ?? false { throw StorageFault.nameTaken }
        let hash = try await gatekeeper.hashPassword(password)
        return (try await accounts.add(account: name, passwordHash: hash), advice)
    }

    /// Running sessions of the account end. As `add` throws; `noSuchAccount`.
    @discardableResult
    package func set(password: Password, of name: String) async throws -> PasswordRule.Advice? {
        let record = try await existing(name)
        let advice = try await allowed(password, of: record.name)
        let hash = try await gatekeeper.hashPassword(password)
        try await accounts.set(passwordHash: hash, of: record.id)
        gatekeeper.accountChanged(record.id)
        return advice
    }

    /// Disabled, it cannot log in and its running sessions end.
    package func set(enabled: Bool, of name: String) async throws {
        let record = try await existing(name)
        guard record.enabled != enabled else { return }
        try await accounts.set(enabled: enabled, of: record.id)
        gatekeeper.accountChanged(record.id)
    }

    /// With its mail.
    package func remove(account name: String) async throws {
        let record = try await existing(name)
        try await accounts.remove(account: record.id)
        gatekeeper.accountChanged(record.id)
    }

    /// In order of name.
    package func domains() async throws -> [Domain] { try await accounts.domains() }

    /// `DirectoryFault.domain`; `nameTaken`.
    package func add(domain name: String) async throws {
        try await accounts.add(domain: domain(name))
    }

    /// `noSuchDomain`; `notAllowed` while it has accounts.
    package func remove(domain name: String) async throws {
        let domain = try domain(name)
        guard try await !(lists?.lists() ?? []).contains(where: { $0.list.address.domain == domain }) else {
            throw StorageFault.notAllowed("the domain has lists; martlet list remove removes them")
        }
        try await accounts.remove(domain: domain)
    }

    private func existing(_ name: String) async throws -> AccountRecord {
        guard let record = try await accounts.account(named: accountName(name)) else { throw StorageFault.noSuchAccount }
        return record
    }

    private func accountName(_ name: String) throws(DirectoryFault) -> AccountName {
        do {
            return try AccountName(name, defaultDomain: defaultDomain)
        } catch {
            switch error {
            case .user(let fault): throw .user(fault)
            case .domain: throw .domain
            }
        }
    }

    private func domain(_ name: String) throws(DirectoryFault) -> Domain {
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
        let domains = try await accounts.domains()
        if let domain = password.domainName, domains.contains(domain) { return true }
        guard let typed = password.accountName(in: name.domain) else { return false }
        if try await accounts.account(named: typed) != nil { return true }
        guard typed.domain == name.domain else { return false }
        for domain in domains where try await accounts.account(named: AccountName(user: typed.user, domain: domain)) != nil { return true }
        return false
    }
}

/// Why the directory refuses a change before any store is asked.
package enum DirectoryFault: Error, Equatable, Sendable, CustomStringConvertible {
    case user(UserName.Fault)
    /// No domain name, or a bare user name without a default domain.
    case domain
    case password(PasswordRule.Fault)

    package var description: String {
        switch self {
        case .user(let fault): fault.logLine
        case .domain: "Invalid domain"
        case .password(let fault): fault.description
        }
    }
}
