import Conversation
import NIOCore
import NIOHTTP1

/// One request and its answer, in the pipeline of a connection that is in TLS: it stands between TLS and the stream's end, which hears nothing more.
/// On the channel's event loop alone.
final class WebExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: WebRequest
    private var head: HTTPResponseHead?
    private var content = ByteBuffer()
    private var promise: EventLoopPromise<WebReply>?

    init(_ request: WebRequest, _ promise: EventLoopPromise<WebReply>) {
        self.request = request
        self.promise = promise
    }

    /// Puts it, and what speaks HTTP for it, before `end`.
    static func begin(_ request: WebRequest, before end: StreamHandler, in channel: any Channel) -> EventLoopFuture<WebReply> {
        let promise = channel.eventLoop.makePromise(of: WebReply.self)
        let operations = channel.pipeline.syncOperations
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 * 1024
        limits.maxHeaderListSize = mostHead
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop, limitConfiguration: limits)
        do {
            try operations.addHandlers(
                OctetBound(mostOctets(of: request)), HTTPRequestEncoder(), ByteToMessageHandler(decoder), WebExchange(request, promise),
                position: .before(end))
        } catch {
            promise.fail(WebFault.unreachable("the connection was closed"))
        }
        return promise.futureResult
    }

    /// Header fields.
    private static let mostHead = 64 * 1024

    /// Of everything that may come for a request: a chunk's frame may be several times its content, and provisional answers (1xx) may stand before the last.
    private static func mostOctets(of request: WebRequest) -> Int { 2 * mostHead + 8 * request.mostOctets }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return end(.failure(.unreachable("the connection was closed")), context) }
        // The port stands in it where it is not the scheme's own (RFC 9110 §7.2).
        let host = request.port == 443 ? request.host.value : "\(request.host.value):\(request.port)"
        var fields: HTTPHeaders = ["Host": host, "User-Agent": "Martlet", "Accept": "*/*", "Connection": "close"]
        if let content = request.posting {
            fields.add(name: "Content-Type", value: content.type)
            fields.add(name: "Content-Length", value: "\(content.octets.readableBytes)")
        }
        let head = HTTPRequestHead(version: .http1_1, method: request.posting == nil ? .GET : .POST, uri: request.path, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let content = request.posting { context.write(wrapOutboundOut(.body(.byteBuffer(content.octets))), promise: nil) }
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
            let fields = head.headers.map { (name: $0.name, value: $0.value) }
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
        case OctetBound.Exceeded.octets, HTTPParserError.headerOverflow: end(.failure(.tooLarge), context)
        case is HTTPParserError, is NIOHTTPDecoderError: end(.failure(.malformed(oneLine(error))), context)
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

/// Lets no more than so many octets in.
private final class OctetBound: ChannelInboundHandler {
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
