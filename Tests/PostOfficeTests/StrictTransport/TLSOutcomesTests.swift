import Conversation
import Logging
import MailModel
import MemoryStore
import Storage
import Testing

@testable import PostOffice

@Suite("How TLS with others went is counted by domain and day: RFC 8460 §4.3, §4.4; TRAPS §1.27")
struct TLSOutcomesTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let store = MemoryStore(clock: { Timestamp(rawValue: 0) })
    /// 2026-11-29T12:00:00Z.
    private let noon = Timestamp(rawValue: 1_795_953_600)

    private func observation(
        _ domain: String = "a.example", _ policy: TLSPolicyType = .none, at time: Timestamp? = nil, host: String = "mx.a.example", _ failure: TLSFailure? = nil
    ) throws -> TLSObservation {
        TLSObservation(
            domain: try #require(Domain(domain)), policy: policy, host: host, address: "9.0.0.1", source: "9.0.0.9", time: time ?? noon, failure: failure)
    }

    @Test("successes and failures, by what the domain had published, and what it had is there: also of a domain with nothing")
    func counted() async throws {
        let policy = try #require(StrictTransportPolicy("version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 5".utf8))
        let kept = KeptPolicy(id: "1", fetched: noon, policy: policy)
        try await store.change([KeyValueChange(.transportPolicies, "a.example", kept.octets)])
        let outcomes = TLSOutcomes(store: store, log: log)
        for _ in 0..<3 { outcomes.record(try observation("a.example", .sts)) }
        for _ in 0..<2 { outcomes.record(try observation("a.example", .sts, TLSFailure(.expired, "since \u{1}\tyesterday", source: "9.0.0.8"))) }
        outcomes.record(try observation("b.example"))
        let record = TLSARecord(usage: 3, selector: 1, matching: 1, data: Array(repeating: 0xAB, count: 32))
        outcomes.record(
            TLSObservation(domain: try #require(Domain("a.example")), policy: .tlsa, records: [record], host: "mx.a.example", time: noon))
        let days = try await outcomes.days()
        #expect(days.map { "\($0.date) \($0.domain)" } == ["2026-11-29 a.example", "2026-11-29 b.example"])
        let tally = days[0].tally
        let counts = try #require(tally.policies[TLSTally.Policy(.sts, strings: policy.lines)])
        #expect(counts.successes == 3 && counts.failures.count == 1 && counts.failureCount == 2)
        #expect(
            counts.failures.keys.first
                == TLSTally.Failure(.expired, host: "mx.a.example", address: "9.0.0.1", source: "9.0.0.8", reason: "since ??yesterday"))
        #expect(tally.policies.keys.first { $0.type == .tlsa }?.strings == [record.description])
        #expect(days[1].tally.policies[TLSTally.Policy(.none)]?.successes == 1)
        #expect(try await outcomes.days(of: #require(Domain("b.example"))).count == 1)
        #expect(tally.successes == 4 && tally.failureCount == 2)
    }

    @Test("what was written down is added to, by another run too, and a day ends at midnight in UTC")
    func added() async throws {
        for run in 0..<2 {
            let outcomes = TLSOutcomes(store: store, log: log)
            outcomes.record(try observation())
            outcomes.record(try observation(at: Timestamp(rawValue: noon.rawValue + 43_199)))
            outcomes.record(try observation(at: Timestamp(rawValue: noon.rawValue + 43_200)))
            await outcomes.flush()
            let days = try await TLSOutcomes(store: store, log: log).days()
            #expect(days.map { "\($0.date) \($0.tally.successes)" } == ["2026-11-29 \(2 * (run + 1))", "2026-11-30 \(run + 1)"])
        }
    }

    @Test("it ends after three weeks")
    func pruned() async throws {
        let outcomes = TLSOutcomes(store: store, log: log)
        for day in 0..<30 { outcomes.record(try observation(at: Timestamp(rawValue: noon.rawValue - Int64(day) * 86_400))) }
        #expect(try await outcomes.days().count == 30)
        try await outcomes.prune(noon)
        #expect(try await outcomes.days().map(\.date) == (8...29).map { "2026-11-\($0 < 10 ? "0" : "")\($0)" })
    }

    @Test("whatever servers say, and however many domains there are, it is bounded, and nothing is counted twice or lost within")
    func bounded() async throws {
        let outcomes = TLSOutcomes(store: store, log: log)
        for number in 0..<500 {
            outcomes.record(try observation(host: "mx\(number).example", TLSFailure(.notTrusted, String(repeating: "x", count: 5_000) + "\(number)")))
        }
        for number in 0..<20 {
            let record = TLSARecord(usage: 3, selector: 0, matching: 0, data: Array(repeating: UInt8(number), count: 60_000))
            outcomes.record(
                TLSObservation(
                    domain: try #require(Domain("a.example")), policy: .tlsa, records: Array(repeating: record, count: 100), host: "mx", time: noon))
        }
        let tally = try #require(try await outcomes.days().first?.tally)
        #expect(tally.failureCount == 500 && tally.successes == 20 && tally.policies.count <= TLSTally.mostPolicies + 3)
        #expect((TLSTally.mostFailures...TLSTally.mostFailures + 1).contains(tally.policies.values.reduce(0) { $0 + $1.failures.count }))
        #expect(tally.octets.count < 1 << 19 && TLSTally(tally.octets) == tally)
        for number in 0..<(TLSOutcomes.mostDomains + 10) { outcomes.record(try observation("d\(number).example")) }
        await outcomes.flush()
        for number in 0..<10 { outcomes.record(try observation("e\(number).example")) }
        #expect(try await outcomes.days().count == TLSOutcomes.mostDomains)
    }

    @Test("whatever strangers make of it, a day is bounded in octets: details go first, and the counts of who is known stay right")
    func boundedOctets() async throws {
        let outcomes = TLSOutcomes(store: store, log: log)
        for round in 0..<3 {
            for domain in 0..<600 {
                for number in 0..<20 {
                    let reason = String(repeating: "x", count: 190) + "\(round) \(number)"
                    outcomes.record(
                        try observation("d\(domain).example", host: String(repeating: "h", count: 200), TLSFailure(.notTrusted, reason)))
                }
            }
            await outcomes.flush()
            let size = try store.values(in: .transportOutcomes).reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
            #expect(size <= TLSOutcomes.mostDayOctets && size > TLSOutcomes.mostDayOctets / 2)
        }
        let days = try await outcomes.days()
        #expect(days.contains { $0.tally.failureCount == 60 } && days.allSatisfy { $0.tally.failureCount <= 60 })
    }

    @Test("all days together are bounded in octets")
    func boundedDays() async throws {
        let policy = TLSTally.Policy(.sts, strings: Array(repeating: String(repeating: "x", count: 400), count: 5))
        var tally = TLSTally()
        tally.addSuccess(policy)
        let count = TLSOutcomes.mostOctets / (tally.octets.count + 30)
        let octets = tally.octets
        try await store.change((0..<count).map { KeyValueChange(.transportOutcomes, "2026-11-\(10 + $0 % 19) domain\($0).example", octets) })
        let before = try store.values(in: .transportOutcomes).reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
        let outcomes = TLSOutcomes(store: store, log: log)
        for domain in 0..<5_000 { outcomes.record(try observation("d\(domain).example")) }
        await outcomes.flush()
        let after = try store.values(in: .transportOutcomes).reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
        #expect(after <= max(before, TLSOutcomes.mostOctets))
    }

    @Test("a tally reads what it writes, and nothing else")
    func form() {
        var tally = TLSTally()
        tally.addSuccess(TLSTally.Policy(.sts, strings: ["version: STSv1", "mx: a"]), count: 5)
        for kind in TLSFailure.Kind.allCases { tally.add(TLSTally.Failure(kind, host: "mx", reason: "no\tsuch\n"), TLSTally.Policy(.tlsa), count: 3) }
        #expect(TLSTally(tally.octets) == tally)
        #expect(TLSTally([]) == TLSTally())
        for text in [
            "success\t1", "policy\tx", "policy", "policy\tsts\nsuccess\t-1", "policy\tsts\nsuccess\t99999999999999999999", "policy\tsts\nfailure\t1\tx\t\t\t\t",
            "x",
        ] {
            #expect(TLSTally(Array(text.utf8)) == nil, "\(text)")
        }
        for cut in 0..<tally.octets.count { _ = TLSTally(Array(tally.octets[..<cut])) }
    }
}
