import Conversation
import NIOCore
import NIOTLS

/// TLS: from the first byte, or after STARTTLS.
extension LineDriver {
    /// Sends the answer in plain text, drops all input, and lets nothing but a handshake follow (RFC 3207 §4.2, RFC 9051 §6.2.1).
    func startTLS() {
        guard case .startTLS(let shelf, let rules) = setting.security, let context, session != nil, link?.facts.tls == nil else {
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
        awaitHandshake(context, shelf, rules)
    }

    func awaitHandshake(_ context: ChannelHandlerContext, _ shelf: CertificateShelf, _ rules: HandshakeRules) {
        let door = TLSDoor(shelf, rules, .line) { [weak self] tls in self?.agreed = tls }
        do { try context.pipeline.syncOperations.addHandler(door, position: .before(self)) } catch { errorCaught(context: context, error: error) }
    }

    func handshakeCompleted() {
        guard phase == .opening || phase == .securing, let tls = agreed else { return }
        agreed = nil
        tls.client?.tell(setting.logger, visit.facts)
        if phase == .opening { return begin(tls: tls) }
        phase = .talking(.resting(for: .input))
        link?.secure(tls)
        session?.secured(tls)
        watch.progressed()
        resumeWriters()
        talk()
    }
}
