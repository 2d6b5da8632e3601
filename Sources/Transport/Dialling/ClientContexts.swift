import Conversation
import MailModel
import NIOSSL

/// What TLS asks of the other end, as a client: made once, because authorities take a while to read. No certificate of ours is ever shown.
struct ClientContexts: Sendable {
    /// RFC 7435 §1: whoever it is, and old versions too, which are still better than none.
    private let anyone: NIOSSLContext
    private let vouched: NIOSSLContext

    init(authorities: NIOSSLTrustRoots) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.shutdownTimeout = .seconds(1)
        configuration.certificateVerification = .none
        configuration.minimumTLSVersion = .tlsv1
        anyone = try NIOSSLContext(configuration: configuration)
        configuration.trustRoots = authorities
        // Names are compared by `CertificateNames`: there may be several.
        configuration.certificateVerification = .noHostnameVerification
        configuration.minimumTLSVersion = .tlsv12
        vouched = try NIOSSLContext(configuration: configuration)
    }

    func handler(_ terms: TLSTerms) throws(StreamFault) -> NIOSSLClientHandler {
        let context =
            switch terms.verification {
            case .none: anyone
            case .authorities: vouched
            }
        // RFC 6066 §3: no address literals.
        let name = terms.serverName.flatMap { IPAddress($0) == nil ? $0 : nil }
        do { return try NIOSSLClientHandler(context: context, serverHostname: name) } catch {
            throw .tls("no name to ask for: \(oneLine(error))")
        }
    }
}
