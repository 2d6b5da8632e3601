import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// The private key of a certificate. It prints nothing of itself.
package struct CertificateKey: Sendable, CustomStringConvertible {
    package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case ecdsaP256 = "ecdsa-p256"
        case rsa2048 = "rsa-2048"
    }

    package let kind: Kind
    /// PKCS #8.
    package let pem: String
    let key: Certificate.PrivateKey

    /// A new one. RSA burns up to a second of a core.
    package init(_ kind: Kind) throws {
        self.kind = kind
        switch kind {
        case .ecdsaP256:
            key = Certificate.PrivateKey(P256.Signing.PrivateKey())
            pem = try key.serializeAsPEM().pemString + "\n"
        case .rsa2048:
            let secret = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            key = Certificate.PrivateKey(secret)
            pem = secret.pkcs8PEMRepresentation + "\n"
        }
    }

    /// Text that is no such key.
    struct Fault: Error {}

    init(_ kind: Kind, pem: String) throws(Fault) {
        (self.kind, self.pem) = (kind, pem)
        do { key = try Certificate.PrivateKey(pemEncoded: pem) } catch { throw Fault() }
    }

    package var description: String { "a certificate's key" }

    private var signatureAlgorithm: Certificate.SignatureAlgorithm {
        switch kind {
        case .ecdsaP256: .ecdsaWithSHA256
        case .rsa2048: .sha256WithRSAEncryption
        }
    }

    /// SHA-256 of its public key, hexadecimal: what a TLSA record 3 1 1 has (RFC 7671 §5.1).
    package var publicKeyDigest: String {
        SHA256.hash(data: Data(key.publicKey.subjectPublicKeyInfoBytes)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What a CA is asked to sign (RFC 2986, RFC 8555 §7.4): all names in subjectAltName, and no subject, which CAs choose themselves. DER.
    func signingRequest(_ names: [CertificateName]) throws -> [UInt8] {
        let extensions = try Certificate.Extensions { SubjectAlternativeNames(names.map { .dnsName($0.description) }) }
        let request = try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName(), privateKey: key,
            attributes: try .init([.init(ExtensionRequest(extensions: extensions))]), signatureAlgorithm: signatureAlgorithm)
        var serializer = DER.Serializer()
        try serializer.serialize(request)
        return serializer.serializedBytes
    }
}
