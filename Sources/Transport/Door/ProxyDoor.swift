import Logging
import NIOCore

/// Waits for the PROXY header of a connection that a proxy has made; nothing behind it hears of the connection before.
final class ProxyDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let patience: TimeAmount
    private let logger: Logger
    /// Lets the connection in, or turns it away.
    private let admit: (ProxyHeader) throws -> Void
    private var bytes = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDone = false

    init(patience: Duration, _ logger: Logger, admit: @escaping (ProxyHeader) throws -> Void) {
        self.patience = TimeAmount(patience)
        self.logger = logger
        self.admit = admit
    }

    func channelActive(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [self] in refuse("no PROXY header in time", context) }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let piece = unwrapInboundIn(data)
        guard !isDone else { return context.fireChannelRead(data) }
        bytes.writeImmutableBuffer(piece)
        do {
            guard let header = try ProxyHeader.read(&bytes) else { return }
            isDone = true
            timer?.cancel()
            try admit(header)
        } catch {
            return refuse((error as? ProxyHeader.Fault)?.reason ?? "\(error)", context)
        }
        let rest = bytes
        bytes = ByteBuffer()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isDone { context.fireChannelReadComplete() } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isDone { return context.fireUserInboundEventTriggered(event) }
        // A proxy's probe that says nothing, and a stop.
        switch event {
        case ChannelEvent.inputClosed, is ChannelShouldQuiesceEvent: context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isDone { context.fireErrorCaught(error) } else { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    private func refuse(_ reason: String, _ context: ChannelHandlerContext) {
        logger.notice("Refused a connection from a proxy: \(reason)", metadata: ["proxy": "\(context.channel.remoteAddress?.ipAddress ?? "")"])
        isDone = true
        context.close(promise: nil)
    }
}
