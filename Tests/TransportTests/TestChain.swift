import Conversation
import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

@testable import Transport

/// A certificate with its key, made for a test.
struct IssuedCertificate {
    let certificate: Certificate
    let key: Certificate.PrivateKey

    enum Kind {
        /// Of its subject's name; with these names on it.
        case server([String])
        /// Of no subject: its names are critical (RFC 5280 §4.2.1.6).
        case nameless([String])
        /// Of its subject's name; with these addresses of mail on it.
        case client([String])
        case authority
    }

    enum Flaw {
        case expired
        /// It is for mail clients alone.
        case purpose
        /// It was signed by somebody else than it says.
        case signature
    }

    static func make(
        _ name: String, _ kind: Kind, by issuer: IssuedCertificate? = nil, flaw: Flaw? = nil, key: Certificate.PrivateKey? = nil
    ) throws
        -> IssuedCertificate
    {
        let key = key ?? Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = if case .nameless = kind { DistinguishedName() } else { try DistinguishedName { CommonName(name) } }
        let signer = flaw == .signature ? Certificate.PrivateKey(P256.Signing.PrivateKey()) : issuer?.key ?? key
        let day = 86_400.0
        let extensions: Certificate.Extensions
        switch kind {
        case .authority:
            extensions = try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }
        case .server(let names):
            extensions = try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                Critical(try ExtendedKeyUsage([flaw == .purpose ? .emailProtection : .serverAuth]))
                SubjectAlternativeNames(names.map { GeneralName.dnsName($0) })
            }
        case .client(let addresses):
            extensions = try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([flaw == .purpose ? .serverAuth : .clientAuth])
                SubjectAlternativeNames(addresses.map { GeneralName.rfc822Name($0) })
            }
        case .nameless(let names):
            extensions = try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(SubjectAlternativeNames(names.map { GeneralName.dnsName($0) }))
            }
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey, notValidBefore: Date().addingTimeInterval(-10 * day),
            notValidAfter: Date().addingTimeInterval(flaw == .expired ? -5 * day : 300 * day), issuer: issuer?.certificate.subject ?? subject,
            subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: signer)
        return IssuedCertificate(certificate: certificate, key: key)
    }

    var octets: [UInt8] {
        get throws {
            var serializer = DER.Serializer()
            try certificate.serialize(into: &serializer)
            return serializer.serializedBytes
        }
    }

    var publicKeyOctets: [UInt8] {
        get throws {
            var serializer = DER.Serializer()
            try certificate.publicKey.serialize(into: &serializer)
            return serializer.serializedBytes
        }
    }

    /// What DNS would have of it.
    func record(_ usage: UInt8, _ selector: UInt8, _ matching: UInt8) throws -> TLSARecord {
        let octets = try selector == 0 ? octets : publicKeyOctets
        let data: [UInt8] =
            switch matching {
            case 1: Array(SHA256.hash(data: octets))
            case 2: Array(SHA512.hash(data: octets))
            default: octets
            }
        return TLSARecord(usage: usage, selector: selector, matching: matching, data: data)
    }

    /// A server that shows it, with these behind it.
    func identity(with others: [IssuedCertificate] = []) throws -> TLSIdentity {
        try TLSIdentity(
            certificatePEM: ([self] + others).map { try $0.certificate.serializeAsPEM().pemString + "\n" }.joined(), keyPEM: key.serializeAsPEM().pemString)
    }
}
