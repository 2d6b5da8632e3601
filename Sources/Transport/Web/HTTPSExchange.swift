import Conversation
import NIOCore
import NIOHTTP1

/// One request of an `HTTPSClient` and its answer, in the pipeline of a connection that is in TLS: it stands between TLS and the stream's end, which hears
/// nothing more. On the channel's event loop alone.
final class HTTPSExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: WebRequest
    private var head: HTTPResponseHead?
    private var content = ByteBuffer()
    private var promise: EventLoopPromise<WebReply>?

    private init(_ request: WebRequest, _ promise: EventLoopPromise<WebReply>) {
        self.request = request
        self.promise = promise
    }

    /// Header fields.
    private static let mostHead = 64 * 1024

    /// Puts it, and what speaks HTTP for it, before `end`.
    static func begin(_ request: WebRequest, before end: StreamHandler, in channel: any Channel) -> EventLoopFuture<WebReply> {
        let promise = channel.eventLoop.makePromise(of: WebReply.self)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 * 1024
        limits.maxHeaderListSize = mostHead
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop, limitConfiguration: limits)
        do {
            try channel.pipeline.syncOperations.addHandlers(
                AnswerBound(2 * mostHead + 8 * request.mostOctets), HTTPRequestEncoder(), ByteToMessageHandler(decoder), HTTPSExchange(request, promise),
                position: .before(end))
        } catch {
            promise.fail(WebFault.unreachable("the connection was closed"))
        }
        return promise.futureResult
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return end(.failure(.unreachable("the connection was closed")), context) }
        // RFC 9110 §7.2: the port stands in it where it is not the scheme's own, and an IPv6 address in brackets.
        var host = request.host.description
        if case .address(let address) = request.host, !address.isIPv4 { host = "[\(host)]" }
        var fields: HTTPHeaders = ["Host": request.port == 443 ? host : "\(host):\(request.port)", "User-Agent": "Martlet"]
        if !request.fields.has("Accept") { fields.add(name: "Accept", value: "*/*") }
        fields.add(name: "Connection", value: "close")
        for field in request.fields.list { fields.add(name: field.name, value: field.value) }
        if request.method == .post { fields.add(name: "Content-Length", value: "\(request.content.readableBytes)") }
        context.write(
            wrapOutboundOut(
                .head(HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: request.path, headers: fields))),
            promise: nil)
        if request.content.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(request.content))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(.failure(.unreachable("the connection was closed")), context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard promise != nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let piece):
            guard content.readableBytes + piece.readableBytes <= request.mostOctets else { return end(.failure(.tooLarge), context) }
            content.writeImmutableBuffer(piece)
        case .end:
            guard let head, head.status.code >= 200 else { return end(.failure(.malformed("an answer without a status")), context) }
            var fields = HTTPFields()
            for field in head.headers { fields.add(parsed: field.name, field.value) }
            end(.success(WebReply(status: Int(head.status.code), fields: fields, content: content)), context)
        }
    }

    /// To the end of TLS: whoever does not read on does not see it.
    func channelReadComplete(context: ChannelHandlerContext) { context.read() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The decoder has made of it what it could.
        if case ChannelEvent.inputClosed = event { end(.failure(.unreachable("the connection ended before the answer")), context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case AnswerBound.Exceeded.octets, HTTPParserError.headerOverflow: end(.failure(.tooLarge), context)
        case is HTTPParserError, is NIOHTTPDecoderError: end(.failure(.malformed("what came is no answer by HTTP")), context)
        // An end that TLS was not told of, too: the answer may have been cut short.
        default: end(.failure(.unreachable("the connection broke off: \(oneLine(error))")), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.failure(.unreachable("the connection ended before the answer")), context)
        context.fireChannelInactive()
    }

    private func end(_ result: Result<WebReply, WebFault>, _ context: ChannelHandlerContext) {
        guard let promise else { return }
        self.promise = nil
        promise.completeWith(result.mapError { $0 })
        context.close(promise: nil)
    }
}

/// Lets no more than so many octets in: a chunk's frame may be several times its content, and provisional answers (1xx) may stand before the last.
private final class AnswerBound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    enum Exceeded: Error { case octets }

    private var left: Int
    init(_ most: Int) { left = most }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard left >= 0 else { return }
        left -= unwrapInboundIn(data).readableBytes
        if left < 0 { context.fireErrorCaught(Exceeded.octets) } else { context.fireChannelRead(data) }
    }
}
