package import MailModel
import Storage

/// Whose an address is.
package enum Resolution: Hashable, Sendable {
    /// Ours: where its mail goes. One place for most accounts' own addresses; there may be more.
    case destinations([Destination])
    /// The domain is ours, the local part is nobody's.
    case unknownUser
    /// Another domain, or an address literal.
    case notLocal
}

extension Directory {
    /// Who gets mail for an address. Compared without case. Never waits for the disk. Of these the first that there is:
    ///
    /// 1. an account, an address of a list or an alias of that name;
    /// 2. for a sender that `SenderRewriting` has made, who it stands for;
    /// 3. for NAME+DETAIL (RFC 5233) the account or the alias NAME;
    /// 4. an address that takes reports (`ReportAddresses`);
    /// 5. the domain's catch-all;
    /// 6. `postmaster` (RFC 5321 §4.5.1) and `abuse` (RFC 2142 §2) are the first account made.
    ///
    /// In a domain that stands for another the other's are meant.
    package func resolve(_ address: Address) async throws -> Resolution {
        let meaning = try await meaning(of: address)
        if case .foreign = meaning { return .notLocal }
        var expansion = AddressExpansion()
        try await expand(meaning, as: address, into: &expansion)
        // Nobody is left out without a word: the sender tries again, and the log says why.
        guard !expansion.isFull else { throw StorageFault.notAllowed("\(address.written) leads to more than \(Alias.mostDestinations) places") }
        if expansion.destinations.isEmpty, Directory.isRole(address) { return try await resolveFirstAccount() }
        return expansion.destinations.isEmpty ? .unknownUser : .destinations(expansion.destinations)
    }

    /// Who gets mail for the bare `<postmaster>` (RFC 5321 §2.3.5): who has that name in the default domain, or else the first account made; unknown before there
    /// is one.
    package func resolvePostmaster() async throws -> Resolution {
        if let address = addressHere("postmaster"), case .destinations(let destinations) = try await resolve(address) { return .destinations(destinations) }
        return try await resolveFirstAccount()
    }

    /// Who gets mail for a local part at this very machine, as an address literal names it: the account of that name in the default domain.
    package func resolveHere(_ localPart: String) async throws -> Resolution {
        guard let address = addressHere(localPart), case .destinations(let destinations) = try await resolve(address) else { return .unknownUser }
        return .destinations(destinations)
    }

    /// The address that is meant by it; nil: there is no default domain.
    package func addressHere(_ localPart: String) -> Address? { defaultDomain.flatMap { Address(localPart: localPart, domain: $0) } }

    /// In how far mail from the address is theirs to send: it is their own, with or without a detail, or an alias by which they get mail; or its owner has named them
    /// a delegate. That somebody has mail sent on to them makes it not theirs.
    package func sendRight(_ principal: Principal, _ address: Address) async throws -> SendRight {
        var seen: Set<String> = []
        return try await right(to: address, of: principal.account, &seen)
    }

    /// The domains whose mail is ours, with those that stand for others, in no order.
    package func domainsServed() async throws -> Set<Domain> {
        Set(try await store.domains()).union(try store.values(in: .domainAliases).keys.compactMap { Domain($0) })
    }

    /// Whether an address stands for a sender elsewhere (`SenderRewriting`): only reports, which come from `<>`, are for it.
    package func takesReportsAlone(_ address: Address) async throws -> Bool {
        guard rewriting.original(of: address) != nil, case .returned = try await meaning(of: address) else { return false }
        return true
    }

    // MARK: What an address is

    /// What an address is to us, one step of the way.
    enum Meaning {
        /// With what stands behind its `+`.
        case account(AccountRecord, detail: String?)
        case alias(StoredAlias, key: String, detail: String?)
        case list(ListDoor)
        case returned(Address)
        case reports
        case nobody
        case foreign
    }

