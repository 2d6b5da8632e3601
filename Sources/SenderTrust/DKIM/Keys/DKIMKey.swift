package import Crypto
import CryptoExtras
import FoundationEssentials

/// A private key that signatures are made with. It does not print itself.
package struct DKIMKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package enum Fault: Error, Hashable, Sendable {
        /// No private key, or of another kind than RSA and Ed25519.
        case unreadable
        /// An RSA key of so few or so many bits (RFC 8301 §3.2: at least 1024; verifiers need not take more than 4096).
        case unsuitable(bits: Int)
        /// The library cannot do it.
        case failed(String)
    }

    enum Secret: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    let secret: Secret

    init(_ secret: Secret) throws(Fault) {
        if case .rsa(let key) = secret, !DKIMKey.suitableBits.contains(key.keySizeInBits) { throw .unsuitable(bits: key.keySizeInBits) }
        self.secret = secret
    }

    /// Of RSA.
    private static let suitableBits = 1024...4096

    /// A new one; RSA of 2048 bits, which every verifier takes and a record's few strings hold (RFC 8301 §3.2). RSA costs half a second of one core: not for an
    /// event loop.
    package static func generate(_ algorithm: DKIMAlgorithm) throws(Fault) -> DKIMKey {
        switch algorithm {
        case .ed25519SHA256: return try DKIMKey(.ed25519(Curve25519.Signing.PrivateKey()))
        case .rsaSHA256:
            let key: _RSA.Signing.PrivateKey
            do { key = try _RSA.Signing.PrivateKey(keySize: .bits2048) } catch { throw .failed("\(error)") }
            return try DKIMKey(.rsa(key))
        }
    }

    package var algorithm: DKIMAlgorithm {
        switch secret {
        case .rsa: .rsaSHA256
        case .ed25519: .ed25519SHA256
        }
    }

    /// Of an RSA key; 256 of Ed25519.
    package var bits: Int {
        switch secret {
        case .rsa(let key): key.keySizeInBits
        case .ed25519: 256
        }
    }

    /// What p= holds: SubjectPublicKeyInfo (RFC 6376 §3.6.1), or the 32 octets of Ed25519 (RFC 8463 §4).
    package var publicOctets: [UInt8] {
        switch secret {
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        case .ed25519(let key): Array(key.publicKey.rawRepresentation)
        }
    }

    /// The text that stands at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1): `v=DKIM1; k=rsa; p=…`. More than 255 octets with RSA: a zone splits it in strings.
    package var record: String { "v=DKIM1; k=\(algorithm.keyType); p=\(Data(publicOctets).base64EncodedString())" }

    /// What b= holds: PKCS #1 v1.5 (RFC 6376 §3.3.2), or Ed25519 over the digest's octets (RFC 8463 §3).
    package func signature(for digest: SHA256.Digest) throws(Fault) -> [UInt8] {
        do {
            switch secret {
            case .rsa(let key): return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
            case .ed25519(let key): return Array(try key.signature(for: Data(digest)))
            }
        } catch { throw .failed("\(error)") }
    }

    package var description: String { "DKIMKey(\(algorithm.rawValue))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
