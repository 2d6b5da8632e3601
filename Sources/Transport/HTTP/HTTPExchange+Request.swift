import Conversation
import Logging
import NIOCore
import NIOHTTP1

/// A request: what is asked for, who answers, and its content.
extension HTTPExchange {
    /// Content that nobody asks for and that is read past, in octets: to read a little costs less than a new connection.
    static let readPast = 64 * 1024

    func begin(_ head: HTTPRequestHead) {
        count += 1
        phase = .busy
        clock.phaseBegan()
        // The parser reads no further behind a request that asks for another protocol; see `SocketOpening` for the one that is served.
        let isLeft = !isStream && (head.method == .CONNECT || head.headers.contains(name: "upgrade"))
        current = Current(
            number: count, keepsAlive: head.isKeepAlive && !isLeft && !isStopping && !(hasInputEnded && queued.isEmpty), isHead: head.method == .HEAD,
            version: head.version, isSecure: connection.facts.tls != nil)
        do throws(RequestReader.Refusal) {
            let (request, framing) = try RequestReader(setting: setting).read(head, connection, isStream: isStream)
            self.current?.isSecure = request.isSecure
            if case .length(let octets) = framing { self.current?.expected = octets }
            answer(request, framing)
        } catch {
            if error.closes { self.current?.keepsAlive = false }
            refuse(.refusal(error.status), isLast: error.closes)
        }
    }

    private func answer(_ request: HTTPRequest, _ framing: RequestReader.Framing) {
        var request = request
        let routes = setting.site.routes
        let found = routes.find(request.method, request.target.segments)
        var rate = HTTPRoute.Rate.usual
        if case .found(let route, _) = found { rate = route.rate }
        if let wait = setting.requests.ask(request.client, rate) {
            // R77: who is limited is told until when.
            return refuse(.refusal(429, ["Retry-After": "\(wait)"]), request, framing)
        }
        if request.target.isServer { return refuse(HTTPReply(204, ["Allow": routes.methods.joined(separator: ", ")]), request, framing) }
        switch found {
        case .found(let route, let captures):
            if case .networks(let networks) = route.admission, !networks.contains(request.client) || request.isHidden {
                return refuse(.refusal(404), request, framing)
            }
            request.captures = captures
            answer(request, framing, route)
        case _ where !HTTPMethods.known.contains(request.method): refuse(.refusal(501), request, framing)
        case .nothing: refuse(.refusal(404), request, framing)
        case .otherMethods(let methods):
            let allow: HTTPFields = ["Allow": methods.joined(separator: ", ")]
            refuse(request.method == "OPTIONS" ? HTTPReply(204, allow) : .refusal(405, allow), request, framing)
        }
    }

