package import Conversation
package import MailModel
package import NIOCore

/// Requests by HTTPS (RFC 9110) to servers that the administrator names, a connection each. It holds nothing.
///
/// - The certificate is checked against the authorities of its `StreamDialler` and the host's name, with TLS 1.2 at least.
/// - Redirects are not followed: they are answers like others.
package struct HTTPSClient: Sendable {
    package struct Setting: Sendable {
        /// In the order in which they are tried.
        package var families: [AddressFamily] = [.ipv6, .ipv4]
        /// Where connections come from; of a family without one the system chooses.
        package var sources: [AddressFamily: IPAddress] = [:]
        /// This machine and private networks are asked too.
        package var allowsPrivate = false

        package init() {}
    }

    package struct Request: Sendable {
        /// `GET`, `HEAD`, `POST`.
        package var method: String
        /// A name in ASCII, or an IP address.
        package var host: String
        package var port: Int
        /// With the query; begins with `/`; printable ASCII without blanks.
        package var path: String
        /// Besides Host, User-Agent, Connection and Content-Length.
        package var fields: [(name: String, value: String)]
        package var content: ByteBuffer
        /// Of the answer's content.
        package var mostOctets: Int
        /// For everything, from the look-up of the name to the last octet.
        package var patience: Duration

        package init(
            _ method: String, host: String, port: Int = 443, path: String, fields: [(name: String, value: String)] = [], content: ByteBuffer = ByteBuffer(),
            mostOctets: Int, patience: Duration
        ) {
            (self.method, self.host, self.port, self.path) = (method, host, port, path)
            (self.fields, self.content, self.mostOctets, self.patience) = (fields, content, mostOctets, patience)
        }
    }

    package struct Reply: Sendable {
        /// 200...999
        package let status: Int
        /// In the order they came, each as often as it came.
        package let fields: [(name: String, value: String)]
        /// No more than was allowed, and whole.
        package let content: ByteBuffer
    }

    /// Addresses that are tried, one after the other.
    private static let mostAddresses = 4
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
        (self.resolver, self.dialler, self.setting, self.wait) = (resolver, dialler, setting, wait)
    }

    /// Throws `WebFault`, and `CancellationError` where the task is cancelled while it waits.
    package func send(_ request: Request) async throws -> Reply {
        guard request.path.hasPrefix("/"), request.path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), ["GET", "HEAD", "POST"].contains(request.method),
            request.fields.allSatisfy({ HTTPSClient.isField($0.name, $0.value) })
        else { throw WebFault.malformed("no request can be made of that") }
        return try await withThrowingTaskGroup(of: Reply.self) { group in
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

    // field-line = field-name ":" OWS field-value OWS                            (RFC 9112 §5)
    private static func isField(_ name: String, _ value: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") } && value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private func answer(_ request: Request) async throws -> Reply {
        var worst = WebFault.noAddress("\(request.host) has no address")
        for address in try await addresses(of: request.host).prefix(HTTPSClient.mostAddresses) {
            let family: AddressFamily = address.isIPv4 ? .ipv4 : .ipv6
            do {
                let stream = try await dialler.dial(
                    address.description, port: request.port, source: setting.sources[family]?.description, patience: HTTPSClient.step)
                return try await ask(request, over: stream)
            } catch StreamFault.unreachable(let reason) {
                try Task.checkCancellation()
                worst = .unreachable(reason)
            } catch StreamFault.timedOut {
                try Task.checkCancellation()
                worst = .timedOut
            }
        }
        throw worst
    }

    private func ask(_ request: Request, over stream: any ByteStream) async throws -> Reply {
        defer { stream.close() }
        guard let stream = stream as? ChannelStream else { throw WebFault.unreachable("no connection of this program's") }
        do {
            try await stream.startTLS(TLSTerms(serverName: request.host, verification: .authorities(names: [request.host])), patience: HTTPSClient.step)
            return try await stream.converse { HTTPSExchange.begin(request, before: $0, in: $1) }
        } catch let fault as StreamFault {
            try Task.checkCancellation()
            throw WebFault(tls: fault)
        }
    }

    private func addresses(of host: String) async throws -> [IPAddress] {
        let found: [IPAddress]
        var fault: ResolverFault?
        if let address = IPAddress(host) {
            found = [address]
        } else {
            guard let name = Domain(host), name.isASCII, !name.isLiteral else { throw WebFault.noAddress("no host has such a name") }
            var records: [IPAddress] = []
            for family in setting.families {
                do { records += try await resolver.addresses(of: name, family).records } catch let error as ResolverFault { fault = error }
            }
            found = records
        }
        let allowed = found.filter(isAllowed)
        if allowed.isEmpty, let refused = found.first { throw WebFault.noAddress("\(host) has no address that may be asked: \(refused)") }
        // What is not known may be there.
        if allowed.isEmpty, let fault { throw WebFault.resolver(fault) }
        return allowed
    }

    private func isAllowed(_ address: IPAddress) -> Bool {
        switch address.scope {
        case .global: true
        case .loopback, .linkLocal, .privateUse, .carrierShared, .documentation: setting.allowsPrivate
        case .unspecified, .multicast, .reserved: false
        }
    }
}

extension WebFault {
    fileprivate init(tls fault: StreamFault) {
        self =
            switch fault {
            case .unreachable(let reason): .unreachable(reason)
            case .timedOut: .timedOut
            case .closed: .unreachable("the connection was closed")
            case .tls(let failure): .tls(failure.reason)
            }
    }
}
