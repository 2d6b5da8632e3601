import MailModel
import NIOSSL
import X509

/// Whom a certificate is for: its subjectAltName (RFC 6125 §6.4; the common name is not looked at).
struct CertificateNames {
    /// In lower case; `*.example.org` too.
    private(set) var hosts: [String] = []
    private(set) var addresses: [IPAddress] = []

    init(_ certificate: NIOSSLCertificate) throws { try self.init(Certificate(derEncoded: certificate.toDERBytes())) }

    init(_ certificate: Certificate) throws {
        let names = try certificate.extensions.subjectAlternativeNames
        for name in names ?? SubjectAlternativeNames() {
            switch name {
            case .dnsName(let host): hosts.append(host.lowercased())
            case .ipAddress(let octets):
                if let address = IPAddress(octets: Array(octets.bytes)) { addresses.append(address) }
            default: break
            }
        }
    }

    /// A name or an IP address.
    func cover(_ name: String) -> Bool {
        if let address = IPAddress(name) { return addresses.contains(address) }
        var name = name.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        return hosts.contains { pattern in
            if pattern == name { return true }
            // RFC 6125 §6.4.3: `*` is the whole leftmost label.
            guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: "."), dot != name.startIndex else { return false }
            return name[dot...] == pattern.dropFirst()
        }
    }

    /// For a line of a log: what stands in it was written by a stranger.
    var written: String {
        let all = (hosts + addresses.map(\.description)).prefix(5).map { name in
            String(String.UnicodeScalarView(name.unicodeScalars.prefix(100).map { ("!"..."~").contains($0) ? $0 : "?" }))
        }
        return all.isEmpty ? "nobody" : all.joined(separator: ", ")
    }
}
