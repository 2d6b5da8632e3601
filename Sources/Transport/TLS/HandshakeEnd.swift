import Conversation
import NIOCore
import NIOSSL
import NIOTLS

/// Stands right behind TLS until the handshake is over, and knows then what was agreed on and who the client is, or why there is no TLS.
final class HandshakeEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let serverName: String?
    /// Of the certificate that is shown.
    private let endPoint: [UInt8]?
    private let rules: HandshakeRules
    /// Hears it before the handlers behind this one hear of the handshake.
    private let agreed: (TLSFacts) -> Void
    private var isOver = false

    init(_ serverName: String?, endPoint: [UInt8]?, _ rules: HandshakeRules, agreed: @escaping (TLSFacts) -> Void) {
        self.serverName = serverName
        self.endPoint = endPoint
        self.rules = rules
        self.agreed = agreed
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event, !isOver else { return context.fireUserInboundEventTriggered(event) }
        do {
            let pipeline = context.pipeline.syncOperations
            let client = try pipeline.nioSSL_peerCertificate().map { try ClientCertificate($0) }
            // RFC 9325 §3.1.1: TLSv1.2 is the least that is spoken here.
            let version = try pipeline.nioSSL_tlsVersion() == .tlsv13 ? "TLSv1.3" : "TLSv1.2"
            isOver = true
            agreed(TLSFacts(version: version, serverName: serverName, client: client, endPoint: endPoint))
            context.fireUserInboundEventTriggered(event)
            pipeline.removeHandler(self, promise: nil)
            // catch: a certificate that cannot be read, or that has expired since its session began: nobody.
        } catch {
            fail(.clientCertificate)
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(HandshakeFailure(error))
        context.fireErrorCaught(error)
    }

    /// Who goes away ends its side before, or an error has been heard of: it is we who closed.
    func channelInactive(context: ChannelHandlerContext) {
        fail(.timeout)
        context.fireChannelInactive()
    }

    private func fail(_ failure: HandshakeFailure) {
        guard !isOver else { return }
        isOver = true
        rules.failed(failure)
    }
}
