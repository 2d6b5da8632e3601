/// A certificate as the configuration wants it.
package struct WantedCertificate: Hashable, Sendable {
    /// Without all of these there is none. The first names the certificate.
    package let required: [CertificateName]
    /// Each of these is left out where the CA does not see that it is ours, and tried again later.
    package let optional: [CertificateName]
    package let keyKind: CertificateKey.Kind
    /// The next one has the same key, so that TLSA records stay true. Otherwise the next key is made when a certificate comes, so that its record can be
    /// published long before it is used.
    package let keepsKey: Bool

    /// In one certificate. CAs take up to 100.
    package static let mostNames = 100

    /// Nil: no name is required, or there are too many. Those that come twice are taken once.
    package init?(
        _ required: [CertificateName], optional: [CertificateName] = [], keyKind: CertificateKey.Kind = .ecdsaP256, keepsKey: Bool = true
    ) {
        func once(_ names: [CertificateName], but others: Set<CertificateName> = []) -> [CertificateName] {
            var seen = others
            return names.filter { seen.insert($0).inserted }
        }
        self.required = once(required)
        self.optional = once(optional, but: Set(required))
        guard !required.isEmpty, self.required.count + self.optional.count <= WantedCertificate.mostNames else { return nil }
        (self.keyKind, self.keepsKey) = (keyKind, keepsKey)
    }

    /// The same with these optional names behind its own, as many as there is room for.
    package func adding(optional names: [CertificateName]) -> WantedCertificate {
        var seen = Set(required + optional)
        let more = names.filter { seen.insert($0).inserted }.prefix(WantedCertificate.mostNames - required.count - optional.count)
        return WantedCertificate(required, optional: optional + more, keyKind: keyKind, keepsKey: keepsKey) ?? self
    }

    package var name: CertificateName { required[0] }
}
