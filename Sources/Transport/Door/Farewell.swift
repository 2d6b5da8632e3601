import NIOCore
import NIOTLS
import Synchronization

/// Says a word to a connection that is not let in, and closes it. On an implicit-TLS port the word comes behind the handshake; as handshakes cost
/// more than refusals may, only so many take place at once, and the others are closed in silence.
final class Farewell: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Farewells of a listener that wait for a handshake.
    final class Count: Sendable {
        private let current = Atomic(0)
        private static let most = 16

        func take() -> Bool {
            guard current.add(1, ordering: .relaxed).newValue <= Count.most else {
                give()
                return false
            }
            return true
        }

        func give() { current.subtract(1, ordering: .relaxed) }
    }

    /// Until the handshake is done and the word is out.
    private static let patience = TimeAmount.seconds(10)

    private let words: String
    /// Where there is a handshake.
    private var count: Count?
    private var timer: Scheduled<Void>?

    private init(_ words: String, count: Count?) {
        self.words = words
        self.count = count
    }

    /// On the connection's loop, before its first byte.
    static func say(_ words: String, to channel: any Channel, _ security: Security, _ count: Count) throws {
        let pipeline = channel.pipeline.syncOperations
        guard case .implicitTLS(let shelf, let rules) = security else {
            return try pipeline.addHandler(Farewell(words, count: nil))
        }
        guard count.take() else { return try pipeline.addHandler(Farewell("", count: nil)) }
        do {
            let farewell = Farewell(words, count: count)
            // Nobody is asked who they are to be told that.
            try pipeline.addHandler(TLSDoor(shelf, HandshakeRules(failed: rules.failed), .line) { _ in })
            try pipeline.addHandler(farewell)
        } catch {
            count.give()
            throw error
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Behind a PROXY header.
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard count != nil else { return leave(context) }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Farewell.patience) { context.close(promise: nil) }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {
        if count != nil { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: leave(context)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { end() }
    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func leave(_ context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: words)), promise: sent)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        count?.give()
        count = nil
    }
}
