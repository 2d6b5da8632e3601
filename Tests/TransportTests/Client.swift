import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

func currentThread() -> UInt64 { UInt64(pthread_self()) }

/// The other end of a connection.
final class Client: Sendable {
    let channel: any Channel
    private let inbox: Inbox

    private init(_ channel: any Channel, _ inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    /// `sharing`: a context for many clients, of which each costs little more than its connection.
    static func connect(
        _ port: Int, from address: String? = nil, tls: TLSConfiguration? = nil, sharing: NIOSSLContext? = nil, name: String? = nil, autoRead: Bool = true
    ) async throws -> Client {
        let inbox = Inbox()
        let context = try sharing ?? tls.map { try NIOSSLContext(configuration: $0) }
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: autoRead)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: sharing == nil ? 65_536 : 2_048))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                    }
                    try channel.pipeline.syncOperations.addHandler(Receiver(inbox))
                }
            }
        if let address { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0)) }
        return Client(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), inbox)
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

    /// The next line without its CRLF; nil once the server has closed.
    func line() async -> String? { await inbox.line() }
    func lines(_ count: Int) async -> [String] {
        var lines: [String] = []
        for _ in 0..<count {
            guard let line = await line() else { break }
            lines.append(line)
        }
        return lines
    }

    func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

    /// What has come, at least one octet; nil once the server has closed.
    func bytes() async -> ByteBuffer? { await inbox.take() }
    /// So many octets; nil: the server has closed before.
    func exactly(_ count: Int) async -> String? { await inbox.exactly(count).map { String(buffer: $0) } }
    func octets(_ count: Int) async -> ByteBuffer? { await inbox.exactly(count) }
    func octets() async -> Int? { await inbox.take()?.readableBytes }
    func read() { channel.read() }

    /// Sends a FIN.
    func finish() async throws { try await channel.close(mode: .output).get() }
    func close() async throws { try await channel.close().get() }

    /// Sends a RST.
    func reset() async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }

    /// The handshake after STARTTLS.
    func secure(_ tls: TLSConfiguration, name: String? = nil) async throws {
        let context = try NIOSSLContext(configuration: tls)
        try await channel.eventLoop.submit { [channel] in
            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        }.get()
    }

    /// The names in the certificate the server showed.
    func certificate() async throws -> NIOSSLCertificate? {
        try await channel.nioSSL_peerCertificate().get()
    }
}

/// Takes any certificate.
func trusting(_ change: (inout TLSConfiguration) -> Void = { _ in }) -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .none
    change(&tls)
    return tls
}

private final class Inbox: Sendable {
    private struct State {
        var bytes = ByteBuffer()
        var hasEnded = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func receive(_ bytes: ByteBuffer?) {
        let waiting = state.withLock { state in
            if let bytes { state.bytes.writeImmutableBuffer(bytes) } else { state.hasEnded = true }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    func line() async -> String? {
        while true {
            let (line, isOver) = state.withLock { state -> (String?, Bool) in
                guard let end = state.bytes.readableBytesView.firstIndex(of: 10) else { return (nil, state.hasEnded) }
                let line = state.bytes.readString(length: end - state.bytes.readerIndex + 1)
                if state.bytes.readerIndex > state.bytes.readableBytes { state.bytes.discardReadBytes() }
                return (line, false)
            }
            if let line { return String(line.dropLast(1)) }
            if isOver { return nil }
            await more { $0.bytes.readableBytesView.contains(10) }
        }
    }

    func take() async -> ByteBuffer? {
        while true {
            let (bytes, isOver) = state.withLock { state in
                defer { state.bytes = ByteBuffer() }
                return (state.bytes, state.hasEnded)
            }
            if bytes.readableBytes > 0 { return bytes }
            if isOver { return nil }
            await more { $0.bytes.readableBytes > 0 }
        }
    }

    func exactly(_ count: Int) async -> ByteBuffer? {
        while true {
            let (bytes, isOver) = state.withLock { state in (state.bytes.readSlice(length: count), state.hasEnded) }
            if let bytes { return bytes }
            if isOver { return nil }
            await more { $0.bytes.readableBytes >= count }
        }
    }

    private func more(_ isEnough: (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if isEnough(state) || state.hasEnded { return true }
                state.waiting = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let inbox: Inbox
    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.receive(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { inbox.receive(nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { inbox.receive(nil) }
}
