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

    /// Waits for the ClientHello: the name in it chooses the certificate. Until then nothing behind the reader is reached.
    func awaitHandshake(_ context: ChannelHandlerContext, _ shelf: CertificateShelf) {
        let hello = SNIHandler { [weak self, loop = context.eventLoop] result in
            guard let self, let context = self.context else { return loop.makeSucceededVoidFuture() }
            if case .hostname(let name) = result { serverName = Self.plausible(name) }
            return loop.makeCompletedFuture { try self.addTLS(context, shelf) }
        }
        do {
            let reader = ByteToMessageHandler(hello, maximumBufferSize: 2 * LineSizes.piece)
            try context.pipeline.syncOperations.addHandler(reader, position: .first)
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    private func addTLS(_ context: ChannelHandlerContext, _ shelf: CertificateShelf) throws {
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = LineSizes.piece
        let handler = NIOSSLServerHandler(
            context: shelf.context(for: serverName), customVerificationCallback: nil, configuration: configuration)
        try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
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

    /// A host name as it may stand in a log line, else nil.
    private static func plausible(_ name: String) -> String? {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isName && (1...255).contains(name.utf8.count) ? name.lowercased() : nil
    }
}
