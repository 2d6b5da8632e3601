import NIOCore
import NIOPosix
import NIOSSL

/// A server that does nothing of its own accord, for whoever dials it.
final class Peer: Sendable {
    private let server: any Channel
    private let guests: AsyncStream<Guest>

    var port: Int { server.localAddress?.port ?? 0 }

    private init(_ server: any Channel, _ guests: AsyncStream<Guest>) {
        self.server = server
        self.guests = guests
    }

    /// Runs `body` against it, and takes it down. `autoRead` off: what is sent to it stays in the system's hands. `tls`: spoken from the first octet.
    static func with(
        autoRead: Bool = true, tls: TLSConfiguration? = nil, host: String = "127.0.0.1", port: Int = 0, _ body: (Peer) async throws -> Void
    ) async throws {
        let (guests, entrance) = AsyncStream.makeStream(of: Guest.self)
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: autoRead)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (words, mouth) = AsyncStream.makeStream(of: ByteBuffer.self)
                    if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                    try channel.pipeline.syncOperations.addHandler(Ear(mouth))
                    entrance.yield(Guest(channel: channel, words: words))
                }
            }
            .bind(host: host, port: port).get()
        defer { server.close(promise: nil) }
        try await body(Peer(server, guests))
    }

    /// The next that comes.
    func guest() async throws -> Guest {
        for await guest in guests { return guest }
        throw ChannelError.eof
    }

    struct Guest: Sendable {
        let channel: any Channel
        /// What it says, until it has said all.
        let words: AsyncStream<ByteBuffer>

        func say(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

        /// Exactly so many octets, or fewer at the end.
        func hear(_ count: Int) async -> String {
            var heard = ByteBuffer()
            guard count > 0 else { return "" }
            for await word in words {
                heard.writeImmutableBuffer(word)
                if heard.readableBytes >= count { break }
            }
            return String(buffer: heard)
        }

        func finish() async throws { try await channel.close(mode: .output).get() }

        func reset() async throws {
            try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try await channel.close().get()
        }

        /// Closes the connection, and does not tell TLS.
        func cut() async throws {
            try await channel.eventLoop.submit { [channel] in
                try channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self).close(promise: nil)
            }.get()
        }

        /// From now on TLS is spoken.
        func secure(_ configuration: TLSConfiguration) async throws {
            let context = try NIOSSLContext(configuration: configuration)
            try await channel.eventLoop.submit { [channel] in
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context), position: .first)
            }.get()
        }
    }
}

private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let mouth: AsyncStream<ByteBuffer>.Continuation
    init(_ mouth: AsyncStream<ByteBuffer>.Continuation) { self.mouth = mouth }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { mouth.yield(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { mouth.finish() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { mouth.finish() }
}
