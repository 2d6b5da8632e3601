import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import SenderTrust

@Suite struct DKIMKeyTests {
    /// Of nobody: RFC 8463 A.2.
    static let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

    @Test("a key is the same after it was stored, and after it was exported", arguments: DKIMAlgorithm.allCases)
    func forms(_ algorithm: DKIMAlgorithm) throws {
        let key = try DKIMKey.generate(algorithm)
        let stored = try DKIMKey(stored: key.stored)
        let imported = try DKIMKey(pem: key.pem.replacing("\n", with: "\r\n"))
        for copy in [stored, imported] {
            #expect(copy.algorithm == algorithm && copy.publicOctets == key.publicOctets && copy.stored == key.stored)
        }
        #expect(key.record == "v=DKIM1; k=\(algorithm.keyType); p=\(Data(key.publicOctets).base64EncodedString())")
        #expect(key.bits == (algorithm == .rsaSHA256 ? 2048 : 256))
    }

    @Test("an RSA key's record is a SubjectPublicKeyInfo: RFC 6376 §3.6.1")
    func rsaRecord() throws {
        let key = try DKIMKey.generate(.rsaSHA256)
        let digest = SHA256.hash(data: Data("text".utf8))
        let signature = try key.signature(for: digest)
        let spki = try _RSA.Signing.PublicKey(derRepresentation: key.publicOctets)
        #expect(spki.derRepresentation == Data(key.publicOctets))
        #expect(spki.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5))
        #expect(DERReader.modulusBits(key.publicOctets) == 2048)
        #expect(DERReader.modulusBits(Array(spki.pkcs1DERRepresentation)) == 2048)
    }

    @Test("an Ed25519 key's record is 32 octets, and what is signed is the digest: RFC 8463 §3, §4, A.2")
    func ed25519() throws {
        let key = try DKIMKey(pem: DKIMKeyTests.seed)
        #expect(key.record == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        let digest = SHA256.hash(data: Data("text".utf8))
        let known = try Curve25519.Signing.PublicKey(rawRepresentation: key.publicOctets)
        #expect(known.isValidSignature(Data(try key.signature(for: digest)), for: Data(digest)))
    }

    @Test("PKCS #1, and PKCS #8 of version 2 with the public key, are read: RFC 8017 A.1.2, RFC 5958 §2")
    func otherForms() throws {
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        #expect(rsa.pemRepresentation.contains("RSA PRIVATE KEY"))
        #expect(try DKIMKey(pem: "a comment\n" + rsa.pemRepresentation).publicOctets == Array(rsa.publicKey.derRepresentation))
        let key = try DKIMKey.generate(.ed25519SHA256)
        let second = [0x30, 0x51, 0x02, 0x01, 0x01] + key.stored[5...] + [0x81, 0x21, 0x00] + key.publicOctets
        #expect(try DKIMKey(stored: second).stored == key.stored)
    }

    @Test("what is no key, a key of another kind and a key too short are refused")
    func refused() throws {
        let p256 = P256.Signing.PrivateKey()
        for text in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", p256.pemRepresentation, String(repeating: "A", count: 99_999), "AAAA"] {
            #expect(throws: DKIMKey.Fault.unreadable) { try DKIMKey(pem: text) }
        }
        let key = try DKIMKey.generate(.ed25519SHA256).stored
        for count in key.indices { #expect(throws: DKIMKey.Fault.unreadable) { try DKIMKey(stored: Array(key.prefix(count))) } }
        #expect(throws: DKIMKey.Fault.unreadable) { try DKIMKey(stored: key + [0]) }
    }

    @Test("nothing of a key is printed")
    func silence() throws {
        let key = try DKIMKey.generate(.ed25519SHA256)
        var dumped = ""
        dump(key, to: &dumped)
        #expect("\(key)" == "DKIMKey(ed25519-sha256)" && String(reflecting: key) == "\(key)" && !dumped.contains("secret"))
    }
}
