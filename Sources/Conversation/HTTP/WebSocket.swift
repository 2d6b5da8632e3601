package import NIOCore

/// A message of a WebSocket (RFC 6455 §5.6), whole.
package enum WebSocketMessage: Hashable, Sendable {
    case text(String)
    case binary(ByteBuffer)
}

/// Why a WebSocket is closed (RFC 6455 §7.4.1).
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = Self(rawValue: 1000)
    package static let goingAway = Self(rawValue: 1001)
    package static let protocolError = Self(rawValue: 1002)
    package static let unsupportedData = Self(rawValue: 1003)
    package static let invalidData = Self(rawValue: 1007)
    package static let policyViolation = Self(rawValue: 1008)
    /// S73.
    package static let tooLarge = Self(rawValue: 1009)
    package static let internalError = Self(rawValue: 1011)
}

/// One end of a WebSocket. Pings, pongs, fragments and the closing handshake are the engine's.
package protocol WebSocket: Sendable {
    /// The next message; nil: the peer has closed, or we have. The peer is held back while nobody asks. One reader.
    func receive() async throws -> WebSocketMessage?
    /// Returns when the connection takes more (back-pressure). Throws `CancellationError` when it is closed.
    func send(_ message: WebSocketMessage) async throws
    /// Says goodbye; nothing is sent or received afterwards.
    func close(_ code: WebSocketCloseCode)
}
