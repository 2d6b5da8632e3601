import NIOCore
import NIOSSL

/// Why there was no TLS with who connected, as far as the library says it.
package enum HandshakeFailure: String, CaseIterable, Hashable, Sendable {
    /// None of the client's versions is spoken here.
    case version
    /// No cipher suite, group or kind of signature is the client's and ours.
    case cipher
    /// The client does not believe our certificate.
    case certificate
    /// It showed none where one is demanded, or one that is not good.
    case clientCertificate = "client_certificate"
    /// What it would speak inside is not spoken here (ALPN).
    case application = "protocol"
    /// What came is no TLS.
    case garbage
    /// The client went away.
    case closed
    /// It took too long.
    case timeout
    case other

    /// The library's reasons, which it has as text alone.
    private static let reasons: [(text: String, failure: HandshakeFailure)] = [
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", .clientCertificate), ("CERTIFICATE_VERIFY_FAILED", .clientCertificate), ("BAD_SIGNATURE", .clientCertificate),
        ("ALERT_UNKNOWN_CA", .certificate), ("ALERT_BAD_CERTIFICATE", .certificate), ("ALERT_UNSUPPORTED_CERTIFICATE", .certificate),
        ("ALERT_CERTIFICATE", .certificate), ("UNSUPPORTED_PROTOCOL", .version), ("ALERT_PROTOCOL_VERSION", .version), ("INAPPROPRIATE_FALLBACK", .version),
        ("NO_SHARED", .cipher), ("NO_COMMON", .cipher), ("NO_CIPHER", .cipher), ("NO_SUPPORTED_VERSIONS_ENABLED", .version),
        ("ALERT_NO_APPLICATION_PROTOCOL", .application), ("NO_APPLICATION_PROTOCOL", .application), ("HTTP_REQUEST", .garbage),
        ("HTTPS_PROXY_REQUEST", .garbage), ("WRONG_VERSION_NUMBER", .garbage), ("UNEXPECTED_RECORD", .garbage), ("UNEXPECTED_MESSAGE", .garbage),
        ("DECODE_ERROR", .garbage), ("ALERT_CLOSE_NOTIFY", .closed), ("ALERT_USER_CANCEL", .closed), ("EOF during handshake", .closed),
    ]

    init(_ error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(let failure):
            switch failure {
            case .zeroReturn, .syscallError: self = .closed
            default:
                let text = "\(failure)"
                self = HandshakeFailure.reasons.first { text.contains($0.text) }?.failure ?? .other
            }
        case NIOSSLError.uncleanShutdown, is IOError, is ChannelError: self = .closed
        default: self = .other
        }
    }
}
