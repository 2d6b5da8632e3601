package import MailModel

/// Where a mail program of ours reads and sends mail, as it is told.
package struct MailServices: Hashable, Sendable {
    /// In the order in which programs are to try them.
    package enum Kind: Int, Hashable, Sendable {
        case imap
        case pop3
        case submission
    }

    package struct Service: Hashable, Sendable {
        package let kind: Kind
        package let port: Int
        /// TLS from the first octet on; otherwise by STARTTLS.
        package let isImplicitTLS: Bool

        package init(_ kind: Kind, port: Int, isImplicitTLS: Bool) {
            self.kind = kind
            self.port = port
            self.isImplicitTLS = isImplicitTLS
        }
    }

    /// In ASCII.
    package let host: Domain
    /// By kind, and of each kind the safer ones first (RFC 8314 §3).
    package let list: [Service]

    package init(host: Domain, _ services: [Service]) {
        self.host = host
        list = services.sorted { ($0.kind.rawValue, $0.isImplicitTLS ? 0 : 1, $0.port) < ($1.kind.rawValue, $1.isImplicitTLS ? 0 : 1, $1.port) }
    }
}
