import MessageFormat

/// The text at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1): a public key, and what it is for.
package struct DKIMKeyRecord: Hashable, Sendable {
    /// k=, in lower case.
    package let keyType: String
    /// p=; empty: the key is revoked.
    package let key: [UInt8]
    /// h=, in lower case; nil: any.
    package let hashes: [String]?
    /// s=
    package let services: [String]
    /// t=y
    package let isTesting: Bool
    /// t=s: i= has no subdomain of d=.
    package let isStrict: Bool

    /// Nil for a text that is no such record.
    package init?(_ text: String) {
        guard let tags = TagList(Array(text.utf8)), let base64 = tags.compact("p") else { return nil }
        // It need not be there, but where it is it is the first, and says exactly that.
        if let version = tags.value("v"), version != "DKIM1" || tags.tags[0].name != "v" { return nil }
        guard let key = Base64.decode(base64) else { return nil }
        self.key = key
        keyType = tags.value("k")?.lowercased() ?? "rsa"
        hashes = tags.parts("h")?.map { $0.lowercased() }
        services = tags.parts("s") ?? ["*"]
        let flags = tags.parts("t") ?? []
        isTesting = flags.contains("y")
        isStrict = flags.contains("s")
    }

    /// Throws where it is not for that (§6.1.2).
    package func check(for algorithm: DKIMAlgorithm) throws(SignatureFlaw) {
        if key.isEmpty { throw SignatureFlaw(.permerror, "the key is revoked") }
        guard keyType == algorithm.keyType else { throw SignatureFlaw(.permerror, "the key is of another kind") }
        if let hashes, !hashes.contains("sha256") { throw SignatureFlaw(.permerror, "the key is not for SHA-256") }
        guard services.contains("*") || services.contains("email") else { throw SignatureFlaw(.permerror, "the key is not for mail") }
    }
}
