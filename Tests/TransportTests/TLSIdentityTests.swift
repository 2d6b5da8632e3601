import Foundation
import MailModel
import NIOSSL
import Testing
import X509

@testable import Transport

struct TLSIdentityTests {
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(component: "martlet-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test("a self-signed certificate has the names, an hour before, 365 days after, and verifies against itself")
    func selfSigned() throws {
        let made = try SelfSignedCertificate.make(
            hostNames: ["mail.example.org", "mx.example.org"], addresses: ["192.0.2.1", "2001:db8::1"], now: Timestamp(rawValue: 1_790_000_000))
        let identity = try TLSIdentity(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
        #expect(identity.names == ["mail.example.org", "mx.example.org"])
        #expect(identity.notBefore.rawValue == 1_790_000_000 - 3_600)
        #expect(identity.notAfter.rawValue == 1_790_000_000 + 365 * 86_400)
        #expect(identity.chain[0]._subjectAlternativeNames().count == 4)
        let again = try SelfSignedCertificate.make(hostNames: ["mail.example.org"], keyPEM: made.keyPEM, now: Timestamp(rawValue: 1_800_000_000))
        #expect(again.keyPEM == made.keyPEM)
        _ = try TLSIdentity(certificatePEM: again.certificatePEM, keyPEM: made.keyPEM)
        #expect(throws: TLSIdentity.Fault.self) { try SelfSignedCertificate.make(hostNames: [], now: Timestamp(rawValue: 0)) }
        #expect(throws: TLSIdentity.Fault.self) {
            try SelfSignedCertificate.make(hostNames: ["a"], addresses: ["300.1.1.1"], now: Timestamp(rawValue: 0))
        }
    }

    @Test("what logins are bound to is hashed as the certificate's signature is, but never by less than SHA-256: RFC 5929 §4.1")
    func endPoint() throws {
        let identity = try TestAuthority.identity()
        #expect(identity.endPoint == identity.leafDigest)
        let leaf = identity.chain[0]
        func length(_ algorithm: Certificate.SignatureAlgorithm) throws -> Int? { try TLSIdentity.endPoint(of: leaf, algorithm)?.count }
        for algorithm in [Certificate.SignatureAlgorithm.ecdsaWithSHA256, .sha256WithRSAEncryption, .sha1WithRSAEncryption] {
            #expect(try TLSIdentity.endPoint(of: leaf, algorithm) == identity.leafDigest)
        }
        #expect(try length(.ecdsaWithSHA384) == 48 && length(.sha384WithRSAEncryption) == 48)
        #expect(try length(.ecdsaWithSHA512) == 64 && length(.sha512WithRSAEncryption) == 64)
        #expect(try length(.ed25519) == nil)
    }

    @Test("what is wrong with a file is said with its name; a bad reload changes nothing")
    func faults() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (cert, key) = (folder.appending(component: "cert.pem").path(), folder.appending(component: "key.pem").path())
        let (one, two) = try (
            SelfSignedCertificate.make(hostNames: ["one"], now: Timestamp(rawValue: 1_790_000_000)),
            SelfSignedCertificate.make(hostNames: ["two"], now: Timestamp(rawValue: 1_790_000_000))
        )
        let place = CertificateShelf.Files(certificatePath: cert, keyPath: key)
        func fault() -> String {
            do {
                _ = try CertificateShelf([place])
                return "none"
            } catch { return "\(error)" }
        }
        #expect(fault() == "\(cert): No such file or directory")
        try "no PEM".write(toFile: cert, atomically: true, encoding: .utf8)
        #expect(fault() == "\(key): No such file or directory")
        try one.keyPEM.write(toFile: key, atomically: true, encoding: .utf8)
        #expect(fault() == "\(cert): no certificate in PEM")
        try two.certificatePEM.write(toFile: cert, atomically: true, encoding: .utf8)
        #expect(fault().hasPrefix("\(key): not the key of the certificate in \(cert)"))
        try one.certificatePEM.write(toFile: cert, atomically: true, encoding: .utf8)
        let shelf = try CertificateShelf([place])
        #expect(shelf.identities.map(\.names) == [["one"]])
        try two.certificatePEM.write(toFile: cert, atomically: true, encoding: .utf8)
        #expect(throws: TLSIdentity.Fault.self) { try shelf.reload() }
        #expect(shelf.identities.map(\.names) == [["one"]])
        try two.keyPEM.write(toFile: key, atomically: true, encoding: .utf8)
        try shelf.reload()
        #expect(shelf.identities.map(\.names) == [["two"]])
    }

