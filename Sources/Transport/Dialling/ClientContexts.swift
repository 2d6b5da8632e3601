import Conversation
import MailModel
import NIOSSL

/// What TLS asks of the other end, as a client: made once, because authorities take a while to read. No certificate of ours is ever shown.
struct ClientContexts: Sendable {
    /// RFC 7435 §1: whoever it is, and old versions too, which are still better than none.
    private let anyone: NIOSSLContext
    private let vouched: NIOSSLContext
    /// Whoever it is, but no old versions: a server that publishes what it is can do better.
    private let encrypted: NIOSSLContext

    init(authorities: NIOSSLTrustRoots) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.shutdownTimeout = .seconds(1)
        configuration.certificateVerification = .none
        configuration.minimumTLSVersion = .tlsv1
        anyone = try NIOSSLContext(configuration: configuration)
        configuration.minimumTLSVersion = .tlsv12
        encrypted = try NIOSSLContext(configuration: configuration)
        configuration.trustRoots = authorities
        // Names are compared by `CertificateNames`: there may be several.
        configuration.certificateVerification = .noHostnameVerification
        vouched = try NIOSSLContext(configuration: configuration)
    }

    /// - parameter objection: hears why the chain that was shown is not good enough, before the handshake fails by it; on any thread.
    func handler(_ terms: TLSTerms, objection: @escaping @Sendable (TLSFailure) -> Void) throws(StreamFault) -> NIOSSLClientHandler {
        // RFC 6066 §3: no address literals.
        let name = terms.serverName.flatMap { IPAddress($0) == nil ? $0 : nil }
        do {
            switch terms.verification {
            case .none: return try NIOSSLClientHandler(context: anyone, serverHostname: name)
            case .authorities: return try NIOSSLClientHandler(context: vouched, serverHostname: name)
            case .dane(let records, _) where records.isEmpty: return try NIOSSLClientHandler(context: encrypted, serverHostname: name)
            case .dane(let records, let names):
                let verifier = DANEVerifier(records: records, names: names)
                // In the place of the authorities' judgement, which this context would ask for.
                return try NIOSSLClientHandler(
                    context: vouched, serverHostname: name,
                    customVerificationCallback: { chain, verdict in
                        verdict.completeWithTask {
                            guard let failure = await verifier.objection(to: chain) else { return .certificateVerified }
                            objection(failure)
                            return .failed
                        }
                    })
            }
        } catch {
            throw .tls(TLSFailure(.validation, "no name to ask for: \(oneLine(error))"))
        }
    }
}