    func meaning(of address: Address) async throws -> Meaning {
        guard !address.domain.isLiteral else { return .foreign }
        if let known = try await named(address, detail: nil) { return known }
        guard let domain = try await ownDomain(address.domain) else {
            guard let target = try aliasTarget(of: address.domain), let other = Address(localPart: address.localPart, domain: target) else { return .foreign }
            // A domain that stands for another that is gone is still ours.
            guard try await ownDomain(target) != nil else { return .nobody }
            return try await meaning(of: other)
        }
        if domain != address.domain, let own = Address(localPart: address.localPart, domain: domain), let known = try await named(own, detail: nil) {
            return known
        }
        if let original = rewriting.original(of: address) { return .returned(original) }
        if let plus = address.localPart.firstIndex(of: "+"), plus > address.localPart.startIndex,
            let base = Address(localPart: String(address.localPart[..<plus]), domain: domain),
            let known = try await named(base, detail: String(address.localPart[address.localPart.index(after: plus)...]))
        {
            return known
        }
        if let own = Address(localPart: address.localPart, domain: domain), reports?.contains(own) == true { return .reports }
        return try alias(.everybody(at: domain), detail: nil) ?? .nobody
    }

    /// An account, an address of a list or an alias of exactly that name.
    private func named(_ address: Address, detail: String?) async throws -> Meaning? {
        // try?: what is no user's name may be an alias.
        if let user = try? UserName(address.localPart), let record = try await store.account(named: AccountName(user: user, domain: address.domain)) {
            return .account(record, detail: detail)
        }
        if detail == nil, let door = try await lists?.door(address) { return .list(door) }
        return try alias(.address(address), detail: detail)
    }

    private func alias(_ name: Alias.Name, detail: String?) throws -> Meaning? {
        let key = name.key
        guard let octets = try store.value(of: key, in: .aliases) else { return nil }
        return .alias(try StoredJSON.decode(StoredAlias.self, octets), key: key, detail: detail)
    }

    /// The domain of ours that a name means: itself, or the same in A-labels or U-labels (RFC 5890 §2.3.2.4).
    func ownDomain(_ name: Domain) async throws -> Domain? {
        let domains = try await store.domains()
        if domains.contains(name) { return name }
        guard let form = name.asciiForm, !name.isASCII || name.value.contains("xn--") else { return nil }
        return domains.first { $0.asciiForm == form }
    }

    /// Which domain of ours a domain stands for; nil: it stands for none.
    func aliasTarget(of name: Domain) throws -> Domain? {
        try store.value(of: (name.asciiForm ?? name).value, in: .domainAliases).flatMap { Domain(String(decoding: $0, as: UTF8.self)) }
    }

    /// RFC 5321 §4.5.1, RFC 2142 §2: somebody must read these.
    private static func isRole(_ address: Address) -> Bool {
        let local = address.localPart.lowercased()
        return local == "postmaster" || local == "abuse"
    }

    // MARK: Where it goes

    private func resolveFirstAccount() async throws -> Resolution {
        guard let first = try await store.accounts().first else { return .unknownUser }
        var expansion = AddressExpansion()
        try await expand(.account(first, detail: nil), as: Address(first.name), into: &expansion)
        return expansion.destinations.isEmpty ? .unknownUser : .destinations(expansion.destinations)
    }

    /// - parameter address: by which it was reached.
    private func expand(_ meaning: Meaning, as address: Address, into expansion: inout AddressExpansion) async throws {
        switch meaning {
        case .account(let record, let detail):
            guard expansion.visit("account \(record.id.rawValue)") else { return }
            let settings = try settings(of: record.id)
            let before = expansion.count
            if !settings.keepsCopy { try await expand(settings.forwardsTo, by: Address(record.name), detail: nil, into: &expansion) }
            // What cannot be sent on is not lost.
            if expansion.count == before {
                expansion.add(.mailbox(try await mailbox(for: record.id, detail: settings.filesByDetail ? detail : nil), of: record.id))
            }
            if settings.keepsCopy { try await expand(settings.forwardsTo, by: Address(record.name), detail: nil, into: &expansion) }
        case .alias(let alias, let key, let detail):
            guard expansion.visit(key) else { return }
            try await expand(alias.addresses, by: address, detail: detail, into: &expansion)
        case .list(let door): expansion.add(.list(door.list.inDomain(address)))
        case .returned(let original): expansion.add(.forward(to: original, by: address))
        case .reports: expansion.add(.reports(address))
        case .nobody, .foreign: break
        }
    }

