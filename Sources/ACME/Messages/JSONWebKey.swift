import Crypto

/// A public key in JSON (RFC 7517), with the members alone that its thumbprint is taken of (RFC 7638 §3.2).
struct JSONWebKey: Codable, Hashable {
    var crv: String?
    var e: String?
    var kty: String
    var n: String?
    var x: String?
    var y: String?

    init(_ key: P256.Signing.PublicKey) {
        let point = key.rawRepresentation
        (kty, crv) = ("EC", "P-256")
        (x, y) = (Base64URL.encode(point.prefix(32)), Base64URL.encode(point.suffix(32)))
    }

    /// SHA-256, in base64url.
    func thumbprint() throws -> String { Base64URL.encode(SHA256.hash(data: try JSONText.encode(self))) }
}
