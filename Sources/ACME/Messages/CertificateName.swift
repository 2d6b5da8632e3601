package import MailModel

/// A name that a certificate is for: that of a host, or of all right below a domain.
package struct CertificateName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// In ASCII (A-labels), no address literal.
    package let domain: Domain
    /// It stands for `*.` before it (RFC 8555 §7.1.3).
    package let isWildcard: Bool

    /// `mx.example.org`, `*.example.org`; U-labels become A-labels. Nil: no certificate has such a name.
    package init?(_ text: some StringProtocol) {
        let isWildcard = text.hasPrefix("*.")
        guard let domain = Domain(isWildcard ? String(text.dropFirst(2)) : String(text)) else { return nil }
        self.init(domain, isWildcard: isWildcard)
    }

    package init?(_ domain: Domain, isWildcard: Bool = false) {
        // RFC 1035 §2.3.4: 255 octets on the wire are 253 written ones.
        guard !domain.isLiteral, let name = domain.asciiForm, name.value.contains("."), name.value.utf8.count + (isWildcard ? 2 : 0) <= 253,
            IPAddress(name.value) == nil, !name.value.contains("_")
        else { return nil }
        (self.domain, self.isWildcard) = (name, isWildcard)
    }

    package var description: String { isWildcard ? "*.\(domain)" : domain.value }

    package static func < (a: CertificateName, b: CertificateName) -> Bool { (a.domain, a.isWildcard ? 1 : 0) < (b.domain, b.isWildcard ? 1 : 0) }
}

/// RFC 8555 §9.7.7
struct Identifier: Codable, Hashable {
    let type: String
    let value: String

    init(_ name: CertificateName) { (type, value) = ("dns", name.description) }
}
