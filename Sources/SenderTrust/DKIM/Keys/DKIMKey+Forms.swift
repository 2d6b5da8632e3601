import Crypto
import CryptoExtras
import FoundationEssentials

extension DKIMKey {
    /// PKCS #8 in DER (RFC 5958 §2, RFC 8410 §7). A secret: whoever keeps it seals it.
    package var stored: [UInt8] {
        switch secret {
        case .rsa(let key): Array(key.pkcs8DERRepresentation)
        case .ed25519(let key): DKIMKey.ed25519Head + Array(key.rawRepresentation)
        }
    }

    /// PKCS #8, of RSA also PKCS #1 (RFC 8017 A.1.2).
    package init(stored octets: [UInt8]) throws(Fault) {
        guard octets.count <= DKIMKey.mostOctets else { throw .unreadable }
        if let seed = DKIMKey.ed25519Seed(octets) {
            try self.init(seed: seed)
            return
        }
        guard DERReader(octets).isOneSequence else { throw .unreadable }
        let key: _RSA.Signing.PrivateKey
        do {
            key = try _RSA.Signing.PrivateKey(unsafeDERRepresentation: octets)
        } catch CryptoKitError.incorrectParameterSize {
            throw .unsuitable(bits: 0)
        } catch { throw .unreadable }
        try self.init(.rsa(key))
    }

    /// `PRIVATE KEY`, with lines of 64 (RFC 7468 §10).
    package var pem: String {
        var text = "-----BEGIN PRIVATE KEY-----\n"
        var rest = Data(stored).base64EncodedString()[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END PRIVATE KEY-----\n"
    }

    /// `PRIVATE KEY` or `RSA PRIVATE KEY`, not encrypted, with any line ends, and whatever stands around it; or, as some programs keep an Ed25519 key, nothing but
    /// its 32 octets in base64.
    package init(pem text: String) throws(Fault) {
        guard text.utf8.count <= 4 * DKIMKey.mostOctets else { throw .unreadable }
        var isInside = false
        var base64 = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.filter { !$0.isWhitespace }
            if line.hasPrefix("-----BEGIN"), line.hasSuffix("PRIVATEKEY-----") {
                isInside = true
                base64 = ""
            } else if isInside, line.hasPrefix("-----END") {
                guard let octets = Data(base64Encoded: base64) else { throw .unreadable }
                try self.init(stored: Array(octets))
                return
            } else if isInside {
                base64 += line
            }
        }
        guard let seed = Data(base64Encoded: text.filter { !$0.isWhitespace }), seed.count == DKIMKey.seedOctets else { throw .unreadable }
        try self.init(seed: Array(seed))
    }

    private init(seed: [UInt8]) throws(Fault) {
        let key: Curve25519.Signing.PrivateKey
        do { key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed) } catch { throw .unreadable }
        try self.init(.ed25519(key))
    }

    private static func ed25519Seed(_ octets: [UInt8]) -> [UInt8]? {
        if octets.count == ed25519Head.count + seedOctets, octets.starts(with: ed25519Head) { return Array(octets.suffix(seedOctets)) }
        // Version 2, with attributes or the public key behind the private one (RFC 5958 §2).
        guard octets.count > ed25519Head.count + seedOctets, octets[0] == 0x30, octets[1] < 0x80, octets.count == 2 + Int(octets[1]),
            octets[2...4].elementsEqual([0x02, 0x01, 0x01]), octets[5..<ed25519Head.count].elementsEqual(ed25519Head[5...])
        else { return nil }
        return Array(octets[ed25519Head.count..<(ed25519Head.count + seedOctets)])
    }

    // SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING { ... } } } (RFC 8410 §10.3)
    private static let ed25519Head: [UInt8] = [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
    private static let seedOctets = 32
    /// Octets: RSA of 4096 bits needs 2400.
    private static let mostOctets = 8192
}