    private func expand(_ targets: [Address], by forwarder: Address, detail: String?, into expansion: inout AddressExpansion) async throws {
        for target in targets {
            guard !expansion.isFull else { return }
            switch try await meaning(of: target) {
            case .foreign: expansion.add(.forward(to: target, by: forwarder))
            case .account(let record, let own): try await expand(.account(record, detail: own ?? detail), as: target, into: &expansion)
            case .alias(let alias, let key, let own): try await expand(.alias(alias, key: key, detail: own ?? detail), as: target, into: &expansion)
            case .list(let door): expansion.add(.list(door.list.inDomain(target)))
            case .reports: expansion.add(.reports(target))
            case .nobody where Directory.isRole(target):
                if let first = try await store.accounts().first { try await expand(.account(first, detail: nil), as: target, into: &expansion) }
            // Nobody's; or what stands for somebody else for a while, which is no place to send mail on to.
            case .nobody, .returned: break
            }
        }
    }

    /// The account's INBOX, or its mailbox of that name, in any case, where it has one that mail is filed in.
    private func mailbox(for account: AccountID, detail: String?) async throws -> MailboxID {
        if let detail, let name = MailboxName(detail) {
            if let exact = try await store.mailbox(named: name, of: account), exact.takesDetails { return exact.id }
            let folded = detail.lowercased()
            if let found = try await store.mailboxes(of: account).first(where: { $0.name.value.lowercased() == folded && $0.takesDetails }) { return found.id }
        }
        guard let inbox = try await store.mailbox(named: .inbox, of: account) else { throw StorageFault.noSuchMailbox }
        return inbox.id
    }

    func settings(of account: AccountID) throws -> DeliverySettings {
        guard let octets = try store.value(of: "\(account.rawValue)", in: .deliverySettings) else { return DeliverySettings() }
        return try StoredJSON.decode(StoredDeliverySettings.self, octets).settings
    }

    // MARK: Whose it is

    private func right(to address: Address, of account: AccountID, _ seen: inout Set<String>) async throws -> SendRight {
        switch try await meaning(of: address) {
        case .account(let record, _): return record.id == account ? .own : try delegated(by: record.id, to: account)
        case .alias(let alias, let key, _):
            guard seen.insert(key).inserted else { return .none }
            var best = SendRight.none
            for target in alias.addresses where best < .own { best = max(best, try await right(to: target, of: account, &seen)) }
            return best
        case .nobody where Directory.isRole(address): return try await store.accounts().first?.id == account ? .own : .none
        case .nobody, .foreign, .returned, .list, .reports: return .none
        }
    }
}

/// Where an address leads, while its way is followed.
struct AddressExpansion {
    /// In the order in which they were found, each once.
    private(set) var destinations: [Destination] = []
    private var known: Set<Destination> = []
    private var visited: Set<String> = []

    var count: Int { destinations.count }
    var isFull: Bool { destinations.count > Alias.mostDestinations }

    /// False: it was here before, so that going on would end nowhere.
    mutating func visit(_ key: String) -> Bool { visited.insert(key).inserted }

    mutating func add(_ destination: Destination) {
        if !isFull, known.insert(destination).inserted { destinations.append(destination) }
    }
}

extension MailboxRecord {
    /// What a client puts there itself is not for strangers to add to.
    fileprivate var takesDetails: Bool {
        switch specialUse {
        case .sent, .drafts, .trash: false
        default: true
        }
    }
}
