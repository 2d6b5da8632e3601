package import NIOCore

/// A connection to another server, for whoever speaks first or asks. One owner at a time.
package protocol ByteStream: Sendable {
    /// Of the socket as it is connected, and TLS once it is there.
    var facts: ConnectionFacts { get }
    /// Where work that reads and writes much need not change threads; nil: it makes no difference.
    var executor: (any TaskExecutor)? { get }

    /// The next octets, one at least; nil: the peer has said all. Waits `patience` at most. Throws `StreamFault`.
    func read(patience: Duration) async throws -> ByteBuffer?

    /// Returns when the socket has taken so much of it that little is held here. Throws `StreamFault`; what the peer said before can still be read.
    func write(_ bytes: ByteBuffer, patience: Duration) async throws

    /// Begins TLS as the client; what came before the handshake and was not read is dropped (RFC 3207 §4.2). Throws `StreamFault.tls`.
    func startTLS(_ terms: TLSTerms, patience: Duration) async throws

    /// At once; reads and writes that wait end with `closed`.
    func close()
}

extension ByteStream {
    package var executor: (any TaskExecutor)? { nil }
}

package enum StreamFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nobody listens there, or the network does not get there.
    case unreachable(String)
    case timedOut
    /// The peer has cut the connection, or we have.
    case closed
    /// The handshake failed, or the other end is not who it has to be.
    case tls(TLSFailure)

    /// For people, as the end of a sentence.
    package var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .timedOut: "no answer in time"
        case .closed: "the connection was cut"
        case .tls(let failure): "TLS failed: \(failure.reason)"
        }
    }
}

/// Connects to other servers.
package protocol Dialler: Sendable {
    /// Connects to one address. `source`: the local address to come from, of the same family; nil: the system's choice. Throws `StreamFault`.
    func dial(_ address: String, port: Int, source: String?, patience: Duration) async throws -> any ByteStream
}
