import Conversation
import MailModel
import Rehearsal
import SenderTrust
import Synchronization
import Testing

@Suite("What a domain may make of a check: RFC 7208 §4.6.4, §11.1", .timeLimit(.minutes(20)))
struct SPFLimitsTests {
    private let names = NameTable()

    private func verdict(
        _ policy: String, _ address: String = "192.0.2.1", _ sender: String = "a@example.org", limits: SPFLimits = .standard
    ) async throws -> SPFVerdict {
        try names.setTexts(of: "example.org", [policy])
        let question = SPFQuestion(
            address: try #require(IPAddress(address)), helo: "mail.example.org", mailbox: sender, receiver: nil, now: Timestamp(rawValue: 0))
        return await SPFEvaluation(resolver: names, limits: limits).mailFrom(question)
    }

    @Test("ten terms that ask DNS, each counted once: neither the first question nor addresses of an mx's hosts count")
    func terms() async throws {
        try names.setExchangers(of: "example.org", (1...10).map { (UInt16($0), "m\($0).example.org") })
        for index in 1...10 { try names.setAddresses(of: "m\(index).example.org", ["203.0.113.1"]) }
        #expect(try await verdict("v=spf1" + String(repeating: " mx", count: 10) + " ip4:192.0.2.1 -all").result == .pass)
        #expect(names.asked.count == 1 + 10 * 11)
        let more = try await verdict("v=spf1" + String(repeating: " mx", count: 11) + " ip4:192.0.2.1 -all")
        #expect(more.result == .permerror && more.reason?.contains("10") == true)
        #expect(try await verdict("v=spf1" + String(repeating: " ptr", count: 11) + " all").result == .permerror)
    }

    @Test("an eleventh exchanger is an error; an eleventh name of the client is not looked at")
    func lists() async throws {
        try names.setExchangers(of: "example.org", (1...11).map { (UInt16($0), "m.example.org") })
        try names.setAddresses(of: "m.example.org", ["192.0.2.1"])
        #expect(try await verdict("v=spf1 mx -all").result == .permerror)
        try names.set(.ptr, of: "1.2.0.192.in-addr.arpa", (1...11).map { NameTable.octets(ofName: "h\($0).example.org") })
        try names.setAddresses(of: "h11.example.org", ["192.0.2.1"])
        #expect(try await verdict("v=spf1 ptr -all").result == .fail)
        try names.setAddresses(of: "h10.example.org", ["192.0.2.1"])
        #expect(try await verdict("v=spf1 ptr -all").result == .pass)
        try names.setExchangers(of: "example.org", [(0, ".")])
        #expect(try await verdict("v=spf1 mx -all").mechanism == "-all")
    }

    @Test("a third name that is not there is an error, as many as are configured are none; addresses of the other family alone are there")
    func voids() async throws {
        #expect(try await verdict("v=spf1 a:x1.example exists:x2.example ip4:192.0.2.1").result == .pass)
        let over = try await verdict("v=spf1 a:x1.example exists:x2.example mx:x3.example ip4:192.0.2.1")
        #expect(over.result == .permerror)
        var limits = SPFLimits.standard
        limits.voids = 3
        #expect(try await verdict("v=spf1 a:x1.example exists:x2.example mx:x3.example ip4:192.0.2.1", limits: limits).result == .pass)
        try names.setExchangers(of: "example.org", (1...4).map { (UInt16($0), "m\($0).example.org") })
        for index in 1...4 { try names.setAddresses(of: "m\(index).example.org", ["203.0.113.1"]) }
        #expect(try await verdict("v=spf1 mx a:m1.example.org a:m2.example.org -all", "2001:db8::1").result == .fail)
        try names.setExchangers(of: "example.org", (1...3).map { (UInt16($0), "gone\($0).example.org") })
        #expect(try await verdict("v=spf1 mx -all").result == .permerror)
    }

    @Test("a tree of includes ends with the tenth; one that includes itself, too")
    func trees() async throws {
        for index in 0..<100 { try names.setTexts(of: "t\(index).example", ["v=spf1" + (1...9).map { " ?include:t\(index * 9 + $0).example" }.joined()]) }
        #expect(try await verdict("v=spf1 include:t0.example -all").result == .permerror)
        #expect(names.asked.count <= 11)
        let before = names.asked.count
        #expect(try await verdict("v=spf1 include:example.org -all").result == .permerror)
        #expect(try await verdict("v=spf1 redirect=example.org").result == .permerror)
        #expect(names.asked.count == before + 22)
    }

    @Test("macro bombs make names of 253 octets at most, and no more work than reading them")
    func bombs() async throws {
        let sender = String(repeating: "x.", count: 100) + "x@example.org"
        let bomb = String(repeating: "%{S}", count: 900)
        let terms = (0..<9).map { _ in " exists:\(bomb)%{d}" }.joined()
        var limits = SPFLimits.standard
        (limits.recordOctets, limits.voids) = (1 << 20, 100)
        let verdict = try await verdict("v=spf1\(terms) exists:\(bomb).example ~all", "192.0.2.1", sender, limits: limits)
        #expect(verdict.result == .softfail)
        #expect(names.asked.allSatisfy { $0.name.dotted.utf8.count <= 253 } && names.asked.count == 11)
        #expect(try await self.verdict("v=spf1 exists:" + String(repeating: "%{S}", count: 1_001) + " ~all").result == .permerror)
        try names.setTexts(of: "why.example", [bomb])
        let fail = try await self.verdict("v=spf1 -all exp=why.example", "192.0.2.1", sender)
        #expect(fail.result == .fail && fail.explanation == nil)
    }

    @Test("a record that is too long, and one question too many, are errors")
    func size() async throws {
        let long = "v=spf1" + String(repeating: " ip4:203.0.113.1", count: 2_000) + " +all"
        #expect(try await verdict(long).result == .permerror)
        var limits = SPFLimits.standard
        limits.questions = 2
        #expect(try await verdict("v=spf1 a a +all", limits: limits).result == .permerror)
        #expect(try await verdict("v=spf1 a +all", limits: limits).result == .pass)
    }

    @Test("after its patience nothing more is asked: temperror")
    func patience() async throws {
        let start = ContinuousClock.now
        let seconds = Mutex(0)
        // Each look at the clock is seven seconds later.
        let now: @Sendable () -> ContinuousClock.Instant = {
            start
                + .seconds(
                    seconds.withLock {
                        $0 += 7
                        return $0
                    })
        }
        try names.setTexts(of: "example.org", ["v=spf1 a:a1.example a:a2.example a:a3.example +all"])
        for index in 1...3 { try names.setAddresses(of: "a\(index).example", ["203.0.113.1"]) }
        let question = SPFQuestion(
            address: try #require(IPAddress("192.0.2.1")), helo: nil, mailbox: "a@example.org", receiver: nil, now: Timestamp(rawValue: 0))
        let verdict = await SPFEvaluation(resolver: names, now: now).mailFrom(question)
        #expect(verdict.result == .temperror && names.asked.count == 2)
    }

    @Test("who gives up has his answer at once: temperror")
    func cancelled() async throws {
        struct Endless: Resolver {
            let asked: AsyncStream<Void>.Continuation
            func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
                asked.yield()
                // It ends by cancellation alone.
                let never = AsyncStream.makeStream(of: Void.self)
                for await _ in never.stream {}
                never.continuation.finish()
                throw CancellationError()
            }
        }
        let asked = AsyncStream.makeStream(of: Void.self)
        let question = SPFQuestion(
            address: try #require(IPAddress("192.0.2.1")), helo: nil, mailbox: "a@example.org", receiver: nil, now: Timestamp(rawValue: 0))
        let task = Task { await SPFEvaluation(resolver: Endless(asked: asked.continuation)).mailFrom(question) }
        for await _ in asked.stream { break }
        task.cancel()
        #expect(await task.value.result == .temperror)
    }
}
