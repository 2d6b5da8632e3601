package import Conversation
package import MailModel

/// Whom to tell of a weakness (RFC 9116): `/.well-known/security.txt`.
package struct SecurityContactPage: Sendable {
    private let contacts: [String]
    private let languages: [String]
    private let names: OwnNames
    private let port: Int
    private let clock: Timestamp.Clock

    /// Seconds: half a year. RFC 9116 §2.5.5 wants less than one.
    private static let life: Int64 = 180 * 86_400

    /// - parameters:
    ///   - contacts: URIs, one at least, the best first (RFC 9116 §2.5.3).
    ///   - languages: tags of RFC 5646; none: any.
    ///   - port: at which the world reaches it over TLS.
    package init(contacts: [String], languages: [String], names: OwnNames, port: Int, clock: @escaping Timestamp.Clock) {
        self.contacts = contacts
        self.languages = languages
        self.names = names
        self.port = port
        self.clock = clock
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "GET", "/.well-known/security.txt",
                .work { request, _ in
                    let host = try await names.ownHost(request.host) ?? names.server
                    return HTTPReply(200, text: text(host))
                })
        ]
    }

    private func text(_ host: Domain) -> String {
        let today = clock().rawValue / 86_400 * 86_400
        var lines = contacts.map { "Contact: \($0)" }
        lines.append("Expires: \(Timestamp(rawValue: today + SecurityContactPage.life))")
        if !languages.isEmpty { lines.append("Preferred-Languages: \(languages.joined(separator: ", "))") }
        lines.append("Canonical: \(SecureURL.text(host.value, port: port, "/.well-known/security.txt"))")
        return lines.map { $0 + "\r\n" }.joined()
    }
}

enum SecureURL {
    /// - parameters:
    ///   - host: a name, or an IP address in its form for URLs (RFC 3986 §3.2.2).
    ///   - rest: path and query.
    static func text(_ host: String, port: Int, _ rest: String) -> String { "https://\(host)\(port == 443 ? "" : ":\(port)")\(rest)" }
}
