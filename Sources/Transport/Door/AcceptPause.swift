import Logging
import NIOCore

/// Stops accepting for a moment when the system has no descriptor or memory for another connection.
///
/// NIO's own `AcceptBackoffHandler` holds back the next read, but the failed one stays armed, so the loop spins on the waiting connection
/// (swift-nio 2.101.2; `DoorkeeperTests.descriptors` shows it).
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    static let length = TimeAmount.milliseconds(250)
    private let logger: Logger
    /// Since the last connection that could be accepted; said once, and each further try only to who traces.
    private var isFailing = false

    init(_ logger: Logger) { self.logger = logger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isFailing = false
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError, let options = context.channel.syncOptions else { return context.fireErrorCaught(error) }
        logger.log(level: isFailing ? .trace : .error, "Cannot accept connections: \(error)")
        isFailing = true
        do {
            try options.setOption(.autoRead, value: false)
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) { try options.setOption(.autoRead, value: true) }
        } catch {
            context.fireErrorCaught(error)
        }
    }
}
