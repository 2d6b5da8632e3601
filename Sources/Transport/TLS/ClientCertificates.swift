/// Whether those who connect are asked for a certificate of their own. One that is shown and is not good fails the handshake in any case.
package enum ClientCertificates: String, CaseIterable, Hashable, Sendable {
    case off
    /// Who shows none goes on without.
    case ask
    /// Who shows none fails the handshake.
    case require
}

/// What a listener wants of TLS handshakes, and who hears how they fail.
package struct HandshakeRules: Sendable {
    package var clients: ClientCertificates
    /// Called on the connection's event loop, once for a handshake.
    package var failed: @Sendable (HandshakeFailure) -> Void

    package init(clients: ClientCertificates = .off, failed: @escaping @Sendable (HandshakeFailure) -> Void = { _ in }) {
        self.clients = clients
        self.failed = failed
    }
}
