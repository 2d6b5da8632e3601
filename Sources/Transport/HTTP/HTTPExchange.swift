import Conversation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Answers the requests of an HTTP/1.1 connection, one after the other, or the one of an HTTP/2 stream. The last handler of its pipeline, on its event loop.
///
/// Invariants: one request is under way at a time, what is pipelined behind it waits in `queued`, and nothing is read while something waits there; a handler's
/// answer counts only while its request is the one under way (`number`); the connection is closed whenever it is not certain where the next request begins.
final class HTTPExchange: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase: Hashable {
        /// For a request.
        case waiting
        /// Some of a request's header has come.
        case header
        /// A request is under way.
        case busy
        /// The last answer has been given.
        case closing
        case closed
    }

    /// The request under way.
    struct Current {
        let number: Int
        var keepsAlive: Bool
        let isHead: Bool
        let version: HTTPVersion
        var isSecure: Bool
        var contentLimit = 0
        /// Of content that came; and of it what nobody asks for any more.
        var received = 0
        var unasked = 0
        /// All of it in octets, where that was said.
        var expected: Int?
        /// All its content has come.
        var isReceived = false
        /// Said when all its content has come.
        var pending: HTTPReply?
        var upgrade: SocketOpening?
        var pipe: ContentPipe?
        var task: Task<Void, Never>?
        var answer = Answer.none
    }

    enum Answer: Hashable {
        case none
        /// Octets that are still to come, where that is known.
        case begun(left: Int?)
        case done
    }

    let connection: HTTPConnection
    /// What reads the connection; nil: it is a stream of HTTP/2.
    private let decoder: RequestDecoder?
    let isStream: Bool
    var context: ChannelHandlerContext?
    var phase = Phase.waiting
    var current: Current?
    var queued = CircularBuffer<HTTPServerRequestPart>()
    /// Of requests on this connection.
    var count = 0
    var clock = PeerClock()
    /// Among the connection's exchanges, where it is one of them.
    var place: Int?
    var writers: [CheckedContinuation<Void, any Error>] = []
    var written = 0
    /// Since the last end of a read: what is written now leaves at the next.
    private(set) var partsCame = false
    private var isTaking = false
    var hasInputEnded = false
    var isReadPaused = false
    var isStopping = false
    var isFlushScheduled = false

    var setting: HTTPSetting { connection.setting }

    /// - parameter decoder: what reads the connection; nil: it is a stream of HTTP/2.
    init(_ connection: HTTPConnection, _ decoder: RequestDecoder? = nil) {
        self.connection = connection
        self.decoder = decoder
        isStream = decoder == nil
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard clock.isIdle else { return }
        connection.join(self)
        clock.phaseBegan()
        arm()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        partsCame = true
        if phase == .busy, current?.isReceived == true || !queued.isEmpty {
            queued.append(part)
        } else {
            take(part)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase == .waiting, !partsCame, !isStream {
            phase = .header
            clock.phaseBegan()
        }
        partsCame = false
        context.flush()
        arm()
        if mayRead { context.read() } else { isReadPaused = true }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch (phase, part) {
        case (.waiting, .head(let head)), (.header, .head(let head)): begin(head)
        case (.busy, .body(let piece)): received(piece)
        case (.busy, .end): received()
        // What comes behind the last answer, or without a beginning.
        default: break
        }
    }

    /// Goes on with what was pipelined.
    func takeQueued() {
        guard !isTaking else { return }
        isTaking = true
        defer { isTaking = false }
        while phase != .closed, phase != .closing, phase != .busy || current?.isReceived == false, let part = queued.popFirst() { take(part) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // What is left of the last answer has a clock of its own.
        guard phase != .closing else { return context.fireChannelWritabilityChanged() }
        if context.channel.isWritable {
            clock.stallEnded()
            resumeWriters()
            readOn()
        } else {
            clock.stallBegan(flushed: flushed)
            arm()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: inputEnded(context)
        case is ChannelShouldQuiesceEvent: stop()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// The peer says nothing more. What it asked for is answered; what has no end of its own is not waited for.
    private func inputEnded(_ context: ChannelHandlerContext) {
        hasInputEnded = true
        switch phase {
        case .busy:
            if current?.isReceived == false { current?.pipe?.end(.failure(.broken)) }
            if queued.isEmpty { current?.keepsAlive = false }
            if case .begun(left: nil) = current?.answer {
                context.close(promise: nil)
            } else if current?.isReceived == false, current?.pipe == nil {
                context.close(promise: nil)
            }
        case .waiting, .header: context.close(promise: nil)
        // Until all is sent.
        case .closing: if clock.stall == nil { context.close(promise: nil) }
        case .closed: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? NIOSSLError, error == .uncleanShutdown { return }
        // Behind what was no HTTP, and was answered.
        if case ByteToMessageDecoderError.dataReceivedInErrorState = error { return }
        connection.log("\(error)")
        guard !isStream, let status = status(of: error) else { return context.close(promise: nil) }
        // Some are told twice. The last answer has been given, and has time to be read.
        guard phase != .closing else { return }
        broke(status)
    }

    /// What came is no HTTP: nothing behind it is read.
    private func broke(_ status: Int) {
        switch phase {
        case .waiting, .header:
            count += 1
            current = Current(number: count, keepsAlive: false, isHead: false, version: .http1_1, isSecure: connection.facts.tls != nil, isReceived: true)
            phase = .busy
            send(.refusal(status))
        case .busy:
            current?.keepsAlive = false
            guard current?.isReceived == false else {
                // In what is pipelined: the answer under way is given first, and is the last.
                queued = CircularBuffer()
                return
            }
            current?.pipe?.end(.failure(.broken))
            if current?.answer == Answer.none { send(.refusal(status)) } else { context?.close(promise: nil) }
        case .closing, .closed: break
        }
    }

    private func status(of error: any Error) -> Int? {
        switch error {
        case HTTPParserError.headerOverflow: 431
        case HTTPParserError.invalidVersion, HTTPParserError.invalidMethod: decoder?.status
        // The connection ended in the midst of a request.
        case HTTPParserError.invalidEOFState: nil
        case is HTTPParserError, is NIOHTTPDecoderError: 400
        default: nil
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

    private func shut() {
        guard phase != .closed else { return }
        phase = .closed
        connection.leave(self)
        queued = CircularBuffer()
        current?.task?.cancel()
        current?.pipe?.fail()
        current = nil
        failWriters()
    }

    /// The server stops: what is under way is finished, what has no end of its own is cancelled.
    private func stop() {
        isStopping = true
        switch phase {
        case .waiting, .header: context?.close(promise: nil)
        case .busy:
            current?.keepsAlive = false
            if case .begun(left: nil) = current?.answer { current?.task?.cancel() }
        case .closing, .closed: break
        }
    }

    // MARK: Reading

    private var mayRead: Bool {
        guard !hasInputEnded, context?.channel.isWritable == true else { return phase == .closing && !hasInputEnded }
        switch phase {
        case .waiting, .header, .closing: return true
        case .busy: return queued.isEmpty && current?.pipe?.isFull != true
        case .closed: return false
        }
    }

    func readOn() {
        guard isReadPaused, mayRead else { return }
        isReadPaused = false
        context?.read()
        arm()
    }
}
