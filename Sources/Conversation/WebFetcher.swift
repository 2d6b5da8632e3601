package import MailModel
package import NIOCore

/// Asks web servers by HTTPS (RFC 9110) for small documents, and brings some there. Who may be reached is settled where one is made.
package protocol WebFetcher: Sendable {
    /// One request and its answer, over a connection of its own. Throws `WebFault`, and `CancellationError` where the task is cancelled while it waits.
    ///
    /// - The host's certificate is checked against the authorities and its name, with TLS 1.2 at least.
    /// - Redirects are not followed: they are answers like others.
    /// - Each address of a name is judged before it is connected to, whatever the name says.
    func fetch(_ request: WebRequest) async throws -> WebReply
}

package struct WebRequest: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable { case get = "GET", head = "HEAD", post = "POST" }

    package enum Host: Hashable, Sendable, CustomStringConvertible {
        /// In ASCII; no address literal.
        case name(Domain)
        case address(IPAddress)

        /// Of a URL, without brackets.
        package init?(_ text: String) {
            if let address = IPAddress(text) {
                self = .address(address)
            } else if let name = Domain(text) {
                self = .name(name)
            } else {
                return nil
            }
        }

        package var description: String {
            switch self {
            case .name(let name): name.value
            case .address(let address): address.description
            }
        }
    }

    /// Octets of what is brought.
    package static let mostContent = 1 << 20

    package var method: Method
    package var host: Host
    package var port: Int
    /// With the query; begins with `/`; printable ASCII without blanks.
    package var path: String
    /// Besides Host, User-Agent, Connection, Content-Length and Transfer-Encoding, which are the client's. Values in printable ASCII. Accept is `*/*` where none
    /// is given.
    package var fields: HTTPFields
    /// Of a POST; no more than `mostContent`.
    package var content: ByteBuffer
    /// Of the answer's content.
    package var mostOctets: Int
    /// For everything, from the look-up of the name to the last octet.
    package var patience: Duration

    package init(
        _ method: Method = .get, host: Host, port: Int = 443, path: String, fields: HTTPFields = [:], content: ByteBuffer = ByteBuffer(), mostOctets: Int,
        patience: Duration
    ) {
        (self.method, self.host, self.port, self.path) = (method, host, port, path)
        (self.fields, self.content, self.mostOctets, self.patience) = (fields, content, mostOctets, patience)
    }
}

package struct WebReply: Hashable, Sendable {
    /// 200...999
    package let status: Int
    /// In the order they came, each as often as it came.
    package let fields: HTTPFields
    /// No more than was allowed, and whole.
    package let content: ByteBuffer

    package init(status: Int, fields: HTTPFields = [:], content: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.fields = fields
        self.content = content
    }

    /// Type and subtype of its Content-Type, in small letters and without parameters (RFC 9110 §8.3.1); of the first, where there are several.
    package var mediaType: String? {
        fields.all("content-type").first?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first.map { type in
            type.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }.lowercased()
        }
    }
}

/// Why there is no answer.
package enum WebFault: Error, Hashable, Sendable, CustomStringConvertible {
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

    /// For people, as the end of a sentence.
    package var description: String {
        switch self {
        case .resolver(let fault): "its name could not be looked up: \(fault)"
        case .noAddress(let reason), .unreachable(let reason), .malformed(let reason): reason
        case .tls(let reason): "TLS failed: \(reason)"
        case .tooLarge: "it is longer than allowed"
        case .timedOut: "no answer in time"
        }
    }
}
