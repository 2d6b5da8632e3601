import Conversation
import MailModel
import SenderTrust
import Testing

@Suite("DMARC by RFC 9989")
struct DMARCEvaluationTests {
    private static let reject = "v=DMARC1; p=reject"

    @Test(
        "examples of alignment: RFC 9989 §4.4 and appendix B.1",
        arguments: [
            // Table 1 of §4.4.
            ("news.example.com", "foo.example.com", true, false), ("news.example.com", "news.example.com", true, true),
            ("news.example.com", "foo.example.net", false, false),
            // B.1.1 and B.1.2.
            ("example.com", "example.com", true, true), ("example.com", "child.example.com", true, false), ("child.example.com", "example.net", false, false),
            ("child.example.com", "example.com", true, false),
            // A signature of a public suffix.
            ("example.com", "com", false, false),
            // Names that end alike are not in each other.
            ("example.com", "badexample.com", false, false), ("example.com", "example.com.evil.example", false, false),
        ])
    func alignment(_ author: String, _ identifier: String, _ relaxed: Bool, _ strict: Bool) async throws {
        for (mode, wanted) in [("r", relaxed), ("s", strict)] {
            let zone = try PolicyZone([("example.com", "v=DMARC1; p=reject; adkim=\(mode); aspf=\(mode)")])
            let spf = try await zone.verdict(author, spf: identifier)
            #expect(spf.isSPFAligned == wanted)
            #expect(!spf.isDKIMAligned)
            #expect(spf.result == (wanted ? .pass : .fail))
            let dkim = try await zone.verdict(author, dkim: [identifier])
            #expect(dkim.isDKIMAligned == wanted)
            #expect(!dkim.isSPFAligned)
            #expect(dkim.result == (wanted ? .pass : .fail))
            #expect(dkim.policy == .reject)
        }
    }

