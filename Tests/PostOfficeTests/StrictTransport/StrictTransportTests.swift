import Conversation
import Logging
import MailModel
import MemoryStore
import Rehearsal
import Storage
import Testing

@testable import PostOffice

@Suite("What domains want of those that send to them is found, and kept: RFC 8461 §3.3, §5; TRAPS §1.21")
struct StrictTransportTests {
    let clock = TestClock()
    let names = NameTable()
    let web = ScriptedWeb()
    let store: MemoryStore
    let domain: Domain

    init() throws {
        let clock = clock
        store = MemoryStore(clock: { clock.now })
        domain = try #require(Domain("a.example"))
    }

    /// One that knows nothing but what the store does.
    func keeper() -> StrictTransport {
        let clock = clock
        return StrictTransport(
            resolver: names, fetcher: web, store: store, clock: { clock.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func announce(_ id: String) throws {
        let text = "v=STSv1; id=\(id);"
        try names.set(.txt, of: "_mta-sts.a.example", [[UInt8(text.utf8.count)] + Array(text.utf8)])
    }

    private func publish(_ id: String, _ mode: String = "enforce", mx: String = "mx.a.example", age: Int = 86_400) throws {
        try announce(id)
        web.set("mta-sts.a.example", "version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: \(age)\n")
    }

    private func mx(_ keeper: StrictTransport) async throws -> String? {
        try await keeper.finding(for: domain).policy.map { $0.exchangers.map(\.description).joined(separator: ",") }
    }

    @Test("a domain without a record has none, and its web server is not asked")
    func unannounced() async throws {
        web.set("mta-sts.a.example", "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n")
        #expect(try await keeper().finding(for: domain) == StrictTransport.Finding(policy: nil))
        #expect(try await keeper().finding(for: #require(Domain("[9.0.0.1]"))) == StrictTransport.Finding(policy: nil))
        #expect(web.asked.isEmpty)
    }

    @Test("it is fetched from one place, once, and known after a restart")
    func kept() async throws {
        try publish("1")
        #expect(try await mx(keeper()) == "mx.a.example")
        let request = try #require(web.asked.first)
        #expect(request.host.description == "mta-sts.a.example" && request.path == "/.well-known/mta-sts.txt" && request.port == 443)
        #expect(request.mostOctets == 65_536 && request.patience == .seconds(15))
        web.set("mta-sts.a.example", .unreachable("down"))
        #expect(try await mx(keeper()) == "mx.a.example")
        #expect(web.asked.count == 1)
    }

    @Test("a record that is gone, or that nobody can look up, ends nothing before the policy's own end: RFC 8461 §3.1")
    func downgrade() async throws {
        try publish("1")
        #expect(try await mx(keeper()) == "mx.a.example")
        for again in 0..<2 {
            if again == 0 {
                try names.setFault(.txt, of: "_mta-sts.a.example", .failed(code: 2))
            } else {
                try names.setDenial(.txt, of: "_mta-sts.a.example", .noSuchName)
            }
            #expect(try await mx(keeper()) == "mx.a.example")
        }
        clock.advance(by: 86_399)
        #expect(try await mx(keeper()) == "mx.a.example")
        clock.advance(by: 1)
        #expect(try await mx(keeper()) == nil)
    }

    @Test("another id is another policy; where that cannot be had, the old one holds")
    func changed() async throws {
        try publish("1")
        let keeper = keeper()
        #expect(try await mx(keeper) == "mx.a.example")
        try publish("2", mx: "*.b.example")
        #expect(try await mx(keeper) == "*.b.example")
        try publish("3", mx: "c.example")
        web.set("mta-sts.a.example", .tls("expired"))
        let finding = try await keeper.finding(for: domain)
        #expect(finding.policy?.exchangers.map(\.description) == ["*.b.example"] && finding.failure?.kind == .stsWebPKIInvalid)
        #expect(web.asked.count == 3)
    }

    @Test("mode none ends a policy, and is not asked for again under its id: RFC 8461 §2")
    func ended() async throws {
        try publish("1")
        let keeper = keeper()
        #expect(try await mx(keeper) == "mx.a.example")
        try publish("2", "none")
        #expect(try await mx(keeper) == nil)
        #expect(try await mx(keeper) == nil)
        #expect(web.asked.count == 2)
    }

    @Test("its age counts from the last fetch, which is repeated when half of it is over")
    func renewed() async throws {
        try publish("1")
        let keeper = keeper()
        #expect(try await mx(keeper) == "mx.a.example")
        clock.advance(by: 43_199)
        #expect(try await mx(keeper) == "mx.a.example")
        #expect(web.asked.count == 1)
        clock.advance(by: 1)
        #expect(try await mx(keeper) == "mx.a.example")
        #expect(web.asked.count == 2)
        web.set("mta-sts.a.example", .timedOut)
        clock.advance(by: 86_399)
        let last = try await keeper.finding(for: domain)
        #expect(last.policy != nil && last.failure?.kind == .stsFetchError)
        clock.advance(by: 1)
        #expect(try await mx(keeper) == nil)
    }

    @Test("what is old is fetched anew where the record cannot be looked up, so that who prevents that does not see it end")
    func renewedWithoutRecord() async throws {
        try publish("1")
        let keeper = keeper()
        #expect(try await mx(keeper) == "mx.a.example")
        try names.setFault(.txt, of: "_mta-sts.a.example", .timedOut)
        clock.advance(by: 43_199)
        #expect(try await mx(keeper) == "mx.a.example")
        #expect(web.asked.count == 1)
        clock.advance(by: 1)
        #expect(try await mx(keeper) == "mx.a.example")
        #expect(web.asked.count == 2)
        clock.advance(by: 86_399)
        web.set("mta-sts.a.example", .timedOut)
        let finding = try await keeper.finding(for: domain)
        #expect(finding.policy != nil && finding.failure?.kind == .stsFetchError && web.asked.count == 3)
        try announce("1")
        #expect(try await mx(keeper) == "mx.a.example")
        // Nothing was kept: nobody knows.
        try names.setFault(.txt, of: "_mta-sts.a.example", .timedOut)
        clock.advance(by: 1)
        let nothing = try await keeper.finding(for: domain)
        #expect(nothing.policy == nil && nothing.isUnknown && web.asked.count == 3)
    }

    @Test("what could not be had is not asked for again for five minutes, under whatever id: RFC 8461 §3.3")
    func failed() async throws {
        try publish("1")
        web.set("mta-sts.a.example", .timedOut)
        let keeper = keeper()
        for _ in 0..<3 { #expect(try await keeper.finding(for: domain).failure?.kind == .stsFetchError) }
        #expect(web.asked.count == 1)
        try publish("2")
        #expect(try await keeper.finding(for: domain).failure?.kind == .stsFetchError)
        #expect(web.asked.count == 1)
        clock.advance(by: 300)
        #expect(try await mx(keeper) == "mx.a.example")
        #expect(web.asked.count == 2)
    }

    @Test("what is no answer with a policy is none: RFC 8461 §3.3")
    func refused() async throws {
        let good = "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n"
        let answers: [(status: Int, type: String?, text: String, kind: TLSFailure.Kind?)] = [
            (200, "text/plain", good, nil), (200, "Text/Plain ; charset=utf-8", good, nil), (301, "text/plain", good, .stsFetchError),
            (302, nil, "", .stsFetchError), (404, "text/plain", good, .stsFetchError), (206, "text/plain", good, .stsFetchError),
            (200, "text/html", good, .stsFetchError), (200, nil, good, .stsFetchError), (200, "text/plain", "<html>", .stsPolicyInvalid),
            (200, "text/plain", "", .stsPolicyInvalid),
        ]
        for (place, answer) in answers.enumerated() {
            try announce("\(place)")
            web.set("mta-sts.a.example", answer.text, status: answer.status, type: answer.type)
            try await store.change([KeyValueChange(.transportPolicies, "a.example", nil)])
            let finding = try await keeper().finding(for: domain)
            #expect(finding.failure?.kind == answer.kind && (finding.policy != nil) == (answer.kind == nil), "\(answer)")
        }
    }

    @Test("many that ask at once are one question, and one that is cancelled leaves it to the others")
    func together() async throws {
        try publish("1")
        web.hold()
        let keeper = keeper()
        let domain = domain
        let first = Task { try await keeper.finding(for: domain) }
        await web.whenAsked(1)
        let others = (0..<20).map { _ in Task { try await keeper.finding(for: domain) } }
        while await keeper.waiting(for: domain) < 20 { await Task.yield() }
        web.letGo()
        for task in [first] + others { #expect(try await task.value.policy != nil) }
        #expect(web.asked.count == 1)

        try publish("2")
        web.hold()
        let cancelled = Task { try await keeper.finding(for: domain) }
        await web.whenAsked(2)
        let other = Task { try await keeper.finding(for: domain) }
        while await keeper.waiting(for: domain) < 1 { await Task.yield() }
        cancelled.cancel()
        web.letGo()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(try await other.value.policy != nil && web.asked.count == 3)
    }

    @Test("fifty fetches at a time, and the rest has its turn")
    func turns() async throws {
        web.hold()
        let keeper = keeper()
        let domains = try (0..<60).map { try #require(Domain("d\($0).example")) }
        for domain in domains {
            try names.set(.txt, of: "_mta-sts.\(domain)", [[15] + Array("v=STSv1; id=abc".utf8)])
            web.set("mta-sts.\(domain)", "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n")
        }
        let tasks = domains.map { domain in Task { try await keeper.finding(for: domain) } }
        await web.whenAsked(50)
        while await keeper.turnsWanted < 10 { await Task.yield() }
        #expect(web.asked.count == 50)
        web.letGo()
        for task in tasks { #expect(try await task.value.policy != nil) }
        #expect(web.asked.count == 60)
    }

    @Test("what is kept is bounded: what was fetched longest ago goes")
    func bounded() async throws {
        try publish("1", age: 31_557_600)
        let keeper = keeper()
        #expect(try await mx(keeper) == "mx.a.example")
        let policy = try #require(StrictTransportPolicy("version: STSv1\nmode: none\nmax_age: 31557600".utf8))
        let old = KeptPolicy(id: "x", fetched: Timestamp(rawValue: clock.now.rawValue - 10), policy: policy)
        try await store.change((1..<StrictTransport.mostKept).map { KeyValueChange(.transportPolicies, "d\($0).example", old.octets) })
        let other = try #require(Domain("other.example"))
        try names.set(.txt, of: "_mta-sts.other.example", [[15] + Array("v=STSv1; id=abc".utf8)])
        web.set("mta-sts.other.example", "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n")
        #expect(try await keeper.finding(for: other).policy != nil)
        let kept = try store.values(in: .transportPolicies)
        #expect(kept.count == StrictTransport.mostKept - StrictTransport.mostKept / 10 + 1)
        #expect(kept["a.example"] != nil && kept["other.example"] != nil)
    }

    @Test("what is kept is bounded in octets too")
    func boundedOctets() async throws {
        let pattern = "mx: " + String(repeating: String(repeating: "a", count: 60) + ".", count: 4) + "b.example\n"
        let file = "version: STSv1\nmode: enforce\n\(String(repeating: pattern, count: 30))max_age: 31557600"
        let policy = try #require(StrictTransportPolicy(file.utf8))
        let old = KeptPolicy(id: "x", fetched: Timestamp(rawValue: clock.now.rawValue - 10), policy: policy)
        let count = StrictTransport.mostKeptOctets / old.octets.count
        try await store.change((0..<count).map { KeyValueChange(.transportPolicies, "d\($0).example", old.octets) })
        try publish("1")
        #expect(try await mx(keeper()) == "mx.a.example")
        let kept = try store.values(in: .transportPolicies)
        let size = kept.values.reduce(0) { $0 + $1.count }
        #expect(kept["a.example"] != nil && size <= StrictTransport.mostKeptOctets / 10 * 9 && size > StrictTransport.mostKeptOctets / 10 * 8)
    }

    @Test("what is kept reads what it writes, and nothing else")
    func form() throws {
        let policy = try #require(StrictTransportPolicy("version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 5".utf8))
        let kept = KeptPolicy(id: "a1", fetched: Timestamp(rawValue: 1_000), policy: policy)
        #expect(KeptPolicy(kept.octets) == kept)
        #expect(kept.holds(Timestamp(rawValue: 1_004)) && !kept.holds(Timestamp(rawValue: 1_005)))
        for cut in 0..<kept.octets.count { _ = KeptPolicy(Array(kept.octets[..<cut])) }
        #expect(KeptPolicy([]) == nil && KeptPolicy(Array("id: a\nfetched: -1\n\(policy.lines.joined(separator: "\n"))".utf8)) == nil)
    }
}
