package import MailModel

/// Where a recipient's mail is taken.
package enum NextHop: Hashable, Sendable {
    /// To the exchangers of a domain, which is in ASCII where it has such a form, or to an address literal.
    case exchangers(Domain)
    /// By a route of this name, which the table has.
    case route(String)
    /// Nowhere: the domain is one of ours.
    case local
}

/// What the configuration says of ways out: whose mail goes by which route, and as whom we speak to other servers.
///
/// Of the patterns that fit a recipient, the closest decides: the address, its domain, the nearest `*.` above it, `*`. Where none does, the exchangers of the
/// domain. Our own domains come before all of them.
package struct RouteTable: Hashable, Sendable {
    /// Whom an entry is for.
    package enum Pattern: Hashable, Sendable {
        /// Compared without case.
        case address(Address)
        /// The domain itself, not what is below it.
        case domain(Domain)
        /// `*.example.org`: all that is below the domain, however deep, and not itself.
        case below(Domain)
        /// `*`
        case everybody
    }

    package enum Way: Hashable, Sendable {
        /// What DNS says of the domain, though a wider pattern says otherwise.
        case exchangers
        /// A route's name.
        case route(String)
    }

    /// Ours: what is for them is delivered here. Replaced by whoever knows that there is another.
    package private(set) var ownDomains: Set<Domain>
    /// By name.
    package let routes: [String: OutgoingRoute]
    private let ways: [Pattern: Way]
    private let identity: SendingIdentity
    private let identities: [Domain: SendingIdentity]

    /// An entry that names a route which is not there.
    package struct Fault: Error, Hashable, Sendable {
        package let route: String
    }

    /// - parameter identity: of senders without an entry in `identities`, which has domains of senders, and of reports, which have none.
    package init(
        ownDomains: Set<Domain> = [], routes: [OutgoingRoute] = [], ways: [Pattern: Way] = [:], identity: SendingIdentity,
        identities: [Domain: SendingIdentity] = [:]
    ) throws(Fault) {
        self.ownDomains = Set(ownDomains.map(RouteTable.key))
        self.routes = Dictionary(routes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.ways = Dictionary(ways.map { (RouteTable.key($0), $1) }, uniquingKeysWith: { first, _ in first })
        self.identity = identity
        self.identities = Dictionary(identities.map { (RouteTable.key($0), $1) }, uniquingKeysWith: { first, _ in first })
        for case .route(let name) in ways.values where self.routes[name] == nil { throw Fault(route: name) }
    }

    /// The same for other domains of ours.
    package func with(ownDomains: Set<Domain>) -> RouteTable {
        var table = self
        table.ownDomains = Set(ownDomains.map(RouteTable.key))
        return table
    }

    package func nextHop(for recipient: ForwardPath) -> NextHop {
        guard case .mailbox(let address) = recipient else { return .local }
        let domain = RouteTable.key(address.domain)
        if ownDomains.contains(domain) { return .local }
        guard case .route(let name)? = way(address, domain) else { return .exchangers(domain) }
        return .route(name)
    }

    /// As whom we bring mail of this sender.
    package func identity(for sender: ReversePath) -> SendingIdentity {
        guard !identities.isEmpty, let domain = sender.address?.domain else { return identity }
        return identities[RouteTable.key(domain)] ?? identity
    }

    private func way(_ address: Address, _ domain: Domain) -> Way? {
        if ways.isEmpty { return nil }
        if let way = ways[RouteTable.key(.address(address))] ?? ways[.domain(domain)] { return way }
        if !domain.isLiteral {
            var rest = domain.value[...]
            while let dot = rest.firstIndex(of: ".") {
                rest = rest[rest.index(after: dot)...]
                if let parent = Domain(rest), let way = ways[.below(parent)] { return way }
            }
        }
        return ways[.everybody]
    }

    // MARK: Equality

    /// One form of a domain that may be written in A-labels and in U-labels.
    private static func key(_ domain: Domain) -> Domain { domain.asciiForm ?? domain }

    private static func key(_ pattern: Pattern) -> Pattern {
        switch pattern {
        case .address(let address):
            // Domains are without case already. A form in small letters that were no address would not be looked for either.
            .address(Address(localPart: address.localPart.lowercased(), domain: key(address.domain)) ?? address)
        case .domain(let domain): .domain(key(domain))
        case .below(let domain): .below(key(domain))
        case .everybody: .everybody
        }
    }
}
