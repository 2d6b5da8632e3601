package import Conversation
import MailModel
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Connects to other servers over TCP. One serves the whole program; it holds nothing of the connections that it makes.
package final class StreamDialler: Dialler {
    private let group: any EventLoopGroup
    private let executor: @Sendable (any EventLoop) -> (any TaskExecutor)?
    private let contexts: ClientContexts
    private let numbers = Atomic<UInt64>(0)

    /// - parameter group: on whose loops the connections live.
    /// Reads the system's authorities. Throws what BoringSSL has against them.
    package convenience init(group: any EventLoopGroup) throws {
        try self.init(group: group, authorities: .default)
    }

    /// Text that has no certificates of authorities in it.
    package struct Fault: Error {}

    /// On these threads, where the connections' work is done too. Throws as the other, and `Fault`.
    /// - parameter authorities: certificates in PEM, of those that are believed beside the system's; nil: none.
    package convenience init(threads: Threads, authorities: String? = nil) throws {
        var additional: [NIOSSLCertificate] = []
        if let authorities {
            do { additional = try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8)) } catch { throw Fault() }
            guard !additional.isEmpty else { throw Fault() }
        }
        try self.init(group: threads.group, authorities: .default, additional: additional) { threads.executor(of: $0) }
    }

    init(
        group: any EventLoopGroup, authorities: NIOSSLTrustRoots, additional: [NIOSSLCertificate] = [],
        executor: @escaping @Sendable (any EventLoop) -> (any TaskExecutor)? = { _ in nil }
    ) throws {
        self.group = group
        self.executor = executor
        contexts = try ClientContexts(authorities: authorities, additional: additional)
    }

    package func dial(_ address: String, port: Int, source: String?, patience: Duration) async throws -> any ByteStream {
        let target = try StreamDialler.socketAddress(address, port)
        var bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(patience))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            // What comes at the end is read at once, however much: so the system holds little.
            .channelOption(.socketOption(.so_rcvbuf), value: .init(StreamSizes.receiveWindow))
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.recvAllocator, value: ReceiveSizes())
        if let source { bootstrap = bootstrap.bind(to: try StreamDialler.socketAddress(source, 0)) }
        let attempt = DialAttempt()
        do {
            let (channel, handler) = try await withTaskCancellationHandler {
                try await bootstrap.connect(to: target) { channel in
                    attempt.begin(channel)
                    return channel.eventLoop.makeCompletedFuture {
                        let handler = StreamHandler(channel.eventLoop)
                        try channel.pipeline.syncOperations.addHandler(handler)
                        return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                    }
                }
            } onCancel: {
                attempt.cancel()
            }
            return ChannelStream(channel, handler, facts(channel, address, port), contexts, executor: executor(channel.eventLoop))
        } catch {
            throw StreamDialler.fault(error)
        }
    }

    private func facts(_ channel: any Channel, _ address: String, _ port: Int) -> ConnectionFacts {
        let peer = IPAddress(channel.remoteAddress) ?? IPAddress(address)
        return ConnectionFacts(
            id: numbers.wrappingAdd(1, ordering: .relaxed).newValue, peerAddress: peer?.description ?? address, peerPort: port,
            localAddress: IPAddress(channel.localAddress)?.description ?? "", localPort: channel.localAddress?.port ?? 0,
            isLoopback: peer?.isLoopback ?? false)
    }

    private static func socketAddress(_ text: String, _ port: Int) throws -> SocketAddress {
        guard (0...65_535).contains(port) else { throw StreamFault.unreachable("no port: \(port)") }
        do { return try SocketAddress(ipAddress: text, port: port) } catch { throw StreamFault.unreachable("not an IP address: \(text)") }
    }

    private static func fault(_ error: any Error) -> StreamFault {
        switch error {
        case let fault as StreamFault: fault
        case ChannelError.connectTimeout: .timedOut
        case let error as IOError: .unreachable(oneLine(error))
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, is CancellationError: .closed
        default: .unreachable(oneLine(error))
        }
    }
}

/// A connection that is being made, for whoever does not want it any more.
private final class DialAttempt: Sendable {
    private let state = Mutex<(channel: (any Channel)?, isCancelled: Bool)>((nil, false))

    func begin(_ channel: any Channel) {
        let isCancelled = state.withLock { state in
            state.channel = channel
            return state.isCancelled
        }
        if isCancelled { channel.close(promise: nil) }
    }

    func cancel() {
        let channel = state.withLock { state in
            state.isCancelled = true
            return state.channel
        }
        channel?.close(promise: nil)
    }
}

/// Octets.
enum StreamSizes {
    /// Held for who does not read; past it, the peer has to wait.
    static let held = 64 * 1024
    /// What the system holds besides (it takes it twice).
    static let receiveWindow = 64 * 1024
    /// What a dying connection leaves is read at once; past this it is dropped, and the stream ends with a fault.
    static let mostHeld = 512 * 1024
}
