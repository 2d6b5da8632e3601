import Conversation
import NIOCore

/// The way from a handler that writes its answer, on any thread, to the exchange on its loop.
final class ReplyWriter: ContentWriter {
    private let loop: any EventLoop
    private let exchange: NIOLoopBound<HTTPExchange>
    private let number: Int

    init(_ exchange: HTTPExchange, _ number: Int, _ loop: any EventLoop) {
        self.loop = loop
        self.exchange = NIOLoopBound(exchange, eventLoop: loop)
        self.number = number
    }

    func write(_ bytes: ByteBuffer) async throws {
        try Task.checkCancellation()
        guard loop.inEventLoop else {
            return try await withCheckedThrowingContinuation { continuation in
                loop.execute { self.exchange.value.write(bytes, self.number, continuation) }
            }
        }
        switch exchange.value.accept(bytes, number) {
        case .taken: break
        case .full: try await withCheckedThrowingContinuation { exchange.value.wait($0) }
        case .closed: throw CancellationError()
        }
    }
}