    private func answer(_ request: HTTPRequest, _ framing: RequestReader.Framing, _ route: HTTPRoute) {
        if case .length(let octets) = framing, octets > max(route.content.limit, route.content.limit == 0 ? HTTPExchange.readPast : 0) {
            return refuse(.refusal(413), request, framing)
        }
        if request.fields.has("content-encoding"), !route.content.takesCodings,
            request.fields.members("content-encoding").contains(where: { $0 != "identity" })
        {
            // RFC 9110 §15.5.16.
            return refuse(.refusal(415, ["Accept-Encoding": "identity"]), request, framing)
        }
        if let types = route.content.types, framing != .none, !isStream || !(current?.isReceived ?? true), !types.contains(request.mediaType ?? "") {
            return refuse(.refusal(415), request, framing)
        }
        switch route.answer {
        case .now(let make): refuse(make(request), request, framing)
        case .socket(let rule):
            do throws(RequestReader.Refusal) {
                let opening = try SocketOpening(request, rule)
                if let reply = rule.refuse(request) { return refuse(reply, request, framing) }
                current?.upgrade = opening
            } catch {
                refuse(.refusal(error.status, ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"]), request, framing)
            }
        case .work(let make):
            current?.contentLimit = route.content.limit == 0 ? HTTPExchange.readPast : route.content.limit
            if framing != .none, isContinueWanted(request) { sayContinue() }
            begin(request, make)
        }
    }

    /// RFC 9110 §10.1.1.
    private func isContinueWanted(_ request: HTTPRequest) -> Bool {
        current?.version.isOld != true && request.fields.members("expect").contains("100-continue")
    }

    private func sayContinue() {
        context?.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    /// Answers without asking for the content: at once to who waits for a word before it, otherwise once it is read past, where there is little of it.
    private func refuse(_ reply: HTTPReply, _ request: HTTPRequest, _ framing: RequestReader.Framing) {
        var isLast = framing != .none && isContinueWanted(request)
        if case .length(let octets) = framing, octets > HTTPExchange.readPast { isLast = true }
        refuse(reply, isLast: isLast)
    }

    private func refuse(_ reply: HTTPReply, isLast: Bool) {
        current?.contentLimit = HTTPExchange.readPast
        guard isLast else {
            current?.pending = reply
            return
        }
        current?.keepsAlive = false
        send(reply)
    }

    // MARK: Content

    func received(_ piece: ByteBuffer) {
        guard let number = current?.number, let pipe = current.map({ $0.pipe }) else { return }
        current?.received += piece.readableBytes
        if current?.answer == .done { current?.unasked += piece.readableBytes }
        if let current,
            current.unasked > HTTPExchange.readPast || current.received > max(current.contentLimit, HTTPExchange.readPast)
                || pipe != nil && current.received > current.contentLimit
        {
            tooMuch(number)
        } else {
            if current?.answer == Answer.none { pipe?.add(piece) }
            clock.used(piece.readableBytes, least: setting.limits.leastProgress)
        }
    }

    private func tooMuch(_ number: Int) {
        current?.keepsAlive = false
        if let pipe = current?.pipe {
            // Who reads it is told, and what is answered then is dropped.
            pipe.end(.failure(.tooLarge))
        }
        switch current?.answer {
        case Answer.none?: send(.refusal(413))
        case .begun, nil: break
        // Answered already, and what is asked for is not read: no more of it.
        case .done: if isStream { context?.close(promise: nil) } else { close() }
        }
    }

    func received() {
        current?.isReceived = true
        current?.pipe?.end(.success(()))
        if let reply = current?.pending {
            current?.pending = nil
            send(reply)
        } else if let opening = current?.upgrade {
            open(opening)
        } else if current?.answer == .done {
            finish()
        }
    }

    // MARK: Work

    private func begin(_ request: HTTPRequest, _ make: @escaping @Sendable (HTTPRequest, any RequestContent) async throws -> HTTPReply) {
        guard let context, let number = current?.number else { return }
        let loop = context.eventLoop
        let here = NIOLoopBound(self, eventLoop: loop)
        let pipe = ContentPipe(loop) { here.value.readOn() }
        current?.pipe = pipe
        connection.taskBegan()
        // The task has it no longer than the handler, which may take its time.
        let asked = NIOLoopBoundBox(Optional(request), eventLoop: loop)
        let task = Task.immediate(executorPreference: connection.visit.executor) {
            do {
                let reply = try await HTTPExchange.answer(asked, pipe, make)
                await HTTPExchange.on(loop) { here.value.replied(reply, number) }
            } catch {
                let isCancelled = Task.isCancelled
                await HTTPExchange.on(loop) { here.value.failed(error, number, isCancelled) }
            }
            await HTTPExchange.on(loop) { here.value.connection.taskEnded() }
        }
        // Unless it is over, or another writes already what it answered.
        if current?.number == number, current?.task == nil { current?.task = task }
    }

    /// Writes a streamed answer, by a task of its own: it may go on for days, and what the one before it needed to ask the handler goes with that one.
    private func stream(_ number: Int, _ write: @escaping @Sendable (any ContentWriter) async throws -> Void) {
        guard let context else { return }
        let loop = context.eventLoop
        let here = NIOLoopBound(self, eventLoop: loop)
        connection.taskBegan()
        let writer = ReplyWriter(self, number, loop)
        let task = Task.immediate(executorPreference: connection.visit.executor) {
            do {
                try await write(writer)
                await HTTPExchange.on(loop) { here.value.streamed(number) }
            } catch {
                let isCancelled = Task.isCancelled
                await HTTPExchange.on(loop) { here.value.failed(error, number, isCancelled) }
            }
            await HTTPExchange.on(loop) { here.value.connection.taskEnded() }
        }
        if streams(number) { current?.task = task }
    }

    /// Asks the handler, and lets go of the request. Begins on the loop.
    private static func answer(
        _ asked: NIOLoopBoundBox<HTTPRequest?>, _ pipe: ContentPipe, _ make: @Sendable (HTTPRequest, any RequestContent) async throws -> HTTPReply
    ) async throws -> HTTPReply {
        guard let request = asked.withValue({ $0.take() }) else { throw CancellationError() }
        return try await make(request, pipe)
    }

    /// On the loop; at once where it is it.
    private static func on<Result: Sendable>(_ loop: any EventLoop, _ body: @escaping @Sendable () -> Result) async -> Result {
        if loop.inEventLoop { return body() }
        return await withCheckedContinuation { continuation in loop.execute { continuation.resume(returning: body()) } }
    }

    private func replied(_ reply: HTTPReply, _ number: Int) {
        guard phase == .busy, current?.number == number, current?.answer == Answer.none else { return }
        current?.pipe?.fail()
        current?.pipe = nil
        send(reply)
        if case .stream(_, let write) = reply.content, streams(number) { stream(number, write) }
    }

    /// - parameter isCancelled: the connection has gone, or the server stops: what its handler makes of that is no error.
    private func failed(_ error: any Error, _ number: Int, _ isCancelled: Bool) {
        let level: Logger.Level = isCancelled || error is CancellationError || error is ContentFault ? .debug : .error
        setting.logger.log(level: level, "A request could not be answered: \(error)", metadata: ["connection": "\(connection.facts.id)"])
        guard phase == .busy, let current, current.number == number, current.answer != .done else { return }
        // A part of an answer must not be taken for the whole.
        guard current.answer == Answer.none else {
            context?.close(promise: nil)
            return
        }
        switch error {
        case ContentFault.tooLarge:
            self.current?.keepsAlive = false
            send(.refusal(413))
        case ContentFault.tooSlow:
            self.current?.keepsAlive = false
            send(.refusal(408))
        case ContentFault.broken, is CancellationError: context?.close(promise: nil)
        default: send(.refusal(500))
        }
    }
}
