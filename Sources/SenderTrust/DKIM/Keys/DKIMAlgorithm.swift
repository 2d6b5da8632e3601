/// How a signature is made (RFC 6376 §3.3, RFC 8463 §3). `rsa-sha1` is none of them: it must neither be made nor accepted (RFC 8301 §3.1).
package enum DKIMAlgorithm: String, Hashable, Sendable, CaseIterable {
    /// As a= writes it.
    case rsaSHA256 = "rsa-sha256"
    case ed25519SHA256 = "ed25519-sha256"

    /// As k= of a key's record writes it.
    package var keyType: String {
        switch self {
        case .rsaSHA256: "rsa"
        case .ed25519SHA256: "ed25519"
        }
    }
}
