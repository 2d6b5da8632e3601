import Conversation
import NIOCore
import NIOSSL
import Synchronization

/// A stream over a channel. Let go of without `close`, it closes.
final class ChannelStream: ByteStream {
    private let channel: any Channel
    /// For tests too.
    let handler: NIOLoopBound<StreamHandler>
    private let known: Mutex<ConnectionFacts>
    private let contexts: ClientContexts
    let executor: (any TaskExecutor)?

    init(
        _ channel: any Channel, _ handler: NIOLoopBound<StreamHandler>, _ facts: ConnectionFacts, _ contexts: ClientContexts,
        executor: (any TaskExecutor)?
    ) {
        self.channel = channel
        self.handler = handler
        known = Mutex(facts)
        self.contexts = contexts
        self.executor = executor
    }

    deinit { channel.close(promise: nil) }

    var facts: ConnectionFacts { known.withLock { $0 } }

    func read(patience: Duration) async throws -> ByteBuffer? {
        try await onLoop { $0.read(TimeAmount(patience)) }
    }

    func write(_ bytes: ByteBuffer, patience: Duration) async throws {
        guard bytes.readableBytes > 0 else { return }
        try await onLoop { $0.write(bytes, TimeAmount(patience)) }
    }

    func startTLS(_ terms: TLSTerms, patience: Duration) async throws {
        let contexts = contexts
        let tls = try await onLoop { $0.startTLS(terms, contexts, TimeAmount(patience)) }
        known.withLock { $0.tls = tls }
    }

    /// Has a conversation begun behind TLS, by handlers that are put before the stream's end, and closes when its task is cancelled.
    func converse<Value: Sendable>(
        _ begin: @escaping @Sendable (_ end: StreamHandler, _ channel: any Channel) -> EventLoopFuture<Value>
    ) async throws -> Value {
        let channel = channel
        return try await onLoop { begin($0, channel) }
    }

    func close() {
        let handler = handler
        channel.eventLoop.execute { handler.value.close() }
    }

    private func onLoop<Value: Sendable>(_ act: @escaping @Sendable (StreamHandler) -> EventLoopFuture<Value>) async throws -> Value {
        let handler = handler
        return try await withTaskCancellationHandler {
            let loop = channel.eventLoop
            return try await (loop.inEventLoop ? act(handler.value) : loop.flatSubmit { act(handler.value) }).get()
        } onCancel: {
            close()
        }
    }
}
