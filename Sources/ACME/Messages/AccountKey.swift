import Crypto
import FoundationEssentials

/// The key by which an account at a CA is known (RFC 8555 §6.2): ECDSA P-256. It prints nothing of itself.
package struct AccountKey: Sendable, CustomStringConvertible {
    let key: P256.Signing.PrivateKey

    /// A new one.
    package init() { key = P256.Signing.PrivateKey() }

    init(_ key: P256.Signing.PrivateKey) { self.key = key }

    /// What cannot be an account's key.
    struct Fault: Error {}

    /// - parameter stored: as `stored` gives it.
    init(stored: String) throws(Fault) {
        guard let octets = Data(base64Encoded: stored) else { throw Fault() }
        do { key = try P256.Signing.PrivateKey(rawRepresentation: octets) } catch { throw Fault() }
    }

    /// For a sealed place alone.
    var stored: String { key.rawRepresentation.base64EncodedString() }

    var webKey: JSONWebKey { JSONWebKey(key.publicKey) }

    // keyAuthorization = token || '.' || base64url(Thumbprint(accountKey))       (RFC 8555 §8.1)
    func keyAuthorization(of token: String) throws -> String { "\(token).\(try webKey.thumbprint())" }

    package var description: String { "an account's key" }
}
