import Crypto
import MailModel
import Testing

@testable import Transport

@Suite("What others make of our certificate")
struct CertificateExaminationTests {
    private func examine(_ chain: String, _ key: String, roots: [String]) async throws -> CertificateExamination {
        try await CertificateExamination(certificatePEM: chain, keyPEM: key, rootsPEM: roots)
    }

    @Test("an authority that the system knows vouches, be it in the file or not")
    func vouched() async throws {
        for chain in [TestAuthority.leaf, TestAuthority.leaf + "\n" + TestAuthority.certificate] {
            let found = try await examine(chain, TestAuthority.key, roots: [TestAuthority.certificate])
            #expect(found.trust == .vouched && found.issuer == "Authority for tests" && found.names == ["mx.example.org"])
            #expect(found.covers("mx.example.org") && !found.covers("mail.example.org"))
        }
    }

    @Test("one without a subject, whose names are critical, is as good as any: RFC 5280 §4.2.1.6")
    func nameless() async throws {
        let root = try IssuedCertificate.make("Root", .authority)
        let leaf = try IssuedCertificate.make("", .nameless(["mx.example.org"]), by: root)
        let (chain, roots) = (try leaf.certificate.serializeAsPEM().pemString, [try root.certificate.serializeAsPEM().pemString])
        #expect(try await examine(chain, leaf.key.serializeAsPEM().pemString, roots: roots).trust == .vouched)
    }

    @Test("a chain that lacks its next certificate is incomplete; one that has its root, which nobody knows, is not")
    func unknown() async throws {
        #expect(try await examine(TestAuthority.leaf, TestAuthority.key, roots: []).trust == .incomplete(issuer: "Authority for tests"))
        let whole = TestAuthority.leaf + "\n" + TestAuthority.certificate
        #expect(try await examine(whole, TestAuthority.key, roots: []).trust == .unknownRoot("Authority for tests"))
    }

    @Test("self-signed")
    func selfSigned() async throws {
        let made = try SelfSignedCertificate.make(hostNames: ["mail.example.org"], now: Timestamp(rawValue: 1_795_307_700))
        let found = try await examine(made.certificatePEM, made.keyPEM, roots: [TestAuthority.certificate])
        #expect(found.trust == .selfSigned && found.notAfter.rawValue == 1_795_307_700 + SelfSignedCertificate.lifetime)
    }

    @Test("a key that is another's is a fault that says so")
    func otherKey() async throws {
        let made = try SelfSignedCertificate.make(hostNames: ["mail.example.org"], now: Timestamp(rawValue: 1_795_307_700))
        await #expect(throws: TLSIdentity.Fault.self) { try await examine(made.certificatePEM, TestAuthority.key, roots: []) }
    }

    @Test("TLSA records fit by usage, selector and digest: RFC 6698 §2.1")
    func fits() async throws {
        let found = try await examine(TestAuthority.leaf + "\n" + TestAuthority.certificate, TestAuthority.key, roots: [])
        let identity = try TLSIdentity(certificatePEM: TestAuthority.leaf + "\n" + TestAuthority.certificate, keyPEM: TestAuthority.key)
        let (leaf, authority) = (try identity.chain[0].toDERBytes(), try identity.chain[1].toDERBytes())
        let key = try identity.chain[0].extractPublicKey().toSPKIBytes()
        #expect(found.keyDigest == Array(SHA256.hash(data: key)))
        let good: [[UInt8]] = [
            [3, 1, 1] + SHA256.hash(data: key), [3, 1, 2] + SHA512.hash(data: key), [3, 1, 0] + key, [3, 0, 1] + SHA256.hash(data: leaf),
            [3, 0, 0] + leaf, [2, 0, 1] + SHA256.hash(data: authority), [2, 1, 1] + SHA256.hash(data: try identity.chain[1].extractPublicKey().toSPKIBytes()),
        ]
        for record in good { #expect(found.fits(tlsa: record), "\(record.prefix(3))") }
        let bad: [[UInt8]] = [
            [], [3, 1, 1], [1, 1, 1] + SHA256.hash(data: key), [2, 1, 1] + SHA256.hash(data: key), [3, 0, 1] + SHA256.hash(data: key),
            [3, 2, 1] + SHA256.hash(data: key),
            [3, 1, 3] + SHA256.hash(data: key), [3, 1, 1] + SHA256.hash(data: key).dropLast(),
        ]
        for record in bad { #expect(!found.fits(tlsa: record), "\(record.prefix(3))") }
    }
}
