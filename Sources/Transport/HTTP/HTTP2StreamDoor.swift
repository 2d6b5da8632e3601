import Conversation
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2

/// The first handler of an HTTP/2 stream: a CONNECT for a WebSocket (RFC 8441) becomes one, everything else a request like those of HTTP/1.1. It stays where it is
/// and passes on what follows: to remove it would cost each request more.
final class HTTP2StreamDoor: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let connection: HTTPConnection
    /// The stream's first header has come, and with it who answers.
    private var isOpen = false

    init(_ connection: HTTPConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { context.read() }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOpen, case .headers(let headers) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let pipeline = context.pipeline.syncOperations
        do {
            if let opening = try opening(headers.headers) {
                context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: [":status": "200"]))), promise: nil)
                try pipeline.addHandlers([StreamOctets()] + WebSocketExchange.handlers(connection, opening), position: .after(self))
                isOpen = true
            } else {
                try pipeline.addHandlers(HTTP2FramePayloadToHTTP1ServerCodec(), HTTPExchange(connection), position: .after(self))
                isOpen = true
                context.fireChannelRead(data)
            }
        } catch let refusal as RequestReader.Refusal {
            let fields: HPACKHeaders = [":status": "\(refusal.status)", "content-length": "0"]
            context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: fields, endStream: true))), promise: nil)
            // Whoever does not end it holds no stream for that.
            context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(2)) { context.close(promise: nil) }
        } catch {
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOpen else { return context.fireErrorCaught(error) }
        connection.log("\(error)")
        context.close(promise: nil)
    }

    /// Nil: it is no CONNECT.
    private func opening(_ headers: HPACKHeaders) throws -> SocketOpening? {
        guard headers.first(name: ":method") == "CONNECT" else { return nil }
        guard headers.first(name: ":protocol") == "websocket", let path = headers.first(name: ":path") else { throw RequestReader.Refusal(status: 501) }
        var fields = HTTPHeaders()
        if let authority = headers.first(name: ":authority") { fields.add(name: "host", value: authority) }
        for (name, value, _) in headers where !name.hasPrefix(":") && name != "host" { fields.add(name: name, value: value) }
        let head = HTTPRequestHead(version: .http2, method: .GET, uri: path, headers: fields)
        var (request, _) = try RequestReader(setting: connection.setting).read(head, connection, isStream: true)
        guard case .found(let route, let captures) = connection.setting.site.routes.find("GET", request.target.segments) else {
            throw RequestReader.Refusal(status: 404)
        }
        if case .networks(let networks) = route.admission, !networks.contains(request.client) || request.isHidden {
            throw RequestReader.Refusal(status: 404)
        }
        guard case .socket(let rule) = route.answer, request.fields.only("sec-websocket-version") == "13" else { throw RequestReader.Refusal(status: 400) }
        request.captures = captures
        if let reply = rule.refuse(request) { throw RequestReader.Refusal(status: reply.status) }
        return SocketOpening(stream: request, rule)
    }
}

/// DATA frames are octets here; END_STREAM is the peer's close.
private final class StreamOctets: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .data(let frame) = unwrapInboundIn(data), case .byteBuffer(let octets) = frame.data else { return }
        if octets.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(octets)) }
        if frame.endStream { context.close(promise: nil) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(unwrapOutboundIn(data))))), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .all else { return context.close(mode: mode, promise: promise) }
        // Half a stream's end is END_STREAM.
        context.writeAndFlush(wrapOutboundOut(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))), promise: promise)
    }
}
