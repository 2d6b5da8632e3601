/// What is known of a connection before its first byte.
package struct ConnectionFacts: Hashable, Sendable {
    /// Unique while the program runs; log lines carry it.
    package let id: UInt64
    /// The peer's IP address as text, without a port: `192.0.2.1`, `2001:db8::1`; an IPv4 address in IPv6 is written as IPv4.
    package let peerAddress: String
    package let peerPort: Int
    /// The address the peer connected to, written as `peerAddress` is; empty where it is not known.
    package let localAddress: String
    package let localPort: Int
    package let isLoopback: Bool
    /// The user id of the program at the other end of a UNIX socket, as the system says it; nil for a peer that came by the network.
    package let localUser: UInt32?
    /// Set once the handshake is done: from the start on an implicit-TLS port, later after STARTTLS.
    package var tls: TLSFacts?

    package init(
        id: UInt64, peerAddress: String, peerPort: Int, localAddress: String = "", localPort: Int, isLoopback: Bool, localUser: UInt32? = nil,
        tls: TLSFacts? = nil
    ) {
        self.id = id
        self.peerAddress = peerAddress
        self.peerPort = peerPort
        self.localAddress = localAddress
        self.localPort = localPort
        self.isLoopback = isLoopback
        self.localUser = localUser
        self.tls = tls
    }
}

/// What a finished TLS handshake agreed on, as trace lines and logs say it.
package struct TLSFacts: Hashable, Sendable {
    /// `TLSv1.3` or `TLSv1.2`.
    package let version: String
    /// The SNI name the client asked for.
    package let serverName: String?
    /// Who the client is, where it was asked and has shown a certificate that is good.
    package let client: ClientCertificate?
    /// `tls-server-end-point`, which logins can be bound to: a hash of the certificate that the client was shown (RFC 5929 §4.1), 32, 48 or 64 octets. Nil
    /// where its signature has no one hash.
    package let endPoint: [UInt8]?

    package init(version: String, serverName: String? = nil, client: ClientCertificate? = nil, endPoint: [UInt8]? = nil) {
        self.version = version
        self.serverName = serverName
        self.client = client
        self.endPoint = endPoint
    }
}
