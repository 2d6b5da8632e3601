import Conversation
import NIOCore
import NIOSSL

/// Waits for a ClientHello, picks the certificate by the name in it, and puts TLS in its own place. The one way into TLS for whoever serves: from the first
/// octet, or behind STARTTLS. What stands behind it reads the channel, and hears of the handshake by `TLSUserEvent`.
final class TLSDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is spoken inside.
    enum Inside: Hashable {
        /// A line protocol: none is negotiated. Who offers those of the web alone was sent here by somebody else (ALPACA; RFC 9325 §3.7), and is refused.
        case line
        /// HTTP/2 or HTTP/1.1 by ALPN.
        case web
    }

    private let shelf: CertificateShelf
    private let rules: HandshakeRules
    private let inside: Inside
    /// Hears how the handshake ended well, before whoever stands behind.
    private let agreed: (TLSFacts) -> Void
    private var bytes = ByteBuffer()
    private var isDone = false
    /// The client has ended its side, or cut the connection.
    private var hasLeft = false

    init(_ shelf: CertificateShelf, _ rules: HandshakeRules, _ inside: Inside, agreed: @escaping (TLSFacts) -> Void) {
        self.shelf = shelf
        self.rules = rules
        self.inside = inside
        self.agreed = agreed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        let piece = unwrapInboundIn(data)
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
        switch ClientHello.read(bytes) {
        case .incomplete: break
        case .unreadable: secure(ClientHello(), context)
        case .hello(let hello): secure(hello, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { hasLeft = true }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasLeft = true
        context.fireErrorCaught(error)
    }

    /// Without a whole ClientHello. Who goes away ends its side before, or an error has been heard of: otherwise it is we who closed, as it took too long. Who
    /// leaves without a word has begun no handshake: ports are tried out so.
    func channelInactive(context: ChannelHandlerContext) {
        if !isDone, !hasLeft || bytes.readableBytes > 0 { rules.failed(hasLeft ? .closed : .timeout) }
        isDone = true
        context.fireChannelInactive()
    }

    private func secure(_ hello: ClientHello, _ context: ChannelHandlerContext) {
        isDone = true
        guard let chosen = shelf.context(for: hello, inside, rules.clients) else { return refuse(context) }
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = LineSizes.piece
        let handler = NIOSSLServerHandler(context: chosen.context, customVerificationCallback: nil, configuration: configuration)
        let end = HandshakeEnd(hello.serverName, endPoint: chosen.endPoint, rules, agreed: agreed)
        do { try context.pipeline.syncOperations.addHandlers([handler, end], position: .after(self)) } catch { return context.fireErrorCaught(error) }
        let first = bytes
        bytes = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(first))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// The fatal alert no_application_protocol (RFC 7301 §3.2), in plain text as nothing has been agreed on.
    private func refuse(_ context: ChannelHandlerContext) {
        rules.failed(.application)
        bytes = ByteBuffer()
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, 120])), promise: sent)
    }
}
