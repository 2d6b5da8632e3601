package import Conversation
package import MailModel
import NIOCore

/// The one client of HTTPS (RFC 9110, RFC 9112): for what strangers name and for what the administrator names; which of them is its setting. A connection each.
/// It holds nothing.
///
/// - Each address is judged before it is connected to, and that one connected to: a name that means something else a moment later changes nothing.
/// - The certificate is checked against the authorities of its `StreamDialler` and the host's name, with TLS 1.2 at least.
/// - Redirects are not followed: they are answers like others.
/// - Where one address is not reached another is tried; once a request is on its way it is not repeated.
package struct HTTPSClient: WebFetcher {
    /// Who may be asked.
    package enum Reach: Hashable, Sendable {
        /// Hosts that strangers name: by their names, at addresses of the world, on port 443.
        case world
        /// Hosts that the administrator names: by names or addresses, on any port.
        /// - parameter allowsPrivate: this machine and private networks too.
        case named(allowsPrivate: Bool)
    }

    package struct Setting: Sendable {
        package var reach: Reach
        /// In the order in which their addresses take turns.
        package var families: [AddressFamily] = [.ipv6, .ipv4]
        /// Where connections come from; of a family without one the system chooses.
        package var sources: [AddressFamily: IPAddress] = [:]

        package init(_ reach: Reach) { self.reach = reach }
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
        _ resolver: any Resolver, _ dialler: StreamDialler, _ setting: Setting,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        (self.resolver, self.dialler, self.setting, self.wait) = (resolver, dialler, setting, wait)
    }

    package func fetch(_ request: WebRequest) async throws -> WebReply {
        guard request.isWellFormed else { throw WebFault.malformed("no request can be made of that") }
        guard request.content.readableBytes <= WebRequest.mostContent else { throw WebFault.tooLarge }
        if setting.reach == .world {
            guard request.port == 443 else { throw WebFault.noAddress("port \(request.port) is not asked") }
            guard case .name = request.host else { throw WebFault.noAddress("\(request.host) is no name") }
        }
        return try await withThrowingTaskGroup(of: WebReply.self) { group in
            group.addTask {
                try await wait(request.patience)
                throw WebFault.timedOut
            }
            group.addTask {
                do { return try await answer(request) } catch let fault as WebFault {
                    // What breaks because nobody waits any more is no fault of the server's.
                    try Task.checkCancellation()
                    throw fault
                }
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private func answer(_ request: WebRequest) async throws -> WebReply {
        var worst = WebFault.noAddress("\(request.host) has no address")
        for address in try await addresses(of: request.host) {
            let stream: ChannelStream
            do { stream = try await secured(address, request) } catch let fault as StreamFault {
                try Task.checkCancellation()
                worst = WebFault(fault)
                // Who shows no good certificate at one address is not looked for at the next.
                if case .tls(let failure) = fault, failure.isOfCertificate { throw worst }
                continue
            }
            defer { stream.close() }
            return try await stream.converse { HTTPSExchange.begin(request, before: $0, in: $1) }
        }
        throw worst
    }

    /// A connection that is in TLS. Throws `StreamFault`: nothing of the request was sent.
    private func secured(_ address: IPAddress, _ request: WebRequest) async throws -> ChannelStream {
        let stream = try await dialler.dial(
            address.description, port: request.port, source: setting.sources[address.family]?.description, patience: HTTPSClient.step)
        let name = request.host.description
        do {
            guard let stream = stream as? ChannelStream else { throw WebFault.unreachable("no connection of this program's") }
            try await stream.startTLS(TLSTerms(serverName: name, verification: .authorities(names: [name])), patience: HTTPSClient.step)
            return stream
        } catch {
            stream.close()
            throw error
        }
    }

    /// Those that may be connected to, the families taking turns.
    private func addresses(of host: WebRequest.Host) async throws -> [IPAddress] {
        var found: [IPAddress] = []
        var fault: ResolverFault?
        switch host {
        case .address(let address): found = [address]
        case .name(let name):
            async let first = addresses(of: name, setting.families.first)
            async let second = addresses(of: name, setting.families.dropFirst().first)
            let lists = try await [first, second]
            for turn in 0..<(lists.map(\.addresses.count).max() ?? 0) {
                for list in lists where turn < list.addresses.count { found.append(list.addresses[turn]) }
            }
            fault = lists.compactMap(\.fault).first
        }
        let allowed = found.filter(isAllowed)
        guard allowed.isEmpty else { return Array(allowed.prefix(HTTPSClient.mostAddresses)) }
        if let refused = found.first { throw WebFault.noAddress("\(host) has no address that may be asked: \(refused) is \(refused.scope.rawValue)") }
        // What is not known may be there.
        if let fault { throw WebFault.resolver(fault) }
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
        case .loopback, .linkLocal, .privateUse, .carrierShared, .documentation: setting.reach == .named(allowsPrivate: true)
        case .unspecified, .multicast, .reserved: false
        }
    }
}

extension WebRequest {
    /// What the client says itself: two of them could mean two requests (RFC 9112 §6.3, §11.2).
    private static let ours = ["host", "user-agent", "connection", "content-length", "transfer-encoding"]

    /// Whether it can be sent, and can be taken for nothing else.
    fileprivate var isWellFormed: Bool {
        if case .name(let name) = host, !name.isASCII || name.isLiteral { return false }
        // field-line = field-name ":" OWS field-value OWS                            (RFC 9112 §5)
        return path.hasPrefix("/") && path.utf8.allSatisfy { (0x21...0x7E).contains($0) } && (1...65_535).contains(port)
            && (method == .post || content.readableBytes == 0)
            && fields.list.allSatisfy { field in
                HTTPFields.isToken(field.name) && !WebRequest.ours.contains(field.name.lowercased())
                    && field.value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            }
    }
}

extension IPAddress {
    fileprivate var family: AddressFamily { isIPv4 ? .ipv4 : .ipv6 }
}

extension TLSFailure {
    /// There is TLS, and who it is with shows another's certificate, or one that is not good.
    fileprivate var isOfCertificate: Bool { [.hostMismatch, .expired, .notTrusted].contains(kind) }
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
