import Conversation
import MailModel
import Rehearsal
import SenderTrust
import Synchronization
import Testing

@Suite("SPF, asked of names that a test makes up: RFC 7208", .timeLimit(.minutes(20)))
struct SPFEvaluationTests {
    private let names = NameTable()

    private func policy(_ name: String, _ texts: String...) throws { try names.setTexts(of: name, texts) }

    private func question(_ address: String = "192.0.2.1", _ sender: String = "a@example.org", helo: String? = "mail.example.org") throws -> SPFQuestion {
        SPFQuestion(
            address: try #require(IPAddress(address)), helo: helo, mailbox: sender, receiver: Domain("mx.example.com"), now: Timestamp(rawValue: 1_800_000_000))
    }

    private func verdict(
        _ address: String = "192.0.2.1", _ sender: String = "a@example.org", limits: SPFLimits = .standard
    ) async throws -> SPFVerdict {
        await SPFEvaluation(resolver: names, limits: limits).mailFrom(try question(address, sender))
    }

    @Test("a verdict says whose domain was asked, as whom, and which term decided")
    func whole() async throws {
        try policy("example.org", "v=spf1 include:_spf.example.org -all")
        try policy("_spf.example.org", "v=spf1 ip4:192.0.2.0/28 ~all")
        let pass = try await verdict()
        #expect(pass.result == .pass && pass.identity == .mailFrom && pass.domain?.value == "example.org" && pass.sender == "a@example.org")
        #expect(pass.mechanism == "include:_spf.example.org" && pass.reason == nil && pass.explanation == nil)
        #expect(try await verdict("192.0.2.16").mechanism == "-all")
        #expect(try await verdict("2001:db8::1").result == .fail)
    }

    @Test("a redirect's term decides, and its explanation is said, never that of the first or of an include: §6.2")
    func explanations() async throws {
        try policy("example.org", "v=spf1 include:other.example exp=mine.example redirect=target.example")
        try policy("other.example", "v=spf1 -all exp=others.example")
        try policy("target.example", "v=spf1 -all exp=why.target.example")
        try names.setTexts(of: "mine.example", ["no"])
        try names.setTexts(of: "others.example", ["no"])
        try names.setTexts(of: "why.target.example", ["%{d} says no to %{s} at %{c}, %{t}, by %{r}%%"])
        let fail = try await verdict()
        #expect(fail.result == .fail && fail.mechanism == "-all" && fail.domain?.value == "example.org")
        #expect(fail.explanation == "target.example says no to a@example.org at 192.0.2.1, 1800000000, by mx.example.com%")
        for text in ["line\r\nend", "ü", "%{h}", String(repeating: "x", count: 1_001), "%{z}"] {
            try names.setTexts(of: "why.target.example", [text])
            let verdict = await SPFEvaluation(resolver: names).mailFrom(try question(helo: "a\r\nSubject: b"))
            #expect(verdict.result == .fail && verdict.explanation == nil, "\(text)")
        }
    }

    @Test("with the null reverse-path, and for HELO, it is postmaster's at what HELO said: §2.3, §2.4")
    func nullPath() async throws {
        try policy("mail.example.org", "v=spf1 a -all")
        try names.setAddresses(of: "mail.example.org", ["192.0.2.1"])
        let asked = SPFQuestion(
            address: try #require(IPAddress("192.0.2.1")), helo: "mail.example.org", sender: .null, receiver: nil, now: Timestamp(rawValue: 0))
        let evaluation = SPFEvaluation(resolver: names)
        let (mailFrom, helo) = await (evaluation.mailFrom(asked), evaluation.helo(asked))
        #expect(mailFrom.result == .pass && mailFrom.identity == .mailFrom && mailFrom.sender == "postmaster@mail.example.org")
        #expect(helo.result == .pass && helo.identity == .helo && helo.sender == mailFrom.sender && helo.domain?.value == "mail.example.org")
        for name in [nil, "", "localhost", "[192.0.2.1]", "a b.example", "a\0.example"] {
            let verdict = await evaluation.helo(try question(helo: name))
            #expect(verdict.result == .none && verdict.domain == nil && verdict.reason != nil, "\(name ?? "nil")")
        }
    }

    @Test("an IPv4-mapped address is IPv4 in ip4:, a, exists and macros, and in no ip6: RFC 7208 §5")
    func mapped() async throws {
        try policy("example.org", "v=spf1 ip6:::/0 ip6:::ffff:0:0/96 exists:%{i}.%{v}.example -all")
        try names.setAddresses(of: "192.0.2.9.in-addr.example", ["127.0.0.2"])
        #expect(try await verdict("::ffff:192.0.2.9").mechanism == "exists:%{i}.%{v}.example")
        #expect(try await verdict("::ffff:192.0.2.8").mechanism == "-all")
        #expect(try await verdict("2001:db8::1").mechanism == "ip6:::/0")
    }

    @Test("a domain in letters of all the world is asked for by its A-labels; a local part that is not in ASCII is in no name: RFC 8616 §4")
    func international() async throws {
        try policy("xn--bcher-kva.example", "v=spf1 exists:%{l}.%{d} exists:%{o}.ok.example -all")
        try names.setAddresses(of: "xn--bcher-kva.example.ok.example", ["127.0.0.2"])
        let pass = try await verdict("192.0.2.1", "ü@Bücher.example")
        #expect(pass.result == .pass && pass.domain?.value == "xn--bcher-kva.example" && pass.sender == "ü@xn--bcher-kva.example")
        #expect(!names.asked.contains { $0.name.value.contains("\\") })
    }

    @Test("several records are an error; other texts are nobody's business: §4.5")
    func selection() async throws {
        try policy("example.org", "v=spf1 -all", "v=spf1 -all")
        #expect(try await verdict().result == .permerror)
        try policy("example.org", "v=spf10 -all", "v=spf1", "google-site-verification=x")
        #expect(try await verdict().result == .neutral)
        try policy("example.org", "x")
        #expect(try await verdict().result == .none)
    }

    @Test(
        "DNS that does not know is temperror, whatever the record says behind it: §4.4, §5", arguments: [ResolverFault.timedOut, .failed(code: 2), .bogus("x")])
    func unknown(fault: ResolverFault) async throws {
        try names.setFault(.txt, of: "example.org", fault)
        #expect(try await verdict().result == .temperror)
        for term in ["a:b.example", "mx:b.example", "include:b.example", "exists:b.example"] {
            try policy("example.org", "v=spf1 \(term) +all")
            for type in [RecordType.a, .mx, .txt] { try names.setFault(type, of: "b.example", fault) }
            let verdict = try await verdict()
            #expect(verdict.result == .temperror && verdict.reason?.contains("b.example") == true, "\(term)")
        }
        try policy("example.org", "v=spf1 ptr +all")
        try names.setFault(.ptr, of: "1.2.0.192.in-addr.arpa", fault)
        #expect(try await verdict().mechanism == "+all")
    }

    @Test("steps are told in order, with how deep they are")
    func steps() async throws {
        try policy("example.org", "v=spf1 include:b.example redirect=c.example")
        try policy("b.example", "v=spf1 ip4:192.0.2.7")
        try names.setFault(.txt, of: "c.example", .timedOut)
        let seen = Mutex<[SPFStep]>([])
        let verdict = await SPFEvaluation(resolver: names, observe: { step in seen.withLock { $0.append(step) } }).mailFrom(try question())
        let steps = seen.withLock { $0 }
        #expect(verdict.result == .temperror)
        #expect(steps.map(\.depth) == [0, 0, 1, 1, 1, 0, 0, 1])
        #expect(steps.map(\.domain) == ["example.org", "example.org", "b.example", "b.example", "b.example", "example.org", "example.org", "c.example"])
        #expect(steps[4].event == .term("ip4:192.0.2.7", isMatch: false) && steps[5].event == .term("include:b.example", isMatch: false))
        #expect(try steps[7].event == .unknown(.txt, #require(DNSName(dotted: "c.example".utf8)), .timedOut))
    }
}

extension NameTable {
    /// Each as strings of 255 octets at most.
    func setTexts(of name: String, _ texts: [String]) throws {
        try set(
            .txt, of: name,
            texts.map { text in
                let octets = Array(text.utf8)
                guard !octets.isEmpty else { return [0] }
                return stride(from: 0, to: octets.count, by: 255).flatMap { start in
                    let string = octets[start..<min(octets.count, start + 255)]
                    return [UInt8(string.count)] + string
                }
            })
    }
}
