import Conversation
import NIOCore
import NIOSSL
import NIOTLS

/// TLS: from the first byte, or after STARTTLS.
extension LineDriver {
    /// Sends the answer in plain text, drops all input, and lets nothing but a handshake follow (RFC 3207 §4.2, RFC 9051 §6.2.1).
    func startTLS() {
        guard case .startTLS(let shelf) = setting.security, let context, session != nil, link?.facts.tls == nil else {
            log("the session asks for TLS where there is none")
            context?.close(promise: nil)
            return
        }
        release()
        if input.readableBytes > 0 {
            setting.logger.notice(
                "Dropped \(input.readableBytes) octets sent in plain text behind STARTTLS",
                metadata: ["connection": "\(id)", "peer": "\(link?.facts.peerAddress ?? "")"])
        }
        input = ByteBuffer()
        phase = .securing
        watch.phaseBegan()
        awaitHandshake(context, shelf)
    }

    func awaitHandshake(_ context: ChannelHandlerContext, _ shelf: CertificateShelf) {
        let door = TLSDoor(shelf, .line) { [weak self] name in self?.serverName = name }
        do { try context.pipeline.syncOperations.addHandler(door, position: .before(self)) } catch { errorCaught(context: context, error: error) }
    }

    func handshakeCompleted() {
        guard phase == .opening || phase == .securing, let context else { return }
        // try?: TLSv1.2 is the least that is spoken here.
        let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
        let tls = TLSFacts(version: version == .tlsv13 ? "TLSv1.3" : "TLSv1.2", serverName: serverName)
        serverName = nil
        if phase == .opening { return begin(tls: tls) }
        phase = .talking(.resting(for: .input))
        link?.secure(tls)
        session?.secured(tls)
        watch.progressed()
        resumeWriters()
        talk()
    }
}
