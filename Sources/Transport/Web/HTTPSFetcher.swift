package import Conversation
package import MailModel
import NIOCore

/// Fetches over connections of a `StreamDialler`, to addresses of a `Resolver`, each of which is judged before it is connected to. It holds nothing.
package struct HTTPSFetcher: WebFetcher {
    package struct Setting: Sendable {
        /// In the order in which their addresses take turns.
        package var families: [AddressFamily] = [.ipv6, .ipv4]
        /// Where connections come from; of a family without one the system chooses.
        package var sources: [AddressFamily: IPAddress] = [:]
        /// This machine, private networks, and any port: for whoever names the hosts themselves.
        package var allowsPrivate = false

        package init() {}
    }

    /// Addresses that are tried, one after the other.
    static let mostAddresses = 4
    /// For a connection, and for a handshake.
    private static let step = Duration.seconds(15)

    private let resolver: any Resolver
    private let dialler: StreamDialler
    private let setting: Setting
    private let wait: @Sendable (Duration) async throws -> Void

    /// - parameter wait: returns after that time; throws where its task is cancelled.
    package init(
        _ resolver: any Resolver, _ dialler: StreamDialler, _ setting: Setting = Setting(),
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.resolver = resolver
        self.dialler = dialler
        self.setting = setting
        self.wait = wait
    }

    package func fetch(_ request: WebRequest) async throws -> WebReply {
        guard request.path.hasPrefix("/"), request.path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), request.host.isASCII, !request.host.isLiteral
        else { throw WebFault.malformed("no request can be made of that") }
        if let content = request.posting {
            guard content.type.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw WebFault.malformed("no request can be made of that") }
            guard content.octets.readableBytes <= WebRequest.Content.mostOctets else { throw WebFault.tooLarge }
        }
        guard request.port == 443 || setting.allowsPrivate else { throw WebFault.noAddress("port \(request.port) is not asked") }
        return try await withThrowingTaskGroup(of: WebReply.self) { group in
            group.addTask {
                try await wait(request.patience)
                throw WebFault.timedOut
            }
            group.addTask { try await answer(request) }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private func answer(_ request: WebRequest) async throws -> WebReply {
        var worst = WebFault.noAddress("\(request.host) has no address")
        for address in try await addresses(of: request.host) {
            let stream: any ByteStream
            do {
                stream = try await dialler.dial(
                    address.description, port: request.port, source: setting.sources[address.family]?.description, patience: HTTPSFetcher.step)
            } catch let fault as StreamFault {
                try Task.checkCancellation()
                worst = WebFault(fault)
                continue
            }
            return try await ask(request, over: stream)
        }
        throw worst
    }

    private func ask(_ request: WebRequest, over stream: any ByteStream) async throws -> WebReply {
        defer { stream.close() }
        guard let stream = stream as? ChannelStream else { throw WebFault.unreachable("no connection of this program's") }
        do {
            let name = request.host.value
            try await stream.startTLS(TLSTerms(serverName: name, verification: .authorities(names: [name])), patience: HTTPSFetcher.step)
            return try await stream.exchange(request)
        } catch let fault as StreamFault {
            try Task.checkCancellation()
            throw WebFault(fault)
        }
    }

    /// Those that may be connected to, the families taking turns.
    private func addresses(of host: Domain) async throws -> [IPAddress] {
        async let first = addresses(of: host, setting.families.first)
        async let second = addresses(of: host, setting.families.dropFirst().first)
        let lists = try await [first, second]
        var found: [IPAddress] = []
        for turn in 0..<(lists.map(\.addresses.count).max() ?? 0) {
            for list in lists where turn < list.addresses.count { found.append(list.addresses[turn]) }
        }
        let allowed = found.filter(isAllowed)
        guard allowed.isEmpty else { return Array(allowed.prefix(HTTPSFetcher.mostAddresses)) }
        if let refused = found.first { throw WebFault.noAddress("\(host) has no address that may be asked: \(refused) is \(refused.scope.rawValue)") }
        // What is not known may be there.
        if let fault = lists.compactMap(\.fault).first { throw WebFault.resolver(fault) }
        throw WebFault.noAddress("\(host) has no address")
    }

    private func addresses(of host: Domain, _ family: AddressFamily?) async throws -> (addresses: [IPAddress], fault: ResolverFault?) {
        guard let family else { return ([], nil) }
        do {
            return (try await resolver.addresses(of: host, family).records, nil)
        } catch let fault as ResolverFault {
            return ([], fault)
        }
    }

    private func isAllowed(_ address: IPAddress) -> Bool {
        switch address.scope {
        case .global: true
        case .loopback, .linkLocal, .privateUse, .carrierShared, .documentation: setting.allowsPrivate
        case .unspecified, .multicast, .reserved: false
        }
    }
}

extension IPAddress {
    fileprivate var family: AddressFamily { isIPv4 ? .ipv4 : .ipv6 }
}

extension WebFault {
    fileprivate init(_ fault: StreamFault) {
        self =
            switch fault {
            case .unreachable(let reason): .unreachable(reason)
            case .timedOut: .timedOut
            case .closed: .unreachable("the connection was closed")
            case .tls(let failure): .tls(failure.reason)
            }
    }
}
