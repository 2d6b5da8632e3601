package import MailModel
package import NIOCore

/// Fetches small documents by HTTPS (RFC 9110) from servers that strangers name, and brings some there.
package protocol WebFetcher: Sendable {
    /// One GET, or one POST, over a connection of its own. Throws `WebFault`, and `CancellationError` where the task is cancelled while it waits.
    ///
    /// - The host's certificate is checked against the authorities and its name, with TLS 1.2 at least.
    /// - Redirects are not followed: they are answers like others.
    /// - Only addresses that the world may reach are connected to, whatever the name says.
    func fetch(_ request: WebRequest) async throws -> WebReply
}

package struct WebRequest: Hashable, Sendable {
    /// Of a request; no more than `mostOctets`.
    package struct Content: Hashable, Sendable {
        package static let mostOctets = 1 << 20

        /// Printable ASCII: `application/tlsrpt+gzip`.
        package let type: String
        package let octets: ByteBuffer

        package init(type: String, _ octets: ByteBuffer) {
            self.type = type
            self.octets = octets
        }
    }

    /// In ASCII; no address literal.
    package var host: Domain
    /// 443 is the only one that strangers may name.
    package var port: Int
    /// Begins with `/`; printable ASCII without blanks.
    package var path: String
    /// What is brought, by POST; nil: it is a GET.
    package var posting: Content?
    /// Of the answer's content.
    package var mostOctets: Int
    /// For everything, from the look-up of the name to the last octet.
    package var patience: Duration

    package init(host: Domain, port: Int = 443, path: String, posting: Content? = nil, mostOctets: Int, patience: Duration) {
        self.host = host
        self.port = port
        self.path = path
        self.posting = posting
        self.mostOctets = mostOctets
        self.patience = patience
    }
}

package struct WebReply: Hashable, Sendable {
    /// 200...999.
    package let status: Int
    private let fields: [String: String]
    /// No more than was allowed, and whole.
    package let content: ByteBuffer

    /// - parameter fields: a name that comes twice has its first value.
    package init(status: Int, fields: [(name: String, value: String)] = [], content: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.fields = Dictionary(fields.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        self.content = content
    }

    /// A header field's value, whatever the case of its name.
    package func field(_ name: String) -> String? { fields[name.lowercased()] }

    /// Type and subtype of its Content-Type, in small letters and without parameters (RFC 9110 §8.3.1).
    package var mediaType: String? {
        field("content-type")?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first.map { type in
            type.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }.lowercased()
        }
    }
}

/// Why there is no answer.
package enum WebFault: Error, Hashable, Sendable {
    /// The name of the host could not be looked up.
    case resolver(ResolverFault)
    /// The host has no address, or none that may be connected to: why, in one line.
    case noAddress(String)
    /// Nobody was reached, or the connection ended before the answer.
    case unreachable(String)
    /// The certificate is not good, or TLS failed otherwise.
    case tls(String)
    /// What came is no answer by HTTP.
    case malformed(String)
    /// It is more than was allowed.
    case tooLarge
    case timedOut
}
