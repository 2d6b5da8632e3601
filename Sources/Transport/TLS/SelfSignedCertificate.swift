import Crypto
import Foundation
package import MailModel
import SwiftASN1
import X509

/// A certificate for the first start and for tests: clients must be told to trust it.
package struct SelfSignedCertificate: Sendable {
    package let certificatePEM: String
    /// PKCS #8.
    package let keyPEM: String

    /// Seconds: 365 days, which every client accepts.
    package static let lifetime: Int64 = 365 * 86_400
    /// Seconds before the end at which another is made.
    package static let renewal: Int64 = 30 * 86_400

    /// ECDSA P-256, not a CA, for TLS servers, from an hour before `now` (clocks differ) until `lifetime` after.
    /// - parameter hostNames: at least one; the first is the common name too.
    /// - parameter addresses: IP addresses as text; others are an error.
    /// - parameter keyPEM: a private key that is used again, so that who has noted it goes on trusting; nil: a new one.
    package static func make(
        hostNames: [String], addresses: [String] = [], keyPEM: String? = nil, now: Timestamp
    ) throws -> SelfSignedCertificate {
        guard let first = hostNames.first else { throw TLSIdentity.Fault(description: "a certificate needs a host name") }
        let key = try keyPEM.map { try Certificate.PrivateKey(pemEncoded: $0) } ?? Certificate.PrivateKey(P256.Signing.PrivateKey())
        // RFC 5280 appendix A: ub-common-name is 64.
        let name = try DistinguishedName { CommonName(String(first.prefix(64))) }
        let alternatives = try hostNames.map { GeneralName.dnsName($0) } + addresses.map { .ipAddress(try octets($0)) }
        let start = Date(timeIntervalSince1970: Double(now.rawValue))
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: start.addingTimeInterval(-3_600), notValidAfter: start.addingTimeInterval(Double(lifetime)),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: key)
        return SelfSignedCertificate(
            certificatePEM: try certificate.serializeAsPEM().pemString + "\n",
            keyPEM: try keyPEM ?? (key.serializeAsPEM().pemString + "\n"))
    }

    private static func octets(_ text: String) throws -> ASN1OctetString {
        guard let address = IPAddress(text) else { throw TLSIdentity.Fault(description: "no IP address: \(text)") }
        return ASN1OctetString(contentBytes: address.octets[...])
    }
}
