import Conversation
import MailModel
import PostOffice

extension Configuration {
    /// How mail goes to other servers. Times in seconds.
    struct Outbound: Sendable {
        /// Otherwise it is queued and held.
        var enabled: Bool
        var retryFirst: Int
        /// At least `retryFirst`.
        var retryLongest: Int
        var lifetime: Int
        /// 0: never.
        var delayNotice: Int
        /// For what users submit.
        var hold: Int
        var connections: Int
        var connectionsPerSite: Int
        /// In the order in which they are tried.
        var families: [AddressFamily]
        var identity: SendingIdentity
        var identities: [Domain: SendingIdentity]
        var ownAddresses: Set<IPAddress>
        var routes: [OutgoingRoute]
        /// Certificates in PEM, of those that are believed beside the system's authorities.
        var authorities: String?
        /// Routes that they name are there.
        var ways: [RouteTable.Pattern: RouteTable.Way]

        /// - parameter ownDomains: those whose mail is delivered here.
        func table(ownDomains: Set<Domain>) throws(RouteTable.Fault) -> RouteTable {
            try RouteTable(ownDomains: ownDomains, routes: routes, ways: ways, identity: identity, identities: identities)
        }
    }

    /// Whose mail is taken to be passed on.
    struct Relay: Sendable {
        /// In ASCII.
        var domains: Set<Domain>
        var networks: NetworkList
    }
}

extension Configuration.Outbound {
    init(_ values: SettingValues, hostname: Domain, read: (String) throws(SystemFault) -> String) throws(ConfigurationFault) {
        enabled = values.toggle(.outboundEnabled)
        retryFirst = values.number(.retryFirst) ?? 300
        retryLongest = values.number(.retryLongest) ?? 14_400
        lifetime = values.number(.lifetime) ?? 432_000
        delayNotice = values.number(.delayNotice) ?? 14_400
        hold = values.number(.submissionHold) ?? 0
        connections = values.number(.outboundConnections) ?? 200
        connectionsPerSite = values.number(.connectionsPerSite) ?? 20
        guard retryFirst <= retryLongest else {
            throw values.origin(of: .retryLongest).fault(
                .retryLongest, "is less than outbound.retry-first, \(retryFirst)", "give a number from \(retryFirst)")
        }
        families = values.list(.ipVersions).map { $0 == "4" ? .ipv4 : .ipv6 }
        guard !families.isEmpty, Set(families).count == families.count else {
            throw values.origin(of: .ipVersions).fault(.ipVersions, "is no list of different IP versions", Setting.ipVersions.kind.remedy)
        }
        let name = values.text(.outboundHostname).flatMap { Domain($0) } ?? hostname
        let addresses = values.list(.sourceAddresses).compactMap { IPAddress($0) }
        identity = SendingIdentity(name: name, sources: try Self.sources(addresses, of: .sourceAddresses, values))
        identities = try Self.identities(values, identity)
        ownAddresses = Set(values.list(.publicAddresses).compactMap { IPAddress($0) })
        routes = try Self.routes(values, read)
        ways = try Self.ways(values, Set(routes.map(\.name)))
        authorities = try values.text(.authorities).map { file throws(ConfigurationFault) in try Self.authorities(file, values, read) }
    }

    private static func authorities(
        _ file: String, _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> String {
        do { return try read(file) } catch {
            throw ConfigurationFault(
                values.origin(of: .authorities).fault(
                    .authorities, "\(file) cannot be read: \(error.reason)", "name a file of certificates in PEM that this user can read"), device: error)
        }
    }

    private static func sources(
        _ addresses: [IPAddress], of setting: Setting, _ values: SettingValues
    ) throws(ConfigurationFault) -> [AddressFamily: IPAddress] {
        var sources: [AddressFamily: IPAddress] = [:]
        for address in addresses where sources.updateValue(address, forKey: address.isIPv4 ? .ipv4 : .ipv6) != nil {
            throw values.origin(of: setting).fault(setting, "has two addresses of one IP version", "give one of each")
        }
        return sources
    }

    private static func identities(
        _ values: SettingValues, _ standard: SendingIdentity
    ) throws(ConfigurationFault) -> [Domain: SendingIdentity] {
        var identities: [Domain: SendingIdentity] = [:]
        for item in try values.items(.identities, { text throws(ItemFault) in try IdentityItem(text) }) {
            let own = try sources(item.sources, of: .identities, values)
            let identity = SendingIdentity(name: item.name ?? standard.name, sources: standard.sources.merging(own) { $1 })
            guard identities.updateValue(identity, forKey: item.domain) == nil else {
                throw values.origin(of: .identities).fault(.identities, "has \(item.domain) twice", "delete one of the two")
            }
        }
        return identities
    }

    private static func routes(
        _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> [OutgoingRoute] {
        var names: Set<String> = []
        var routes: [OutgoingRoute] = []
        for item in try values.items(.routes, { text throws(ItemFault) in try RouteItem(text) }) {
            guard names.insert(item.name).inserted else {
                throw values.origin(of: .routes).fault(.routes, "has \(item.name) twice", "give one of the two another name")
            }
            var password: String?
            if let file = item.passwordFile { password = try self.password(file, values, read) }
            routes.append(item.route(password: password))
        }
        return routes
    }

    /// The file's first line.
    private static func password(
        _ file: String, _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> String {
        let text: String
        do { text = try read(file) } catch {
            throw ConfigurationFault(
                values.origin(of: .routes).fault(
                    .routes, "\(file) cannot be read: \(error.reason)", "name a file with the password that this user can read"), device: error)
        }
        let line = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first.map { String($0) } ?? ""
        guard !line.isEmpty, line.utf8.count <= 1_000, !line.utf8.contains(0) else {
            throw values.origin(of: .routes).fault(.routes, "\(file) has no password in its first line", "write it there, and nothing else")
        }
        return line
    }

    private static func ways(_ values: SettingValues, _ routes: Set<String>) throws(ConfigurationFault) -> [RouteTable.Pattern: RouteTable.Way] {
        let origin = values.origin(of: .destinations)
        var ways: [RouteTable.Pattern: RouteTable.Way] = [:]
        for item in try values.items(.destinations, { text throws(ItemFault) in try DestinationItem(text) }) {
            if case .route(let name) = item.way, !routes.contains(name) {
                throw origin.fault(.destinations, "names the route \(name), which is not there", "add it to outbound.routes")
            }
            for pattern in item.patterns where ways.updateValue(item.way, forKey: pattern) != nil {
                throw origin.fault(.destinations, "has a pattern twice, in \"\(item.written)\"", "delete one of the two")
            }
        }
        return ways
    }
}

extension Configuration.Relay {
    init(_ values: SettingValues) throws(ConfigurationFault) {
        domains = Set(try values.items(.relayDomains, { text throws(ItemFault) in try DomainText.name(text) }))
        do { networks = try NetworkList(values.list(.relayNetworks).joined(separator: ",")) } catch {
            throw values.origin(of: .relayNetworks).fault(.relayNetworks, error.description, Setting.relayNetworks.kind.remedy)
        }
    }
}

extension ConfigurationFault {
    /// The same with the device's fault, where it is one.
    init(_ fault: ConfigurationFault, device: SystemFault) {
        self = fault
        self.device = device.isOfDevice ? device : nil
    }
}
