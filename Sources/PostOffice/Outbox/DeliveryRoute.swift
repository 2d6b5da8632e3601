package import MailModel

/// Servers to which a next hop's mail can go now, in the order in which they are tried.
package struct DeliveryRoute: Hashable, Sendable {
    /// None: the mailboxes of this house.
    package let servers: [MailServer]
    /// Equal for all next hops with the same servers, asked in the same way.
    package let site: String

    package init(servers: [MailServer], site: String) {
        self.servers = servers
        self.site = site
    }

    static let local = DeliveryRoute(servers: [], site: "")
    var isLocal: Bool { servers.isEmpty }
}

/// Finds the servers of a next hop: by DNS, or by a route of the table.
package struct DeliveryRouting: Sendable {
    private let table: @Sendable () -> RouteTable
    private let router: MailRouter

    /// - parameter table: as the configuration, and the domains of the house, are now.
    package init(_ table: @escaping @Sendable () -> RouteTable, _ router: MailRouter) {
        self.table = table
        self.router = router
    }

    func hop(for recipient: ForwardPath, from sender: ReversePath) -> DeliverySchedule.HopName {
        let table = table()
        return DeliverySchedule.HopName(next: table.nextHop(for: recipient), identity: table.identity(for: sender))
    }

    /// Throws `MailRouteFault`, `CancellationError`.
    func route(to hop: DeliverySchedule.HopName) async throws -> DeliveryRoute {
        switch hop.next {
        case .local: return .local
        case .exchangers(let domain):
            let route = try await router.route(to: domain)
            let servers = route.servers.map { MailServer(exchanger: $0, as: hop.identity) }
            return DeliveryRoute(servers: servers, site: DeliveryRouting.site("smtp", route, hop))
        case .route(let name):
            guard let way = table().routes[name] else {
                throw MailRouteFault(cause: .resolver(.unavailable("no route")), description: "there is no route \(name) any more")
            }
            let route = try await router.route(via: way.exchangers, allowsPrivate: way.allowsPrivate)
            return DeliveryRoute(servers: route.servers.map { way.mailServer($0, as: hop.identity) }, site: DeliveryRouting.site("route \(name)", route, hop))
        }
    }

    private static func site(_ kind: String, _ route: MailRoute, _ hop: DeliverySchedule.HopName) -> String {
        let sources = hop.identity.sources.map { "\($1)" }.sorted().joined(separator: ",")
        return "\(kind) \(route.site) as \(hop.identity.name) \(sources)"
    }
}
