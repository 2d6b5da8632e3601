import Synchronization

/// TLS-ALPN-01 (RFC 8737): what the server of port 443 shows to whoever offers `acme-tls/1`, and to nobody else.
package final class TLSALPNChallenges: ChallengeResponder {
    /// The protocol's name in ALPN (RFC 8737 §6.2). The connection ends behind the handshake.
    package static let protocolName = "acme-tls/1"

    private let placed = Mutex<[String: ValidationCertificate]>([:])

    package init() {}

    package var kind: ChallengeKind { .tlsALPN01 }

    /// Nil: the handshake is refused.
    /// - parameter serverName: as the client says it (RFC 6066 §3).
    package func certificate(for serverName: String) -> ValidationCertificate? { placed.withLock { $0[serverName.lowercased()] } }

    package func place(_ response: ChallengeResponse) throws {
        let certificate = try ValidationCertificate(response)
        placed.withLock { $0[response.domain.value] = certificate }
    }

    package func withdraw(_ response: ChallengeResponse) { placed.withLock { $0[response.domain.value] = nil } }
}
