import Conversation
import Foundation
import MailModel
import Rehearsal
import Testing

@testable import SenderTrust

@Suite struct DKIMKeyRecordTests {
    private let signer: PlainSigner
    private let base64: String
    private let now = Timestamp(rawValue: 2000)

    init() throws {
        signer = PlainSigner(try DKIMKey.generate(.ed25519SHA256))
        base64 = Data(signer.key.publicOctets).base64EncodedString()
    }

    private func verdict(_ texts: [String], signer other: PlainSigner? = nil) async throws -> DKIMVerdict {
        let names = NameTable()
        try names.setTexts("test._domainkey.example.org", texts)
        let message = try (other ?? signer).message()
        return try #require(await SignatureObserver.over(message).dkim(resolver: names, now: now).first)
    }

    @Test("what a record may say: RFC 6376 §3.6.1")
    func records() async throws {
        for (text, result) in [
            ("v=DKIM1; k=ed25519; p=P", DKIMVerdict.Result.pass), ("k=ed25519; p=P", .pass), ("k=ed25519;p=P;", .pass), (" v = DKIM1 ; k=ed25519; p=P ", .pass),
            ("v=DKIM1; h=sha1; k=ed25519; p=P", .permerror), ("v=DKIM1; h=sha1:sha256; k=ed25519; p=P", .pass),
            ("v=DKIM1; s=email; k=ed25519; p=P", .pass), ("v=DKIM1; s=tlsrpt; k=ed25519; p=P", .permerror),
            ("v=DKIM1; s=a:*; k=ed25519; p=P", .pass), ("v=DKIM1; n=note; g=*; t=s; k=ed25519; p=P", .pass),
            ("k=ed25519; v=DKIM1; p=P", .permerror), ("v=DKIM2; k=ed25519; p=P", .permerror), ("v=dkim1; k=ed25519; p=P", .permerror),
            ("v=DKIM1; k=rsa; p=P", .permerror), ("v=DKIM1; p=P", .permerror), ("v=DKIM1; k=ed448; p=P", .permerror), ("v=DKIM1; k=ed25519; p=", .permerror),
            ("v=DKIM1; k=ed25519; p=;", .permerror), ("v=DKIM1; k=ed25519", .permerror), ("v=DKIM1; k=ed25519; p=P; p=P", .permerror),
            ("v=DKIM1; k=ed25519; p=AAAA", .permerror), ("v=DKIM1; k=ed25519; p=A", .permerror), ("v=DKIM1; k=ed25519; p=!", .permerror), ("", .permerror),
        ] {
            let verdict = try await verdict([text.replacing("P", with: base64)])
            #expect(verdict.result == result, "\(text): \(verdict.reason ?? "")")
        }
        #expect(try await verdict(["v=DKIM1; k=ed25519; p="]).reason == "the key is revoked")
        let folded = base64.map { "\($0) " }.joined()
        #expect(try await verdict(["k=ed25519; p=\(folded)"]).result == .pass)
    }

    @Test("t=y is said of a pass and of a failure; t=s wants i= to be of d= itself: RFC 6376 §3.6.1")
    func flags() async throws {
        let testing = try await verdict([signer.key.record + "; t=y"])
        #expect(testing.result == .pass && testing.isTesting)
        var other = signer
        other.key = try DKIMKey.generate(.ed25519SHA256)
        let failing = try await verdict([signer.key.record + "; t=s:y"], signer: other)
        #expect(failing.result == .fail && failing.isTesting)
        for (identity, result) in [("a@example.org", DKIMVerdict.Result.pass), ("@example.org", .pass), ("a@sub.example.org", .permerror)] {
            var signer = signer
            signer.tags += " i=\(identity);"
            #expect(try await verdict([signer.key.record + "; t=s"], signer: signer).result == result)
            #expect(try await verdict([signer.key.record], signer: signer).result == .pass)
        }
    }

    @Test("of several texts at a name each that is a key is tried; others are none of ours: RFC 6376 §3.6.2.2, §6.1.2")
    func several() async throws {
        let other = try DKIMKey.generate(.ed25519SHA256)
        #expect(try await verdict(["google-site-verification=x", "v=spf1 -all", signer.key.record]).result == .pass)
        #expect(try await verdict([other.record, signer.key.record]).result == .pass)
        #expect(try await verdict(["v=DKIM1; p=", signer.key.record]).result == .pass)
        #expect(try await verdict([other.record, other.record + "; t=y"]).result == .fail)
        #expect(try await verdict(["some text"]).reason == "the key's record cannot be read")
        // No more than four: each costs a verification.
        #expect(try await verdict(Array(repeating: other.record, count: 4) + [signer.key.record]).result == .fail)
    }

    @Test("strings of a text are joined with nothing between them, as a key of 2048 bits needs it: RFC 6376 §3.6.2.2")
    func strings() async throws {
        var signer = signer
        signer.key = try DKIMKey.generate(.rsaSHA256)
        signer.tags = signer.tags.replacing("ed25519-sha256", with: "rsa-sha256")
        #expect(signer.key.record.utf8.count > 255)
        let verdict = try await verdict([signer.key.record], signer: signer)
        #expect(verdict.result == .pass && verdict.keyBits == 2048)
    }

    /// SubjectPublicKeyInfo with a modulus of so many octets, whose highest bit is set.
    private func record(modulus count: Int) -> String {
        func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] { [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content }
        let key = element(0x30, element(0x02, [0x00, 0x80] + (1..<count).map { UInt8($0 & 0xFF) | 1 }) + [0x02, 0x03, 0x01, 0x00, 0x01])
        let algorithm: [UInt8] = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00]
        return "v=DKIM1; k=rsa; p=" + Data(element(0x30, algorithm + element(0x03, [0x00] + key))).base64EncodedString()
    }

    @Test("RSA keys of less than 1024 bits are not accepted, nor such as nobody has: RFC 8301 §3.2")
    func sizes() async throws {
        var signer = signer
        signer.key = try DKIMKey.generate(.rsaSHA256)
        signer.tags = signer.tags.replacing("ed25519-sha256", with: "rsa-sha256")
        for (octets, result) in [(64, DKIMVerdict.Result.policy), (127, .policy), (1025, .policy), (8000, .policy)] {
            let verdict = try await verdict([record(modulus: octets)], signer: signer)
            #expect(verdict.result == result && verdict.keyBits == octets * 8, "\(octets): \(verdict.reason ?? "")")
        }
        // Long enough, and another key.
        let other = try await verdict([record(modulus: 256)], signer: signer)
        #expect(other.result == .fail || other.result == .permerror)
    }

    @Test("no record is an error for good, DNS that does not answer one for now: RFC 6376 §6.1.2")
    func faults() async throws {
        let message = try signer.message()
        func verdict(_ names: NameTable) async throws -> DKIMVerdict {
            try #require(await SignatureObserver.over(message).dkim(resolver: names, now: now).first)
        }
        let missing = try await verdict(NameTable())
        #expect(missing.result == .permerror && missing.reason == "no key" && missing.domain == Domain("example.org"))
        for (fault, result) in [
            (ResolverFault.timedOut, DKIMVerdict.Result.temperror), (.failed(code: 2), .temperror), (.bogus("x"), .temperror), (.unavailable("x"), .temperror),
            (.malformed, .permerror),
        ] {
            let names = NameTable()
            try names.setFault(.txt, of: "test._domainkey.example.org", fault)
            #expect(try await verdict(names).result == result)
        }
    }
}
