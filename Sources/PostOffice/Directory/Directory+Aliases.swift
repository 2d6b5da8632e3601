package import MailModel
package import Storage

// Aliases, domains that stand for others, and what accounts want done with their mail, as an administrator sets them.
extension Directory {
    // MARK: Aliases

    /// In order of name; of one domain, or of all.
    package func aliases(of domain: Domain? = nil) throws -> [Alias] {
        let all = try store.values(in: .aliases).values.compactMap(Directory.alias)
        return all.filter { domain == nil || $0.name.domain == domain }.sorted { $0.name.key < $1.name.key }
    }

    /// Adds targets to an alias, which is made where there is none: NAME@DOMAIN, or @DOMAIN for all that is nobody's there. Returns what it is now. Throws
    /// `DirectoryFault`; `StorageFault` (`noSuchDomain`, `nameTaken`, `notAllowed`).
    @discardableResult
    package func add(alias name: String, targets: [String]) async throws -> Alias {
        let name = try await aliasName(name)
        let old = try store.value(of: name.key, in: .aliases)
        var alias = Alias(name: name, targets: [])
        // It stays spelled as it was made.
        if let old { alias = try Directory.alias(old) ?? alias }
        for target in try await addresses(targets) where !alias.targets.contains(where: { $0.key == target.key }) { alias.targets.append(target) }
        guard !alias.targets.isEmpty else { throw DirectoryFault.address("") }
        guard alias.targets.count <= Alias.mostTargets else { throw StorageFault.notAllowed("an alias stands for \(Alias.mostTargets) addresses at most") }
        try await checkLoop(from: name.written, key: name.key, to: alias.targets)
        try await keep(alias, insteadOf: old)
        return alias
    }

    /// Takes targets off an alias; the whole alias where none are named, or none is left. Returns what it is now. `DirectoryFault.noSuchAlias`.
    @discardableResult
    package func remove(alias text: String, targets: [String] = []) async throws -> Alias? {
        guard let name = Alias.Name(text), let old = try store.value(of: name.key, in: .aliases) else { throw DirectoryFault.noSuchAlias }
        var alias = try Directory.alias(old) ?? Alias(name: name, targets: [])
        let gone = Set(
            try targets.map { target in
                guard let address = Address(target), alias.targets.contains(where: { $0.key == address.key }) else { throw DirectoryFault.noSuchAlias }
                return address.key
            })
        alias.targets.removeAll { gone.isEmpty || gone.contains($0.key) }
        if alias.targets.isEmpty {
            try await store.change([KeyValueChange(.aliases, name.key, nil, expecting: .value(old))])
            return nil
        }
        try await keep(alias, insteadOf: old)
        return alias
    }

    /// Nil: it has a name that no alias can have any more.
    private static func alias(_ octets: [UInt8]) throws -> Alias? {
        let stored = try StoredJSON.decode(StoredAlias.self, octets)
        return Alias.Name(stored.name).map { Alias(name: $0, targets: stored.addresses) }
    }

    func isAlias(_ address: Address) throws -> Bool { try store.value(of: address.key, in: .aliases) != nil }

    private func keep(_ alias: Alias, insteadOf old: [UInt8]?) async throws {
        let value = try StoredJSON.encode(StoredAlias(alias))
        try await store.change([KeyValueChange(.aliases, alias.name.key, value, expecting: old.map { .value($0) } ?? .absence)])
    }

    /// One that an alias may have.
    private func aliasName(_ text: String) async throws -> Alias.Name {
        guard let name = Alias.Name(text) else { throw DirectoryFault.address(text) }
        guard let domain = try await ownDomain(name.domain) else {
            if let target = try aliasTarget(of: name.domain) {
                throw StorageFault.notAllowed("\(name.domain) stands for \(target): make the alias there")
            }
            throw StorageFault.noSuchDomain
        }
        guard case .address(let address) = name else { return name }
        // Those are told apart by what they begin with.
        guard !address.localPart.lowercased().hasPrefix("srs0"), !address.localPart.lowercased().hasPrefix("srs1") else { throw DirectoryFault.address(text) }
        // try?: what is no user's name is no account's.
        if let user = try? UserName(address.localPart), try await store.account(named: AccountName(user: user, domain: domain)) != nil {
            throw StorageFault.nameTaken
        }
        guard try await !isOfList(address) else { throw StorageFault.nameTaken }
        return name
    }

    /// To whom mail may go: others', and ours that are somebody's.
    private func addresses(_ texts: [String]) async throws -> [Address] {
        var found: [Address] = []
        for text in texts {
            guard let address = Address(text), !address.domain.isLiteral else { throw DirectoryFault.address(text) }
            let resolution = try await resolve(address)
            if case .unknownUser = resolution { throw DirectoryFault.nobody(address) }
            found.append(address)
        }
        return found
    }

