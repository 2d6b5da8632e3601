import Conversation
import MailModel
import Rehearsal
import SenderTrust
import Testing

@Suite("Who may vouch for an author, and what DNS trouble does")
struct DMARCVoucherTests {
    private let zone: PolicyZone

    init() throws { zone = try PolicyZone([("example.com", "v=DMARC1; p=reject")]) }

    private func verdict(_ spf: SPFVerdict?, _ dkim: [DKIMVerdict] = [], _ author: String = "example.com") async throws -> DMARCVerdict {
        await zone.evaluation.evaluate(author: try zone.domain(author), spf: spf, dkim: dkim)
    }

    @Test("SPF of HELO is never aligned: CVE-2019-20790, RFC 9989 §4.4.2")
    func helo() async throws {
        #expect(try await verdict(zone.passed("example.com", .pass, .helo)).result == .fail)
        // With the null reverse-path SPF takes HELO's name for MAIL FROM's (RFC 7208 §2.4).
        let null = SPFVerdict(.pass, .mailFrom, domain: try zone.domain("mail.example.com"), sender: "postmaster@mail.example.com")
        #expect(try await verdict(null).isSPFAligned)
    }

    @Test("only a pass vouches", arguments: SPFVerdict.Result.allCases)
    func spfResults(_ result: SPFVerdict.Result) async throws {
        let found = try await verdict(zone.passed("example.com", result))
        #expect(found.isSPFAligned == (result == .pass))
        #expect(found.result == (result == .pass ? .pass : result == .temperror ? .temperror : .fail))
    }

    @Test("only a pass vouches", arguments: DKIMVerdict.Result.allCases)
    func dkimResults(_ result: DKIMVerdict.Result) async throws {
        let found = try await verdict(nil, [zone.signed("example.com", result)])
        #expect(found.isDKIMAligned == (result == .pass))
        #expect(found.result == (result == .pass ? .pass : result == .temperror ? .temperror : .fail))
    }

    @Test("a signature that leaves octets unsigned, or whose key is a test, vouches for nothing")
    func weak() async throws {
        #expect(try await verdict(nil, [zone.signed("example.com", isPartial: true), zone.signed("example.com", isTesting: true)]).result == .fail)
        #expect(try await verdict(nil, [zone.signed("example.com", .temperror, isPartial: true)]).result == .fail)
        #expect(try await verdict(nil, [zone.signed("example.com", isPartial: true), zone.signed("mail.example.com")]).result == .pass)
    }

    @Test("one good signature among bad ones is enough")
    func oneOfMany() async throws {
        let others = try (0..<8).map { try zone.signed("other\($0).example") }
        #expect(try await verdict(nil, others + [zone.signed("example.com", .fail), zone.signed("d.example.com")]).result == .pass)
    }

    @Test("a stranger's temporary error excuses nobody")
    func strangersTrouble() async throws {
        let found = try await verdict(zone.passed("evil.example", .temperror), [zone.signed("evil.com", .temperror)])
        #expect(found.result == .fail && found.policy == .reject)
        #expect(!zone.asked.contains("evil.com") && !zone.asked.contains("evil.example"))
    }

    @Test("a thousand signatures cost no more than a few", .timeLimit(.minutes(1)))
    func manySignatures() async throws {
        let many = try (0..<1_000).map { try zone.signed("s\($0).a.b.c.d.e.f.example.com") }
        #expect(try await verdict(nil, many).result == .pass)
        let apart = try PolicyZone([("example.com", "v=DMARC1; p=reject"), ("f.example.com", "v=DMARC1; p=none; psd=n")])
        let found = await apart.evaluation.evaluate(author: try apart.domain("example.com"), spf: nil, dkim: many)
        #expect(found.result == .fail)
        #expect(apart.names.asked.count <= PolicyWalk.mostQuestions)
    }

