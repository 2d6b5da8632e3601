import Conversation
import Logging
import NIOCore
import NIOWebSocket

/// A WebSocket, of an HTTP/1.1 connection or a stream of HTTP/2: answers pings, asks whether the peer is there, holds the peer back while nobody reads, and
/// says and hears goodbye (RFC 6455 §5.5, §7). On its event loop.
final class WebSocketExchange: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private enum Phase {
        case open
        /// We have said goodbye and wait for the peer's.
        case closing
        case closed
    }

    private let connection: HTTPConnection
    private let opening: SocketOpening
    private var phase = Phase.open
    private var context: ChannelHandlerContext?
    private var task: Task<Void, Never>?
    private var waiting = CircularBuffer<WebSocketMessage>()
    private var reader: CheckedContinuation<WebSocketMessage?, any Error>?
    private var writers: [CheckedContinuation<Void, any Error>] = []
    private var isReadPaused = false
    private var timer: Scheduled<Void>?
    /// Since the peer does not take what we send.
    private var stalled: Scheduled<Void>?
    /// Since the peer was asked last.
    private var hasAnswered = true
    private var hasBegun = false

    private init(_ connection: HTTPConnection, _ opening: SocketOpening) {
        self.connection = connection
        self.opening = opening
    }

    /// What a WebSocket is made of, behind whatever gives it octets.
    static func handlers(_ connection: HTTPConnection, _ opening: SocketOpening) -> [any ChannelHandler] {
        let most = opening.rule.mostOctets
        return [
            WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: most)), MaskRule(),
            NIOWebSocketFrameAggregator(minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 1_024, maxAccumulatedFrameSize: most),
            WebSocketExchange(connection, opening),
        ]
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard context.channel.isActive else { return }
        // Behind what is under way: the pipeline is being changed.
        context.eventLoop.assumeIsolated().execute { self.begin() }
    }

    private func begin() {
        guard let context, phase == .open, !hasBegun else { return }
        hasBegun = true
        let loop = context.eventLoop
        let socket = LoopSocket(self, loop)
        connection.taskBegan()
        let (rule, request) = (opening.rule, opening.request)
        let here = NIOLoopBound(self, eventLoop: loop)
        task = Task.immediate(executorPreference: connection.visit.executor) {
            await rule.serve(request, socket)
            loop.execute {
                here.value.task = nil
                here.value.close(.normal)
                here.value.connection.taskEnded()
            }
        }
        wait()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        hasAnswered = true
        guard phase == .open else {
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        switch frame.opcode {
        case .text:
            guard let text = String(validating: frame.unmaskedData.readableBytesView, as: UTF8.self) else { return fail(.invalidData) }
            received(.text(text))
        case .binary: received(.binary(frame.unmaskedData))
        case .ping: send(.pong, frame.unmaskedData)
        case .connectionClose:
            // The same code goes back (§5.5.1).
            var data = frame.unmaskedData
            let code = data.readInteger(as: UInt16.self)
            end()
            send(.connectionClose, code.map { ByteBuffer(integer: $0) } ?? ByteBuffer())
            context.close(promise: nil)
        case .pong: break
        // Reserved (§5.2).
        default: fail(.protocolError)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Pongs to a peer that does not read would gather.
        if waiting.isEmpty, context.channel.isWritable { context.read() } else { isReadPaused = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stalled?.cancel()
            stalled = nil
            resumeWriters()
            readOn()
        } else if stalled == nil {
            stalled = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(connection.setting.limits.stall)) { context.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: context.close(promise: nil)
        case is ChannelShouldQuiesceEvent: close(.goingAway)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.log("\(error)")
        guard phase == .open else { return context.close(promise: nil) }
        switch error {
        case NIOWebSocketError.invalidFrameLength, NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge:
            connection.setting.logger.warning(
                "WebSocket message too large: more than \(opening.rule.mostOctets) bytes (max: \(opening.rule.mostOctets))",
                metadata: ["peer": "\(opening.request.client)"])
            fail(.tooLarge)
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error, is MaskRule.Broken: fail(.protocolError)
        default: context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        shut()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        shut()
        self.context = nil
    }

    /// The channel is gone.
    private func shut() {
        end()
        phase = .closed
        timer?.cancel()
        timer = nil
        stalled?.cancel()
        stalled = nil
    }

    /// Nothing more is received or sent by the handler.
    private func end() {
        guard phase != .closed else { return }
        phase = .closed
        waiting = CircularBuffer()
        reader?.resume(returning: nil)
        reader = nil
        failWriters()
        task?.cancel()
    }

    /// Says goodbye because of what the peer did; what it sends now is not read.
    private func fail(_ code: WebSocketCloseCode) {
        end()
        guard let context else { return }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: .output, promise: nil) }
        send(.connectionClose, ByteBuffer(integer: code.rawValue), sent)
        // Time to read it before the connection is reset by what we leave unread.
        context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(2)) { context.close(promise: nil) }
        context.read()
    }

    private func wait() {
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(connection.setting.limits.ping)) { [weak self] in self?.tick() }
    }

    private func tick() {
        guard let context else { return }
        guard hasAnswered else {
            context.close(promise: nil)
            return
        }
        hasAnswered = false
        if phase == .open { send(.ping, ByteBuffer()) }
        wait()
    }

    private func received(_ message: WebSocketMessage) {
        guard let reader else { return waiting.append(message) }
        self.reader = nil
        reader.resume(returning: message)
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ promise: EventLoopPromise<Void>? = nil) {
        context?.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: promise)
    }

    // MARK: For the handler

    func ask(_ reader: CheckedContinuation<WebSocketMessage?, any Error>) {
        if let message = waiting.popFirst() {
            reader.resume(returning: message)
        } else if phase != .open {
            reader.resume(returning: nil)
        } else {
            self.reader = reader
        }
        readOn()
    }

    private func readOn() {
        guard isReadPaused, waiting.isEmpty, phase == .open, let context, context.channel.isWritable else { return }
        isReadPaused = false
        context.read()
    }

    func stopAsking() {
        reader?.resume(throwing: CancellationError())
        reader = nil
    }

    func send(_ message: WebSocketMessage, _ writer: CheckedContinuation<Void, any Error>) {
        guard phase == .open, let context else { return writer.resume(throwing: CancellationError()) }
        switch message {
        case .text(let text): send(.text, ByteBuffer(string: text))
        case .binary(let data): send(.binary, data)
        }
        if context.channel.isWritable { writer.resume() } else { writers.append(writer) }
    }

    func close(_ code: WebSocketCloseCode) {
        guard phase == .open, let context else { return }
        end()
        phase = .closing
        send(.connectionClose, ByteBuffer(integer: code.rawValue))
        context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(2)) { context.close(promise: nil) }
        context.read()
    }

    private func resumeWriters() {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume() }
    }

    private func failWriters() {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume(throwing: CancellationError()) }
    }
}

