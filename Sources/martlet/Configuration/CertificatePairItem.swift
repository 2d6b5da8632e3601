/// A certificate and its key: `CERTIFICATE:KEY`, two paths.
struct CertificatePairItem: Hashable, Sendable {
    let certificate: String
    let key: String

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0).trimmed }
        guard parts.count == 2, !parts.contains("") else { throw ItemFault("it is not two paths with a colon between") }
        (certificate, key) = (parts[0], parts[1])
    }

    static let form = ItemForm("a certificate and its key", remedy: "give a list such as [\"/etc/tls/b.pem:/etc/tls/b.key\"]") { text throws(ItemFault) in
        try CertificatePairItem(text)
    }
}
