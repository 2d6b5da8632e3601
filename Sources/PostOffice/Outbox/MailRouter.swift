package import Conversation
package import MailModel

/// Finds where a domain's mail goes (RFC 5321 §5.1).
///
/// - What nobody could say (a failed look-up) is never "there is none": a domain bounces only by what DNS says.
/// - The families are asked each by itself, and a fault of one, or of one host, costs no other.
/// - Nothing that DNS says makes us connect to ourselves, to this machine or to a private network, unless the caller allows private addresses.
package struct MailRouter: Sendable {
    package struct Setting: Sendable {
        /// Those that are used, in the order in which they take turns.
        package var families: [AddressFamily] = [.ipv6, .ipv4]
        /// Our own, in ASCII: a domain whose exchangers they are is not sent on.
        package var ownHosts: Set<Domain> = []
        /// Those at which the world's mail comes to us.
        package var ownAddresses: Set<IPAddress> = []

        package init() {}
    }

    /// Of exchangers, of addresses of one, and of all addresses.
    static let mostHosts = 20
    static let mostAddressesOfHost = 8
    static let mostAddresses = 40
    /// Of a name in DNS (RFC 1035 §2.3.4), in octets as it is written.
    private static let longestName = 253

    private let resolver: any Resolver
    private let setting: Setting
    private let asciiForm: @Sendable (Domain) -> Domain?
    private let chance: Chance

    /// - parameter asciiForm: a domain in A-labels (RFC 5891 §4.4); nil: it has none.
    /// - parameter random: where equals are shuffled by.
    package init(
        _ resolver: any Resolver, _ setting: Setting, asciiForm: @escaping @Sendable (Domain) -> Domain?,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 0...UInt64.max) }
    ) {
        self.resolver = resolver
        self.setting = setting
        self.asciiForm = asciiForm
        chance = Chance(random)
    }

    /// For a recipient's domain, which may be an address literal. Throws `MailRouteFault`, or `CancellationError`.
    package func route(to domain: Domain, allowsPrivate: Bool = false) async throws -> MailRoute {
        if domain.isLiteral { return try route(toLiteral: domain, allowsPrivate) }
        guard let name = asciiForm(domain), name.value.utf8.count <= MailRouter.longestName else {
            throw MailRouteFault(.noSuchDomain, "\(domain) is no name that DNS can have")
        }
        let answer = try await exchangers(of: name)
        if answer.denial == .noSuchName { throw MailRouteFault(.noSuchDomain, "there is no domain \(domain)") }
        // RFC 5321 §5.1: without any MX the domain itself is the only one, with preference 0.
        var exchangers = [MailExchanger(preference: 0, host: name)]
        if answer.denial == nil {
            // RFC 7505 §3: null MX stands alone; beside others it means nothing.
            exchangers = answer.records.filter { $0.host != nil }
            if exchangers.isEmpty { throw MailRouteFault(.takesNoMail, "\(domain) says that it takes no mail (null MX)") }
        }
        let candidates = try await candidates(exchangers)
        let others = try withoutOurselves(candidates, domain)
        return try route(others, to: domain, isSecure: answer.isSecure, site: MailRouter.site(candidates), allowsPrivate)
    }

    /// By way of hosts that the configuration names, each a name in ASCII or an address literal; whether they are ourselves is not looked at. Throws as
    /// `route(to:)`.
    package func route(via exchangers: [MailExchanger], allowsPrivate: Bool) async throws -> MailRoute {
        let candidates = try await candidates(exchangers)
        guard let first = candidates.first else { throw MailRouteFault(.noAddress, "the route names no host") }
        return try route(candidates, to: first.host, isSecure: true, site: MailRouter.site(candidates), allowsPrivate)
    }

    private func exchangers(of name: Domain) async throws -> DNSAnswer<MailExchanger> {
        do {
            return try await resolver.mailExchangers(of: name)
        } catch {
            let fault = try MailRouter.fault(error)
            throw MailRouteFault(.resolver(fault), "the mail servers of \(name) could not be looked up: \(fault.words)")
        }
    }

    /// By preference, equals shuffled; a host that is named twice counts once, where it is best.
    private func candidates(_ exchangers: [MailExchanger]) async throws -> [RouteCandidate] {
        var chance = chance
        var known: Set<Domain> = []
        let ordered = exchangers.shuffled(using: &chance).sorted { $0.preference < $1.preference }
        let hosts = ordered.compactMap { exchanger in exchanger.host.map { RouteCandidate($0, preference: exchanger.preference) } }
            .filter { known.insert($0.host).inserted }
        return try await resolved(Array(hosts.prefix(MailRouter.mostHosts)))
    }

    /// With their addresses: all are asked for at once.
    private func resolved(_ candidates: [RouteCandidate]) async throws -> [RouteCandidate] {
        try await withThrowingTaskGroup(of: (Int, AddressFamily, Result<DNSAnswer<IPAddress>, ResolverFault>).self) { group in
            var candidates = candidates
            for (index, candidate) in candidates.enumerated() {
                if candidate.host.isLiteral {
                    candidates[index].add(literal: candidate.host)
                    continue
                }
                for family in setting.families {
                    group.addTask { [resolver] in
                        do {
                            return (index, family, .success(try await resolver.addresses(of: candidate.host, family)))
                        } catch {
                            return (index, family, .failure(try MailRouter.fault(error)))
                        }
                    }
                }
            }
            for try await (index, family, result) in group { candidates[index].add(result, family) }
            return candidates
        }
    }

    /// Without those that are ourselves, or no better than ourselves (RFC 5321 §5.1).
    private func withoutOurselves(_ candidates: [RouteCandidate], _ domain: Domain) throws -> [RouteCandidate] {
        let own = candidates.filter { candidate in
            setting.ownHosts.contains(candidate.host)
                || candidate.addresses.contains { address in
                    setting.ownAddresses.contains(address.address) || address.canonicalName.map(setting.ownHosts.contains) ?? false
                }
        }
        guard let bound = own.map(\.preference).min() else { return candidates }
        let better = candidates.filter { $0.preference < bound }
        if better.isEmpty { throw MailRouteFault(.loop, "mail for \(domain) would come back to this server, which does not take it") }
        return better
    }

    private func route(_ candidates: [RouteCandidate], to domain: Domain, isSecure: Bool, site: String, _ allowsPrivate: Bool) throws -> MailRoute {
        var servers: [MailRoute.Server] = []
        var refused: IPAddress?
        for candidate in candidates {
            let found = candidate.servers(setting.families)
            let allowed = found.filter { MailRouter.isAllowed($0.address, allowsPrivate) }
            refused = refused ?? found.first { !MailRouter.isAllowed($0.address, allowsPrivate) }?.address
            servers += allowed.prefix(MailRouter.mostAddressesOfHost)
        }
        guard servers.isEmpty else { return MailRoute(servers: Array(servers.prefix(MailRouter.mostAddresses)), isSecure: isSecure, site: site) }
        // First: what is not known may be the one that is good.
        for candidate in candidates {
            guard let fault = candidate.fault else { continue }
            throw MailRouteFault(.resolver(fault), "the addresses of \(candidate.host) could not be looked up: \(fault.words)")
        }
        if let refused {
            throw MailRouteFault(
                .unreachableAddresses, "the mail servers of \(domain) have no address that mail may go to: \(refused) is \(refused.scope.rawValue)")
        }
        throw MailRouteFault(.noAddress, "\(domain) has no mail server with an address")
    }

    // RFC 5321 §4.1.3
    private func route(toLiteral literal: Domain, _ allowsPrivate: Bool) throws -> MailRoute {
        guard let address = IPAddress(literal: literal) else { throw MailRouteFault(.noSuchDomain, "\(literal) is no address of a host") }
        if setting.ownAddresses.contains(address) {
            throw MailRouteFault(.loop, "mail for \(literal) would come back to this server, which does not take it")
        }
        var candidate = RouteCandidate(literal, preference: 0)
        candidate.add(literal: literal)
        return try route([candidate], to: literal, isSecure: false, site: address.description, allowsPrivate)
    }

    private static func isAllowed(_ address: IPAddress, _ allowsPrivate: Bool) -> Bool {
        switch address.scope {
        case .global: true
        case .loopback, .linkLocal, .privateUse, .carrierShared, .documentation: allowsPrivate
        case .unspecified, .multicast, .reserved: false
        }
    }

    private static func site(_ candidates: [RouteCandidate]) -> String { candidates.map(\.host.value).sorted().joined(separator: ",") }

    /// Of an error that a resolver threw; throws it on where it means that nobody waits any more.
    private static func fault(_ error: any Error) throws -> ResolverFault {
        switch error {
        case let fault as ResolverFault: fault
        case is CancellationError: throw error
        default: .unavailable("\(error)")
        }
    }

    private struct Chance: RandomNumberGenerator, Sendable {
        private let random: @Sendable () -> UInt64
        init(_ random: @escaping @Sendable () -> UInt64) { self.random = random }
        func next() -> UInt64 { random() }
    }
}

extension MailRouteFault {
    fileprivate init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