    @Test("strictness of one does not make the other strict")
    func mixed() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=reject; adkim=s; aspf=r")])
        let verdict = try await zone.verdict("example.com", spf: "mail.example.com", dkim: ["mail.example.com"])
        #expect(verdict.isSPFAligned && !verdict.isDKIMAligned)
    }

    @Test("the sample of RFC 9989 appendix B.3.1")
    func sample() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com")])
        let verdict = try await zone.verdict("example.com", spf: "mail.example.com", dkim: ["example.com"])
        #expect(verdict.result == .pass && verdict.isSPFAligned && verdict.isDKIMAligned)
    }

    @Test("a simple organization: RFC 9989 appendix B.4.1")
    func simple() async throws {
        let zone = try PolicyZone([("example.com", Self.reject), ("signing.example.com", Self.reject)])
        let verdict = try await zone.verdict("example.com", spf: "example.com", dkim: ["signing.example.com"])
        #expect(verdict.isSPFAligned && verdict.isDKIMAligned)
        #expect(verdict.organizationalDomain.value == "example.com")
        #expect(zone.asked == ["example.com", "com", "signing.example.com"])
    }

    @Test("a deep tree: RFC 9989 appendix B.4.2")
    func deep() async throws {
        let zone = try PolicyZone([("example.com", Self.reject), ("signing.example.com", "v=DMARC1; p=none")])
        let verdict = try await zone.verdict("a.b.c.d.e.f.g.h.i.j.k.example.com", spf: "example.com", dkim: ["signing.example.com"])
        #expect(verdict.isSPFAligned && verdict.isDKIMAligned)
        #expect(verdict.organizationalDomain.value == "example.com")
        #expect(verdict.recordDomain?.value == "example.com")
        #expect(verdict.policy == .reject)
        #expect(
            zone.asked == [
                "a.b.c.d.e.f.g.h.i.j.k.example.com", "g.h.i.j.k.example.com", "h.i.j.k.example.com", "i.j.k.example.com", "j.k.example.com", "k.example.com",
                "example.com", "com", "signing.example.com",
            ])
    }

    @Test("a public suffix with a record: RFC 9989 appendix B.4.3")
    func suffix() async throws {
        let zone = try PolicyZone([("bank.example", "v=DMARC1; p=reject; psd=y"), ("giant.bank.example", "v=DMARC1; p=quarantine")])
        let verdict = try await zone.verdict("giant.bank.example", spf: "mail.giant.bank.example", dkim: ["mail.mega.bank.example"])
        #expect(verdict.isSPFAligned && !verdict.isDKIMAligned)
        #expect(verdict.organizationalDomain.value == "giant.bank.example")
        #expect(verdict.policy == .quarantine)
        // Who has no record has the suffix's.
        let mega = try await zone.verdict("mail.mega.bank.example", dkim: ["giant.bank.example"])
        #expect(mega.result == .fail && mega.policy == .reject)
        #expect(mega.recordDomain?.value == "bank.example")
        #expect(mega.organizationalDomain.value == "mega.bank.example")
        // The suffix itself is nobody's parent.
        let own = try await zone.verdict("bank.example", dkim: ["mega.bank.example"])
        #expect(own.result == .fail && own.organizationalDomain.value == "bank.example")
    }

    @Test("a department declares itself: psd=n, and beyond eight labels nobody finds it: RFC 9989 §5.1.7")
    func department() async throws {
        let zone = try PolicyZone([
            ("example.com", Self.reject), ("b.c.d.e.f.g.example.com", "v=DMARC1; p=none; psd=n"), ("dep.example.com", "v=DMARC1; p=none; psd=n"),
        ])
        let lost = try await zone.verdict("mail.a.b.c.d.e.f.g.example.com")
        #expect(lost.policy == .reject)
        #expect(
            zone.asked == [
                "mail.a.b.c.d.e.f.g.example.com", "c.d.e.f.g.example.com", "d.e.f.g.example.com", "e.f.g.example.com", "f.g.example.com", "g.example.com",
                "example.com", "com",
            ])
        let apart = try await zone.verdict("dep.example.com", dkim: ["example.com"])
        #expect(apart.result == .fail && apart.organizationalDomain.value == "dep.example.com")
        let child = try await zone.verdict("x.dep.example.com", dkim: ["y.dep.example.com"])
        #expect(child.result == .pass && child.organizationalDomain.value == "dep.example.com")
    }

    @Test(
        "organizational domains: RFC 9989 §4.10.2",
        arguments: [
            (["mail.example.com": "", "example.com": ""], "example.com"), (["mail.example.com": "; psd=n", "example.com": ""], "mail.example.com"),
            (["com": "; psd=y"], "example.com"), ([:], "a.mail.example.com"), (["com": ""], "com"), (["example.com": "; psd=y"], "mail.example.com"),
            (["a.mail.example.com": "; psd=y", "example.com": ""], "a.mail.example.com"), (["mail.example.com": "; psd=u", "com": "; psd=y"], "example.com"),
        ] as [([String: String], String)])
    func organization(_ records: [String: String], _ wanted: String) async throws {
        let zone = try PolicyZone(records.map { ($0.key, "v=DMARC1; p=none" + $0.value) })
        #expect(try await zone.evaluation.organizationalDomain(of: zone.domain("a.mail.example.com")).value == wanted)
    }

    @Test("a walk asks for eight names at most", arguments: [1, 2, 7, 8, 9, 20, 60])
    func steps(_ labels: Int) async throws {
        let zone = try PolicyZone()
        let name = (0..<labels).map { "l\($0)" }.joined(separator: ".")
        #expect(try await zone.verdict(name).result == .none)
        #expect(zone.asked.count == min(labels, 8))
        #expect(zone.asked.first == name && zone.asked.last == "l\(labels - 1)")
    }

    @Test(
        "p, sp, np and t: RFC 9989 §4.7",
        arguments: [
            ("example.com", "p=reject; sp=none; np=none", DMARCRecord.Policy.reject), ("sub.example.com", "p=reject; sp=quarantine; np=none", .quarantine),
            ("sub.example.com", "p=quarantine", .quarantine), ("sub.example.com", "p=quarantine; np=reject", .quarantine),
            ("gone.example.com", "p=none; sp=none; np=reject", .reject), ("gone.example.com", "p=none; sp=quarantine", .quarantine),
            ("gone.example.com", "p=reject", .reject), ("example.com", "p=reject; t=y", .quarantine), ("example.com", "p=quarantine; t=y", .none),
            ("example.com", "p=none; t=y", .none), ("gone.example.com", "p=none; np=reject; t=y", .quarantine), ("example.com", "p=reject; pct=0", .reject),
        ])
    func policies(_ author: String, _ tags: String, _ wanted: DMARCRecord.Policy) async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; \(tags)")])
        try zone.names.setAddresses(of: "sub.example.com", ["192.0.2.1"])
        let verdict = try await zone.verdict(author)
        #expect(verdict.result == .fail)
        #expect(verdict.policy == wanted)
    }

    @Test("whether a name exists is asked only where it matters")
    func existence() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=none; np=reject"), ("example.net", "v=DMARC1; p=reject; sp=none; np=none")])
        _ = try await zone.verdict("gone.example.net")
        _ = try await zone.verdict("gone.example.com", dkim: ["example.com"])
        _ = try await zone.verdict("example.com")
        #expect(zone.names.asked.allSatisfy { $0.type == .txt })
        _ = try await zone.verdict("gone.example.com")
        #expect(zone.names.asked.count { $0.type == .a } == 1)
        // A name with names below it exists.
        try zone.names.setDenial(.txt, of: "_dmarc.hollow.example.com", .noRecords)
        #expect(try await zone.verdict("hollow.example.com").policy == .none)
        #expect(zone.names.asked.count { $0.type == .a } == 1)
    }

    @Test("equal names need one question")
    func equality() async throws {
        let zone = try PolicyZone([("news.example.com", Self.reject)])
        let verdict = try await zone.verdict("news.example.com", spf: "news.example.com", dkim: ["news.example.com"])
        #expect(verdict.result == .pass)
        #expect(verdict.organizationalDomain.value == "news.example.com")
        #expect(zone.asked == ["news.example.com"])
    }

    @Test("strict alignment walks nowhere")
    func strictAsksLittle() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=reject; adkim=s; aspf=s")])
        #expect(try await zone.verdict("example.com", spf: "a.example.com", dkim: ["b.example.com"]).result == .fail)
        #expect(zone.asked == ["example.com"])
    }

    @Test("strangers are never asked about")
    func strangers() async throws {
        let zone = try PolicyZone([("example.com", Self.reject)])
        let verdict = try await zone.verdict("example.com", spf: "a.b.c.example.net", dkim: ["evil.com", "x.evil.com", "other.org"])
        #expect(verdict.result == .fail)
        #expect(zone.asked == ["example.com", "com"])
    }

    @Test("an organization without a record of its own is not judged by its parent's neighbours")
    func noRecord() async throws {
        let zone = try PolicyZone([("other.example", Self.reject)])
        let verdict = try await zone.verdict("a.example", spf: "a.example", dkim: ["a.example"])
        #expect(verdict.result == .none && verdict.policy == .none && verdict.record == nil)
        #expect(zone.asked == ["a.example", "example"])
    }

    @Test("several records are none, and a parent's record applies: RFC 9989 §4.10")
    func severalRecords() async throws {
        let zone = try PolicyZone([("a.example.com", Self.reject), ("a.example.com", "v=DMARC1; p=none"), ("example.com", "v=DMARC1; p=quarantine")])
        let verdict = try await zone.verdict("a.example.com")
        #expect(verdict.policy == .quarantine && verdict.recordDomain?.value == "example.com")
    }

    @Test("a record whose policy cannot be understood, and that asks for no reports, is no DMARC: RFC 9989 §4.10.1")
    func notApplicable() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=rejct"), ("example.net", "v=DMARC1; p=rejct; rua=mailto:a@example.net")])
        #expect(try await zone.verdict("example.com", dkim: ["example.com"]).result == .none)
        let reported = try await zone.verdict("example.net")
        #expect(reported.result == .fail && reported.policy == .none)
    }
}