    /// Throws `DirectoryFault.loop` where mail that goes to the targets would come back to what has that key.
    private func checkLoop(from name: String, key: String, to targets: [Address]) async throws {
        var seen: Set<String> = []
        if let way = try await way(to: key, from: targets, &seen) { throw DirectoryFault.loop([name] + way) }
    }

    private func way(to key: String, from targets: [Address], _ seen: inout Set<String>) async throws -> [String]? {
        for target in targets {
            let next: (key: String, targets: [Address])
            switch try await meaning(of: target) {
            case .account(let record, _): next = ("account \(record.id.rawValue)", try settings(of: record.id).forwardsTo)
            case .alias(let alias, let key, _): next = (key, alias.addresses)
            // What lists send is found out by its marks.
            case .list, .reports, .returned, .nobody, .foreign: continue
            }
            if next.key == key { return [target.written] }
            guard seen.insert(next.key).inserted else { continue }
            if let way = try await way(to: key, from: next.targets, &seen) { return [target.written] + way }
        }
        return nil
    }

    // MARK: Domains that stand for others

    /// By the domain that stands for another, in order of name.
    package func domainAliases() throws -> [(domain: Domain, target: Domain)] {
        try store.values(in: .domainAliases).compactMap { name, target in
            guard let domain = Domain(name), let target = Domain(String(decoding: target, as: UTF8.self)) else { return nil }
            return (domain, target)
        }.sorted { $0.domain < $1.domain }
    }

    /// Every address of the domain is the same of the target from now on. `DirectoryFault.domain`; `nameTaken`, `noSuchDomain`.
    package func add(domain name: String, standingFor target: String) async throws {
        let (domain, target) = (try domain(name), try domain(target))
        guard let own = try await ownDomain(target) else { throw StorageFault.noSuchDomain }
        guard try await ownDomain(domain) == nil else { throw StorageFault.nameTaken }
        try await store.change([
            KeyValueChange(.domainAliases, (domain.asciiForm ?? domain).value, Array(own.value.utf8), expecting: .absence)
        ])
    }

    /// Whether it stood for another, and is gone.
    func removeAlias(domain: Domain) async throws -> Bool {
        guard try aliasTarget(of: domain) != nil else { return false }
        try await store.change([KeyValueChange(.domainAliases, (domain.asciiForm ?? domain).value, nil)])
        return true
    }

    /// Throws `notAllowed` where something else leans on a domain of ours.
    func checkUnused(_ domain: Domain) throws {
        if let other = try domainAliases().first(where: { $0.target == domain }) {
            throw StorageFault.notAllowed("\(other.domain) stands for the domain")
        }
        let form = domain.asciiForm ?? domain
        if let alias = try aliases().first(where: { ($0.name.domain.asciiForm ?? $0.name.domain) == form }) {
            throw StorageFault.notAllowed("the domain has aliases: \(alias.name.written)")
        }
    }

    // MARK: What accounts want

    /// `noSuchAccount`.
    package func deliverySettings(of name: String) async throws -> DeliverySettings { try settings(of: try await existing(name).id) }

    /// What comes for an account is sent on to these from now on; to nobody where there are none. Throws `DirectoryFault`, `StorageFault.noSuchAccount`.
    package func set(forwarding targets: [String], keepsCopy: Bool, of name: String) async throws {
        let record = try await existing(name)
        var settings = try settings(of: record.id)
        var known: Set<String> = []
        settings.forwardsTo = try await addresses(targets).filter { known.insert($0.key).inserted }
        settings.keepsCopy = keepsCopy
        guard settings.forwardsTo.count <= Alias.mostTargets else {
            throw StorageFault.notAllowed("mail is sent on to \(Alias.mostTargets) addresses at most")
        }
        try await checkLoop(from: record.name.description, key: "account \(record.id.rawValue)", to: settings.forwardsTo)
        try await keep(settings, of: record.id)
    }

    /// Whether mail for NAME+DETAIL is filed in the mailbox DETAIL. `StorageFault.noSuchAccount`.
    package func set(filesByDetail: Bool, of name: String) async throws {
        let record = try await existing(name)
        var settings = try settings(of: record.id)
        settings.filesByDetail = filesByDetail
        try await keep(settings, of: record.id)
    }

    private func keep(_ settings: DeliverySettings, of account: AccountID) async throws {
        let value = settings == DeliverySettings() ? nil : try StoredJSON.encode(StoredDeliverySettings(settings))
        try await store.change([KeyValueChange(.deliverySettings, "\(account.rawValue)", value)])
    }
}
