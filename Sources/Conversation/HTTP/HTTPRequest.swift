package import MailModel
package import NIOCore

/// A request, but for its content (RFC 9110).
package struct HTTPRequest: Sendable {
    /// As it came: methods are case-sensitive.
    package var method: String
    package var target: RequestTarget
    package var fields: HTTPFields
    /// Host and port that it was sent to (RFC 9110 §7.2), in small letters, as a proxy that is believed says it; empty: none was named (HTTP/1.0).
    package var authority: String
    /// Whether the client's way here is TLS, or TLS as far as a proxy that is believed.
    package var isSecure: Bool
    /// Who asks: the client itself where proxies that are believed stand between.
    package var client: IPAddress
    /// Whether a proxy that is believed says that it is the client who asks.
    package var isClientNamed: Bool
    /// Of the connection: what stands between is its peer.
    package var connection: ConnectionFacts
    /// What the route's pattern found in the path, in its order.
    package var captures: [String] = []

    package init(
        method: String = "GET", target: RequestTarget, fields: HTTPFields = HTTPFields(), authority: String = "", isSecure: Bool = false, client: IPAddress,
        isClientNamed: Bool = false, connection: ConnectionFacts
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.authority = authority
        self.isSecure = isSecure
        self.client = client
        self.isClientNamed = isClientNamed
        self.connection = connection
    }

    /// Whether a proxy has passed it on and it is not known for whom, as the proxy is not believed or says nothing that can be read: `client` is the proxy then,
    /// which does not ask for itself.
    package var isHidden: Bool {
        !isClientNamed && ["x-forwarded-for", "forwarded", "x-real-ip", "via"].contains { fields.has($0) }
    }

    /// The authority without its port.
    package var host: String {
        guard let end = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return authority }
        return String(authority[..<end])
    }

    /// Type and subtype of its Content-Type, in small letters and without parameters (RFC 9110 §8.3.1); nil: none, or several.
    package var mediaType: String? {
        fields.only("content-type")?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first.map { type in
            type.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }.lowercased()
        }
    }
}

/// A request's content, piece by piece as it comes; the peer is held back while nobody asks. One reader.
package protocol RequestContent: Sendable {
    /// The next octets, one at least; nil: that was all. Throws `ContentFault`, and `CancellationError` where the connection is gone.
    func next() async throws -> ByteBuffer?
}

package enum ContentFault: Error, Hashable, Sendable {
    /// It is more than the route takes: what its handler answers is dropped, 413 is said.
    case tooLarge
    /// It came too slowly: 408 is said.
    case tooSlow
    /// The peer broke off, or what came is no HTTP.
    case broken
}

extension RequestContent {
    /// All of it at once, where the route's limit is small.
    package func all() async throws -> ByteBuffer {
        guard var content = try await next() else { return ByteBuffer() }
        while let piece = try await next() { content.writeImmutableBuffer(piece) }
        return content
    }
}