/// A client masks all that it sends (RFC 6455 §5.1), and no extension gives its reserved bits a meaning (§5.2). Before fragments are put together: the whole has no mask.
private final class MaskRule: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame
    struct Broken: Error {}

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        if frame.maskKey == nil || frame.rsv1 || frame.rsv2 || frame.rsv3 { context.fireErrorCaught(Broken()) } else { context.fireChannelRead(data) }
    }
}

/// The way from a handler, on any thread, to the WebSocket on its loop.
private final class LoopSocket: WebSocket {
    private let loop: any EventLoop
    private let exchange: NIOLoopBound<WebSocketExchange>

    init(_ exchange: WebSocketExchange, _ loop: any EventLoop) {
        self.loop = loop
        self.exchange = NIOLoopBound(exchange, eventLoop: loop)
    }

    func receive() async throws -> WebSocketMessage? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if loop.inEventLoop { exchange.value.ask(continuation) } else { loop.execute { self.exchange.value.ask(continuation) } }
            }
        } onCancel: {
            loop.execute { self.exchange.value.stopAsking() }
        }
    }

    func send(_ message: WebSocketMessage) async throws {
        try await withCheckedThrowingContinuation { continuation in
            if loop.inEventLoop { exchange.value.send(message, continuation) } else { loop.execute { self.exchange.value.send(message, continuation) } }
        }
    }

    func close(_ code: WebSocketCloseCode) {
        loop.execute { self.exchange.value.close(code) }
    }
}
