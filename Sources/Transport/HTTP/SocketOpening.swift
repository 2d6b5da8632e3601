import Conversation
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A request for a WebSocket that is well-formed (RFC 6455 §4.2.1; over HTTP/2, RFC 8441 §5). A class: every exchange has room for one, and most have none.
final class SocketOpening: Sendable {
    let request: HTTPRequest
    let rule: HTTPRoute.SocketRule
    /// Sec-WebSocket-Accept; nil over HTTP/2.
    let accept: String?

    /// Over HTTP/1.1.
    init(_ request: HTTPRequest, _ rule: HTTPRoute.SocketRule) throws(RequestReader.Refusal) {
        guard request.fields.members("upgrade").contains("websocket"), request.fields.members("connection").contains("upgrade"),
            request.fields.only("sec-websocket-version") == "13"
        else { throw RequestReader.Refusal(status: 426) }
        guard let key = request.fields.only("sec-websocket-key"), Data(base64Encoded: key)?.count == 16 else { throw RequestReader.Refusal(status: 400) }
        self.request = request
        self.rule = rule
        let digest = Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        accept = Data(digest).base64EncodedString()
    }

    /// Over HTTP/2, where the method and `:protocol` have said it all.
    init(stream request: HTTPRequest, _ rule: HTTPRoute.SocketRule) {
        self.request = request
        self.rule = rule
        accept = nil
    }
}

extension HTTPExchange {
    /// Switches the connection to the WebSocket (101): all that HTTP needed leaves the pipeline, and what came behind the request goes to the socket.
    func open(_ opening: SocketOpening) {
        guard let context, let accept = opening.accept else { return }
        var headers: HTTPHeaders = ["Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept]
        headers.add(name: "Date", value: setting.dates.text())
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        do {
            let encoder = try pipeline.context(handlerType: HTTPResponseEncoder.self)
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<RequestDecoder>.self)
            try pipeline.addHandlers(WebSocketExchange.handlers(connection, opening), position: .after(self))
            pipeline.removeHandler(context: encoder, promise: nil)
            pipeline.removeHandler(self, promise: nil)
            pipeline.removeHandler(context: decoder, promise: nil)
        } catch {
            connection.log("\(error)")
            context.close(promise: nil)
        }
    }
}
