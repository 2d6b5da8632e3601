import Crypto
import FoundationEssentials

/// What is sent to a CA: a JWS in flattened JSON with everything in its protected header (RFC 7515 §7.2.2, RFC 8555 §6.2).
struct JSONWebSignature: Codable, Hashable {
    let protected: String
    let payload: String
    let signature: String

    /// Who signs: by the key itself, before there is an account and for revocation, otherwise by the account's URL.
    enum Signer {
        case key(AccountKey)
        case account(AccountKey, ResourceURL)
    }

    private struct Header: Encodable {
        let alg: String
        var jwk: JSONWebKey?
        var kid: String?
        var nonce: String?
        let url: String
    }

    /// ES256 (RFC 7518 §3.4).
    /// - parameter payload: empty: the resource is asked for (POST-as-GET, RFC 8555 §6.3).
    init(_ payload: [UInt8], to url: ResourceURL, nonce: String, by signer: Signer) throws {
        let header: Header
        let key: P256.Signing.PrivateKey
        switch signer {
        case .key(let account): (key, header) = (account.key, Header(alg: "ES256", jwk: account.webKey, nonce: nonce, url: url.description))
        case .account(let account, let name):
            (key, header) = (account.key, Header(alg: "ES256", kid: name.description, nonce: nonce, url: url.description))
        }
        protected = Base64URL.encode(try JSONText.encode(header))
        self.payload = Base64URL.encode(payload)
        signature = Base64URL.encode(try key.signature(for: Data(JSONWebSignature.input(protected, self.payload))).rawRepresentation)
    }

    /// HS256, by which a CA knows whose account is made (RFC 8555 §7.3.4).
    init(binding key: AccountKey, to url: ResourceURL, by binding: ExternalAccount) throws {
        protected = Base64URL.encode(try JSONText.encode(Header(alg: "HS256", kid: binding.keyID, url: url.description)))
        payload = Base64URL.encode(try JSONText.encode(key.webKey))
        let code = HMAC<SHA256>.authenticationCode(for: Data(JSONWebSignature.input(protected, payload)), using: SymmetricKey(data: binding.macKey))
        signature = Base64URL.encode(code)
    }

    // ASCII(BASE64URL(UTF8(JWS Protected Header)) || '.' || BASE64URL(JWS Payload))  (RFC 7515 §5.1)
    static func input(_ protected: String, _ payload: String) -> [UInt8] { Array("\(protected).\(payload)".utf8) }
}

/// An account elsewhere, to which that with the CA is bound (RFC 8555 §7.3.4). It prints nothing of its key.
package struct ExternalAccount: Sendable, CustomStringConvertible {
    package let keyID: String
    let macKey: [UInt8]

    /// - parameter macKey: as CAs give it, in base64url. Nil: it is none.
    package init?(keyID: String, macKey: String) {
        let bare = macKey.prefix { $0 != "=" }
        guard !keyID.isEmpty, let octets = Base64URL.decode(String(bare)), !octets.isEmpty else { return nil }
        (self.keyID, self.macKey) = (keyID, octets)
    }

    package var description: String { "an external account \(ACMEFault.oneLine(keyID))" }
}
