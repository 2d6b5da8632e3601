import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// What a server shows to a CA that validates a name by TLS-ALPN-01 (RFC 8737 §3): self-signed, for that name alone, with the digest of the key authorization in
/// a critical extension. Dates are not looked at.
package struct ValidationCertificate: Sendable {
    package let certificatePEM: String
    /// PKCS #8.
    package let keyPEM: String

    // id-pe-acmeIdentifier OBJECT IDENTIFIER ::= { id-pe 31 }                    (RFC 8737 §3)
    static let identifier: ASN1ObjectIdentifier = [1, 3, 6, 1, 5, 5, 7, 1, 31]

    init(_ response: ChallengeResponse) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        // Authorization ::= OCTET STRING (SIZE (32))
        var digest = DER.Serializer()
        try digest.serialize(ASN1OctetString(contentBytes: Array(SHA256.hash(data: Data(response.keyAuthorization.utf8)))[...]))
        let value = digest.serializedBytes[...]
        let name = try DistinguishedName { CommonName(String(response.domain.value.prefix(64))) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSince1970: 1_577_836_800), notValidAfter: Date(timeIntervalSince1970: 4_102_444_800),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Certificate.Extension(oid: ValidationCertificate.identifier, critical: true, value: value)
                SubjectAlternativeNames([.dnsName(response.domain.value)])
            },
            issuerPrivateKey: key)
        certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
        keyPEM = try key.serializeAsPEM().pemString + "\n"
    }
}