    @Test(
        "who cannot be asked is no fail",
        arguments: [ResolverFault.timedOut, .failed(code: 2), .bogus("x"), .unavailable("x"), .malformed])
    func trouble(_ fault: ResolverFault) async throws {
        let wanted: DMARCVerdict.Result = fault == .malformed ? .permerror : .temperror
        // The author's own record.
        try zone.names.setFault(.txt, of: "_dmarc.a.example.net", fault)
        let own = try await verdict(zone.passed("a.example.net"), [], "a.example.net")
        #expect(own.result == wanted && own.policy == .none)
        #expect(try #require(own.reason).contains("_dmarc.a.example.net"))
        // One above it.
        try zone.names.setFault(.txt, of: "_dmarc.com", fault)
        #expect(try await verdict(nil, [], "b.example.com").result == wanted)
        // Not needed where names are equal, or nobody has been proved.
        #expect(try await verdict(zone.passed("example.com")).result == .pass)
        #expect(try await verdict(nil).result == .fail)
        // Needed for who is near; but one who is aligned without it is enough.
        // What will never be told vouches for nothing, and leaves the policy as it is.
        let near = try await verdict(nil, [zone.signed("d.example.com")])
        #expect(near.result == (fault == .malformed ? .fail : .temperror) && near.policy == .reject)
        #expect(try await verdict(zone.passed("example.com"), [zone.signed("d.example.com")]).result == .pass)
    }

    @Test("whether a name exists may be unknown too")
    func unknownExistence() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=none; np=reject")])
        try zone.names.setFault(.a, of: "x.example.com", .timedOut)
        #expect(await zone.evaluation.evaluate(author: try zone.domain("x.example.com"), spf: nil, dkim: []).result == .temperror)
    }

    @Test("names beyond ASCII are asked for as A-labels: RFC 9989 §5.3.1")
    func international() async throws {
        let zone = try PolicyZone([("xn--bcher-kva.example", "v=DMARC1; p=reject")])
        let verdict = await zone.evaluation.evaluate(author: try zone.domain("bücher.example"), spf: nil, dkim: [try zone.signed("bücher.example")])
        #expect(verdict.author.value == "xn--bcher-kva.example" && verdict.result == .pass)
        #expect(zone.asked == ["xn--bcher-kva.example"])
    }

    @Test("address literals have no policy", arguments: ["[192.0.2.1]", "[ipv6:2001:db8::1]"])
    func literal(_ text: String) async throws {
        #expect(try await zone.verdict(text).result == .none)
        #expect(zone.asked.isEmpty)
    }

    @Test("a task that is cancelled has learnt nothing")
    func cancelled() async throws {
        struct Cancelled: Resolver {
            func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> { throw CancellationError() }
        }
        let verdict = await DMARCEvaluation(resolver: Cancelled()).evaluate(author: try zone.domain("example.com"), spf: nil, dkim: [])
        #expect(verdict.result == .temperror)
    }

    @Test("the worst verdict decides for several authors")
    func severalAuthors() async throws {
        let zone = try PolicyZone([("attack.example", "v=DMARC1; p=none"), ("legit.example", "v=DMARC1; p=reject")])
        let authors = MessageAuthors.several([try zone.domain("attack.example"), try zone.domain("legit.example")])
        let judgement = await zone.evaluation.judge(authors, spf: try zone.passed("attack.example"), dkim: [try zone.signed("attack.example")])
        #expect(judgement.verdicts.map(\.result) == [.pass, .fail])
        #expect(judgement.decisive?.author.value == "legit.example")
        #expect(judgement.decisive?.policy == .reject)
        #expect(judgement.refusal == nil)
        let unclear = await zone.evaluation.judge(.unclear("why"), spf: nil, dkim: [])
        #expect(unclear.decisive == nil && unclear.refusal == "why")
        #expect(await zone.evaluation.judge(.none, spf: nil, dkim: []).decisive == nil)
    }

    @Test("signatures that cannot be checked, however many names they have, do not make the policy unknown")
    func manyUnknown() async throws {
        let deep = try (0..<10).map { try zone.signed("a.b.c.d.e\($0).f\($0).example.com", .temperror) }
        let found = try await verdict(nil, deep)
        #expect(found.result == .temperror || found.result == .fail)
        #expect(found.policy == .reject && found.record != nil)
    }

    @Test("trouble with the name of one who vouches leaves the policy known", arguments: [ResolverFault.timedOut, .malformed])
    func troubleOfVoucher(_ fault: ResolverFault) async throws {
        try zone.names.setFault(.txt, of: "_dmarc.mail.example.com", fault)
        let found = try await verdict(nil, [zone.signed("mail.example.com")])
        #expect(found.result == (fault == .malformed ? .fail : .temperror))
        #expect(found.policy == .reject && found.record != nil && found.recordDomain?.value == "example.com")
    }
}
