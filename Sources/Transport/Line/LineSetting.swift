import Logging

/// How a listener's connections are secured.
package enum Security: Sendable {
    /// The session's `startTLS` closes the connection.
    case plain
    /// In plain text until the session answers `startTLS`.
    case startTLS(CertificateShelf, HandshakeRules = HandshakeRules())
    /// From the first byte on.
    case implicitTLS(CertificateShelf, HandshakeRules = HandshakeRules())
}

/// What all connections of a listener share.
final class LineSetting: Sendable {
    let security: Security
    let limits: LineLimits
    let logger: Logger

    init(_ security: Security, _ limits: LineLimits, _ logger: Logger) {
        self.security = security
        self.limits = limits
        self.logger = logger
    }
}
