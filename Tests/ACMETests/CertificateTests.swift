import Foundation
import MailModel
import SwiftASN1
import Testing
import X509

@testable import ACME

@Suite struct CertificateTests {
    @Test("a CA knows a certificate by its authority's key and its number: RFC 9773 appendix A")
    func certificateID() {
        let authority: [UInt8] = [
            0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE, 0x01, 0xC8, 0xD4,
        ]
        for number in [[0x00, 0x87, 0x65, 0x43, 0x21], [0x87, 0x65, 0x43, 0x21]] as [[UInt8]] {
            #expect(IssuedCertificate.certificateID(authorityKeyIdentifier: authority, serialNumber: number) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
        }
        #expect(IssuedCertificate.certificateID(authorityKeyIdentifier: [], serialNumber: []) == ".AA")
        #expect(IssuedCertificate.certificateID(authorityKeyIdentifier: [1], serialNumber: [0, 0, 0x7F]) == "AQ.fw")
    }

    @Test("a CA is asked with the names and the key, and nothing else: RFC 8555 §7.4, RFC 2986", arguments: CertificateKey.Kind.allCases)
    func signingRequest(_ kind: CertificateKey.Kind) throws {
        let key = try CertificateKey(kind)
        let request = try CertificateSigningRequest(derEncoded: key.signingRequest(Scene.names(["mx.example.org", "*.example.org"])))
        #expect(request.publicKey.isValidSignature(request.signature, for: request) && request.subject.isEmpty)
        let attributes = try request.attributes.map { try ExtensionRequest($0) }
        #expect(attributes.count == 1)
        let names = try attributes.first?.extensions.subjectAlternativeNames
        #expect(names.map(Array.init) == [.dnsName("mx.example.org"), .dnsName("*.example.org")])
        // It is the same key behind its PEM.
        #expect(try CertificateKey(kind, pem: key.pem).publicKeyDigest == key.publicKeyDigest)
    }

    @Test(
        "openssl finds the request good", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")),
        arguments: CertificateKey.Kind.allCases)
    func openssl(_ kind: CertificateKey.Kind) throws {
        let key = try CertificateKey(kind)
        let request = try key.signingRequest(Scene.names(["mx.example.org", "*.example.org"]))
        let text = try Self.run(["req", "-inform", "DER", "-noout", "-verify", "-text"], Data(request))
        #expect(text.contains("DNS:mx.example.org, DNS:*.example.org"))
        #expect(text.contains(kind == .rsa2048 ? "Public-Key: (2048 bit)" : "NIST CURVE: P-256"))
        #expect(text.contains("verify OK"))
        #expect(try Self.run(["pkey", "-noout", "-check"], Data(key.pem.utf8)).contains("Key is valid"))
    }

    private static func run(_ arguments: [String], _ input: Data) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        let (entrance, exit) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (entrance, exit, exit)
        try process.run()
        // It is less than a pipe holds.
        try entrance.fileHandleForWriting.write(contentsOf: input)
        try entrance.fileHandleForWriting.close()
        let output = try exit.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("what shows a name by TLS-ALPN-01 has the digest in a critical extension, and that name alone: RFC 8737 §3")
    func validation() throws {
        let domain = try #require(Domain("mx.example.org"))
        let shown = try ValidationCertificate(ChallengeResponse(domain: domain, token: "t", keyAuthorization: "t.thumbprint"))
        let certificate = try Certificate(pemEncoded: shown.certificatePEM)
        let identifier = try #require(certificate.extensions[oid: [1, 3, 6, 1, 5, 5, 7, 1, 31]])
        let digest = try ASN1OctetString(derEncoded: Array(identifier.value))
        #expect(identifier.critical && Base64URL.encode(digest.bytes) == DNSChallenges.value("t.thumbprint"))
        #expect(try certificate.extensions.subjectAlternativeNames.map(Array.init) == [.dnsName("mx.example.org")])
        #expect(try Certificate.PrivateKey(pemEncoded: shown.keyPEM).publicKey == certificate.publicKey)
    }

    private func chain(_ key: CertificateKey, _ names: [String], life: Int64 = 1_000) throws -> String {
        let ca = ScriptedCA(clock: { Timestamp(rawValue: 1_800_000_000) })
        return try ca.issue(key.signingRequest(Scene.names(names)), Scene.names(names), life)
    }

