package import Crypto
import CryptoExtras
import FoundationEssentials

/// A key that signatures are verified with.
package struct DKIMPublicKey: Sendable {
    private enum Form: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    private let form: Form
    /// Of RSA.
    package let bits: Int?

    /// Of RSA, in bits: less is worth nothing (RFC 8301 §3.2), more is nobody's and would cost us.
    package static let acceptedBits = 1024...8192
    /// Octets of SubjectPublicKeyInfo; with 8192 bits it has less.
    private static let mostOctets = 1200

    /// - parameter octets: p=
    package init(_ octets: [UInt8], _ algorithm: DKIMAlgorithm) throws(SignatureFlaw) {
        switch algorithm {
        case .ed25519SHA256:
            do { form = .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: octets)) } catch {
                throw SignatureFlaw(.permerror, "the key cannot be read")
            }
            bits = nil
        case .rsaSHA256:
            guard let bits = DERReader.modulusBits(octets) else { throw SignatureFlaw(.permerror, "the key cannot be read") }
            guard bits >= DKIMPublicKey.acceptedBits.lowerBound else { throw SignatureFlaw(.policy, "a key of \(bits) bits is too short") }
            guard bits <= DKIMPublicKey.acceptedBits.upperBound, octets.count <= DKIMPublicKey.mostOctets else {
                throw SignatureFlaw(.policy, "a key of \(bits) bits is too long")
            }
            do { form = .rsa(try _RSA.Signing.PublicKey(unsafeDERRepresentation: octets)) } catch {
                throw SignatureFlaw(.permerror, "the key cannot be read")
            }
            self.bits = bits
        }
    }

    package func verifies(_ signature: [UInt8], of digest: SHA256.Digest) -> Bool {
        switch form {
        case .rsa(let key): key.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
        case .ed25519(let key): key.isValidSignature(signature, for: Data(digest))
        }
    }
}
