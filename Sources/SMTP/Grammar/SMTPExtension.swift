/// The extensions the server knows, in the order EHLO names them. Where each is offered: `Terms.offer(_:)`.
package enum SMTPExtension: CaseIterable, Hashable, Sendable {
    /// RFC 2920.
    case pipelining
    /// RFC 1870.
    case size
    /// RFC 6152.
    case eightBitMIME
    /// RFC 6531.
    case smtpUTF8
    /// RFC 3030 §2.
    case chunking
    /// RFC 3030 §3.
    case binaryMIME
    /// RFC 2034.
    case enhancedStatusCodes
    /// RFC 3207.
    case startTLS
    /// RFC 9422.
    case limits
    /// RFC 4954.
    case auth
    /// RFC 3461.
    case dsn
    /// RFC 4865.
    case futureRelease
    /// RFC 2852.
    case deliverBy
    /// RFC 6710.
    case priority
    /// RFC 8689.
    case requireTLS
    /// A private one (RFC 5321 §2.2.2), on the socket for programs of this machine: `XDOMAIN example.org` names the domain of an address that has none.
    case localDomain

    package var keyword: StaticString {
        switch self {
        case .pipelining: "PIPELINING"
        case .size: "SIZE"
        case .eightBitMIME: "8BITMIME"
        case .smtpUTF8: "SMTPUTF8"
        case .chunking: "CHUNKING"
        case .binaryMIME: "BINARYMIME"
        case .enhancedStatusCodes: "ENHANCEDSTATUSCODES"
        case .startTLS: "STARTTLS"
        case .limits: "LIMITS"
        case .auth: "AUTH"
        case .dsn: "DSN"
        case .futureRelease: "FUTURERELEASE"
        case .deliverBy: "DELIVERBY"
        case .priority: "MT-PRIORITY"
        case .requireTLS: "REQUIRETLS"
        case .localDomain: "XDOMAIN"
        }
    }
}