    @Test("a certificate is read, and its text is written anew: RFC 8555 §9.1")
    func issued() throws {
        let key = try CertificateKey(.ecdsaP256)
        let certificate = try IssuedCertificate(chain: "A stranger's words\n" + chain(key, ["mx.example.org", "a.example"]) + "more", key: key)
        #expect(certificate.names.map(\.description) == ["a.example", "mx.example.org"])
        #expect(certificate.notBefore.rawValue == 1_800_000_000 && certificate.notAfter.rawValue == 1_800_001_000)
        #expect(certificate.issuer == "CN=A CA in memory" && certificate.certificateID?.hasPrefix("AQID_w.") == true)
        #expect(certificate.chainPEM.hasPrefix("-----BEGIN CERTIFICATE-----") && !certificate.chainPEM.contains("words"))
        #expect(try PEMDocument.parseMultiple(pemString: certificate.chainPEM).count == 2)
        try certificate.check(Scene.names(["a.example"]), at: Timestamp(rawValue: 1_800_000_999))
        #expect(throws: ACMEFault.unfit("it has expired")) { try certificate.check(Scene.names(["a.example"]), at: Timestamp(rawValue: 1_800_001_000)) }
        #expect(throws: ACMEFault.unfit("it is not for b.example")) {
            try certificate.check(Scene.names(["a.example", "b.example"]), at: Timestamp(rawValue: 1_800_000_000))
        }
    }

    @Test("what is no certificate of ours is none")
    func unfit() throws {
        let key = try CertificateKey(.ecdsaP256)
        let chain = try chain(key, ["mx.example.org"])
        #expect(throws: ACMEFault.unfit("it is for another key")) { try IssuedCertificate(chain: chain, key: CertificateKey(.ecdsaP256)) }
        #expect(throws: ACMEFault.unfit("0 certificates")) { try IssuedCertificate(chain: "", key: key) }
        #expect(throws: ACMEFault.unfit("12 certificates")) { try IssuedCertificate(chain: String(repeating: chain, count: 6), key: key) }
        #expect(throws: ACMEFault.unfit("it cannot be read")) { try IssuedCertificate(chain: String(chain.dropLast(100)), key: key) }
        #expect(throws: ACMEFault.unfit("it cannot be read")) { try IssuedCertificate(chain: key.pem, key: key) }
    }
}

@Suite struct RenewalPlanTests {
    private func due(_ life: Int64, _ window: (Int64, Int64)? = nil, _ place: Double = 0.5) -> Int64 {
        let info = window.map {
            RenewalInfo(start: Timestamp(rawValue: $0.0), end: Timestamp(rawValue: $0.1), nextLook: Timestamp(rawValue: 0), explanation: nil)
        }
        return RenewalPlan(notBefore: Timestamp(rawValue: 0), notAfter: Timestamp(rawValue: life), info: info, place: place).due.rawValue
    }

    @Test("without a suggestion a certificate is renewed around two thirds of its life, not all at once")
    func usual() {
        let life: Int64 = 90 * 86_400
        #expect(due(life) == life * 2 / 3)
        #expect(due(life, nil, 0) == life * 5 / 8 && due(life, nil, 1) == life * 17 / 24)
    }

    @Test("within the CA's window, but before it is too late: RFC 9773 §4.2")
    func suggested() {
        let life: Int64 = 90 * 86_400
        #expect(due(life, (100_000, 200_000), 0.25) == 125_000)
        #expect(due(life, (-2_000, -1_000)) == 86_400 && due(86_400, (-2_000, -1_000)) == 7_200)
        #expect(due(life, (life * 2, life * 3)) == life / 12 * 11)
    }

    @Test("odd lives and odd chances are survived", arguments: [0, -5, 1, .max] as [Int64])
    func odd(_ life: Int64) {
        for place in [0.0, 1.0, -1.0, 7.0, .nan, .infinity] { #expect(due(life, nil, place) <= max(life, 0)) }
    }

    @Test("who has to wait after something went wrong waits twice as long each time, up to a day")
    func backOff() {
        #expect([1, 2, 3, 7, 8, 9, 1_000_000].map { BackOff.seconds($0, chance: 0.5) } == [900, 1_800, 3_600, 57_600, 86_400, 86_400, 86_400])
        #expect(BackOff.seconds(1, chance: 0) == 720 && BackOff.seconds(1, chance: 0.999) == 1_079)
    }
}