    @Test("of several pairs one that breaks holds up no other: what was read of it stays")
    func oneOfSeveral() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        func files(_ name: String) -> CertificateShelf.Files {
            CertificateShelf.Files(
                certificatePath: folder.appending(component: name).path() + ".pem", keyPath: folder.appending(component: name).path() + ".key")
        }
        func write(_ hostName: String, _ files: CertificateShelf.Files) throws {
            let made = try SelfSignedCertificate.make(hostNames: [hostName], now: Timestamp(rawValue: 1_790_000_000))
            try made.keyPEM.write(toFile: files.keyPath, atomically: true, encoding: .utf8)
            try made.certificatePEM.write(toFile: files.certificatePath, atomically: true, encoding: .utf8)
        }
        let (first, second) = (files("first"), files("second"))
        try write("one", first)
        try write("two", second)
        let shelf = try CertificateShelf([first, second])
        try write("three", first)
        try "no key".write(toFile: second.keyPath, atomically: true, encoding: .utf8)
        let fault = #expect(throws: TLSIdentity.Fault.self) { try shelf.reload() }
        #expect(fault?.description.hasPrefix(second.keyPath) == true)
        #expect(shelf.identities.map(\.names) == [["three"], ["two"]])
        try write("four", second)
        try shelf.reload()
        #expect(shelf.identities.map(\.names) == [["three"], ["four"]])
    }

    @Test("at a start, one of the further pairs that is broken holds up no other, and is there when it is mended; the first has to be good")
    func brokenAtTheStart() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        func files(_ name: String) -> CertificateShelf.Files {
            CertificateShelf.Files(
                certificatePath: folder.appending(component: name).path() + ".pem", keyPath: folder.appending(component: name).path() + ".key")
        }
        func write(_ hostName: String, _ files: CertificateShelf.Files) throws {
            let made = try SelfSignedCertificate.make(hostNames: [hostName], now: Timestamp(rawValue: 1_790_000_000))
            try made.keyPEM.write(toFile: files.keyPath, atomically: true, encoding: .utf8)
            try made.certificatePEM.write(toFile: files.certificatePath, atomically: true, encoding: .utf8)
        }
        let (first, second, third) = (files("first"), files("second"), files("third"))
        try write("one", first)
        try write("three", third)
        let shelf = try CertificateShelf([first, second, third])
        #expect(shelf.identities.map(\.names) == [["one"], ["three"]])
        #expect(shelf.faults.map(\.description) == ["\(second.certificatePath): No such file or directory"])
        try "no key".write(toFile: third.keyPath, atomically: true, encoding: .utf8)
        let fault = #expect(throws: TLSIdentity.Fault.self) { try shelf.reload() }
        // All that is wrong, and what was read before stays.
        #expect(fault?.description.contains(second.certificatePath) == true && fault?.description.contains(third.keyPath) == true)
        #expect(shelf.identities.map(\.names) == [["one"], ["three"]] && shelf.faults.count == 2)
        try write("two", second)
        try write("four", third)
        try shelf.reload()
        #expect(shelf.identities.map(\.names) == [["one"], ["two"], ["four"]] && shelf.faults.isEmpty)
        #expect(throws: TLSIdentity.Fault.self) { try CertificateShelf([files("missing"), first]) }
    }

    @Test("cipher suites go by IANA and OpenSSL names; weak and unknown ones are refused")
    func policy() throws {
        let policy = try TLSPolicy(ciphers: "ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ecdhe-rsa-aes256-gcm-sha384")
        #expect(policy.suites == [.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256])
        #expect(policy.minimum == .tlsv12)
        #expect(try TLSPolicy(ciphers: "TLS_AES_256_GCM_SHA384").minimum == .tlsv13)
        #expect(try TLSPolicy(ciphers: " ").suites == TLSPolicy().suites)
        for weak in ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", "HIGH", "eNULL"] {
            #expect(throws: TLSPolicy.Fault.self) { try TLSPolicy(ciphers: weak) }
        }
    }
}
