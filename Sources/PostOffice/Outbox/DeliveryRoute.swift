package import Conversation
import MailModel

/// Servers to which a next hop's mail can go now, in the order in which they are tried.
package struct DeliveryRoute: Hashable, Sendable {
    /// None, and nobody passed over: the mailboxes of this house.
    package let servers: [MailServer]
    /// Those that would have been asked too.
    package let passedOver: [PassedServer]
    /// Equal for all next hops with the same servers, asked in the same way.
    package let site: SiteName
    /// Why the domain's policy (MTA-STS) could not be had.
    package let policyFailure: TLSFailure?
    /// Seconds after which it has to be looked for anew, if not before; nil: nothing of it ends by itself.
    package let ttl: Int?

    package init(servers: [MailServer], passedOver: [PassedServer] = [], site: SiteName, ttl: Int? = nil, policyFailure: TLSFailure? = nil) {
        self.servers = servers
        self.passedOver = passedOver
        self.site = site
        self.ttl = ttl
        self.policyFailure = policyFailure
    }

    static let local = DeliveryRoute(servers: [], site: SiteName(text: "", requirements: []))
    var isLocal: Bool { servers.isEmpty && passedOver.isEmpty }
}

/// By what it is known that two next hops may share connections, and are slowed together.
package struct SiteName: Hashable, Sendable {
    /// What is required of a host; its addresses may be others the next time.
    package struct Requirement: Hashable, Sendable {
        package let host: String
        package let requirement: TLSRequirement
    }

    /// A server that would have been asked too, and by which policy it is not; why may read otherwise the next time.
    package struct Omission: Hashable, Sendable {
        package let host: String
        package let policy: TLSPolicyType
    }

    /// The servers, and as whom they are asked.
    package let text: String
    /// A connection is good for another next hop only where that asks the same of who is at its other end.
    package let requirements: Set<Requirement>
    /// Nor where that may ask servers that this one may not.
    package let omissions: Set<Omission>

    package init(text: String, requirements: Set<Requirement>, omissions: Set<Omission> = []) {
        self.text = text
        self.requirements = requirements
        self.omissions = omissions
    }

    init(_ text: String, _ servers: [MailServer], passedOver: [PassedServer] = []) {
        self.init(
            text: text,
            requirements: Set(
                servers.compactMap { server in
                    guard case .published(let requirement) = server.encryption else { return nil }
                    return Requirement(host: server.host, requirement: requirement)
                }), omissions: Set(passedOver.map { Omission(host: $0.host, policy: $0.policy) }))
    }
}

/// Finds the servers of a next hop, by DNS or by a route of the table, and what is required of each.
package struct DeliveryRouting: Sendable {
    private let ways: @Sendable () async throws -> RouteTable
    private let router: MailRouter
    private let policies: DeliveryPolicies

    /// - parameter table: as the configuration, and the domains of the house, are now.
    package init(_ table: @escaping @Sendable () async throws -> RouteTable, _ router: MailRouter, _ policies: DeliveryPolicies) {
        ways = table
        self.router = router
        self.policies = policies
    }

    /// As things are now, for a while.
    func table() async throws -> RouteTable { try await ways() }

    /// Throws `MailRouteFault`, `CancellationError`.
    func route(to hop: DeliverySchedule.HopName) async throws -> DeliveryRoute {
        switch hop.next {
        case .local: return .local
        case .exchangers(let domain):
            let route = try await router.route(to: domain)
            return try await deliveryRoute(route, of: domain, hop.wish, text: DeliveryRouting.site("smtp", route, hop)) {
                MailServer(exchanger: $0, as: hop.identity)
            }
        case .route(let name):
            // try?: a table that cannot be had now is as good as a route that is not there: it is asked for again.
            guard let way = try? await table().routes[name] else {
                throw MailRouteFault(cause: .resolver(.unavailable("no route")), description: "there is no route \(name) any more")
            }
            let route = try await router.route(via: way.exchangers, allowsPrivate: way.allowsPrivate)
            return try await deliveryRoute(route, of: nil, hop.wish, text: DeliveryRouting.site("route \(name)", route, hop)) {
                way.mailServer($0, as: hop.identity)
            }
        }
    }

    /// With what is required of each server. What the configuration says of a route's TLS holds; where it says nothing, DNS may.
    private func deliveryRoute(
        _ route: MailRoute, of domain: Domain?, _ wish: TLSWish, text: String, _ server: (MailRoute.Server) -> MailServer
    ) async throws -> DeliveryRoute {
        var servers = route.servers.map(server)
        if wish == .waived || (wish == .usual && !servers.contains(where: { $0.encryption == .opportunistic })) {
            return DeliveryRoute(servers: servers, site: SiteName(text, servers))
        }
        let found = try await policies.decisions(for: route, of: domain) { server($0).port }
        var passedOver: [PassedServer] = []
        servers = zip(servers, found.decisions).compactMap { server, decision in
            var server = server
            if server.encryption == .opportunistic {
                switch decision {
                case .unpublished: break
                case .required(let requirement): server.encryption = .published(requirement)
                case .passedOver(let passed):
                    if !passedOver.contains(passed) { passedOver.append(passed) }
                    return nil
                }
            }
            guard wish == .demanded else { return server }
            server.demandsRequireTLS = true
            if server.encryption.isAuthenticating { return server }
            // RFC 8689 §4.2.1: an authority's word for the host's name will do where it is proved that it is the host.
            if route.isSecure, server.encryption != .never {
                server.encryption = .required(implicit: false)
                return server
            }
            let passed = PassedServer(unprotected: server.host, domain: domain, isPolicyUnknown: found.isPolicyUnknown)
            if !passedOver.contains(passed) { passedOver.append(passed) }
            return nil
        }
        let site = SiteName(wish == .demanded ? "\(text) with REQUIRETLS" : text, servers, passedOver: passedOver)
        return DeliveryRoute(
            servers: servers, passedOver: passedOver, site: site, ttl: found.ttl == .max ? nil : found.ttl, policyFailure: found.policyFailure)
    }

    private static func site(_ kind: String, _ route: MailRoute, _ hop: DeliverySchedule.HopName) -> String {
        let sources = hop.identity.sources.map { "\($1)" }.sorted().joined(separator: ",")
        return "\(kind) \(route.site) as \(hop.identity.name) \(sources)"
    }
}

extension RouteTable {
    func hop(for recipient: ForwardPath, from sender: ReversePath, _ wish: TLSWish = .usual) -> DeliverySchedule.HopName {
        let next = nextHop(for: recipient)
        // Whoever stays here goes one way.
        return DeliverySchedule.HopName(next: next, identity: identity(for: sender), wish: next == .local ? .usual : wish)
    }
}
