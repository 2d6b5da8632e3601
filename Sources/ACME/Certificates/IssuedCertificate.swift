import FoundationEssentials
package import MailModel
import SwiftASN1
import X509

/// A certificate with what leads to its root, and its private key. It prints neither.
package struct IssuedCertificate: Sendable, CustomStringConvertible {
    /// The leaf first, in PEM.
    package let chainPEM: String
    package let key: CertificateKey
    /// Those that it is for, in order.
    package let names: [CertificateName]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// Who has issued it, in one line.
    package let issuer: String
    /// Hexadecimal.
    package let serialNumber: String
    /// By which the CA knows it in renewal information (RFC 9773 §4.1); nil: it has no authority key identifier.
    let certificateID: String?
    /// The leaf, in DER.
    let leaf: [UInt8]

    /// Certificates.
    private static let longestChain = 10

    /// - parameter chain: as a CA sends it (RFC 8555 §9.1).
    /// `unfit` where it is none, or not of this key.
    init(chain: String, key: CertificateKey) throws(ACMEFault) {
        let certificates: [Certificate]
        do {
            let documents = try PEMDocument.parseMultiple(pemString: chain)
            guard (1...IssuedCertificate.longestChain).contains(documents.count) else { throw ACMEFault.unfit("\(documents.count) certificates") }
            certificates = try documents.map { try Certificate(pemDocument: $0) }
            // Written anew: nothing of a stranger's stands beside them.
            chainPEM = try certificates.map { try $0.serializeAsPEM().pemString + "\n" }.joined()
        } catch {
            throw (error as? ACMEFault) ?? .unfit("it cannot be read")
        }
        let leaf = certificates[0]
        guard leaf.publicKey == key.key.publicKey else { throw .unfit("it is for another key") }
        self.key = key
        notBefore = Timestamp(rawValue: Int64(leaf.notValidBefore.timeIntervalSince1970))
        notAfter = Timestamp(rawValue: Int64(leaf.notValidAfter.timeIntervalSince1970))
        guard notBefore < notAfter else { throw .unfit("it is never valid") }
        issuer = ACMEFault.oneLine("\(leaf.issuer)")
        serialNumber = leaf.serialNumber.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        do {
            names = (try leaf.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()).compactMap { name in
                if case .dnsName(let name) = name { CertificateName(name) } else { nil }
            }.sorted()
            let identifier = try leaf.extensions.authorityKeyIdentifier?.keyIdentifier
            certificateID = identifier.map { IssuedCertificate.certificateID(authorityKeyIdentifier: Array($0), serialNumber: Array(leaf.serialNumber.bytes)) }
            var serializer = DER.Serializer()
            try serializer.serialize(leaf)
            self.leaf = serializer.serializedBytes
        } catch {
            throw .unfit("it cannot be read")
        }
    }

    /// Throws `unfit` where it is not what was asked for.
    func check(_ wanted: [CertificateName], at now: Timestamp) throws(ACMEFault) {
        let lacking = Set(wanted).subtracting(names)
        guard lacking.isEmpty else { throw .unfit("it is not for \(lacking.sorted().map(\.description).joined(separator: ", "))") }
        guard now < notAfter else { throw .unfit("it has expired") }
    }

    /// RFC 9773 §4.1: both in base64url; the number as DER has it, with an octet of nothing before a first bit that is set.
    static func certificateID(authorityKeyIdentifier: [UInt8], serialNumber: [UInt8]) -> String {
        var number = Array(serialNumber.drop { $0 == 0 })
        if number.first.map({ $0 >= 0x80 }) ?? true { number.insert(0, at: 0) }
        return "\(Base64URL.encode(authorityKeyIdentifier)).\(Base64URL.encode(number))"
    }

    /// SHA-256 of its public key, hexadecimal: what a TLSA record 3 1 1 has (RFC 7671 §5.1).
    package var publicKeyDigest: String { key.publicKeyDigest }

    package var description: String { names.map(\.description).joined(separator: ", ") }
}
