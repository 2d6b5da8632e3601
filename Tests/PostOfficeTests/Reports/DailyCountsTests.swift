import Conversation
import Logging
import MailModel
import MemoryStore
import Storage
import Synchronization
import Testing

@testable import PostOffice

@Suite("Counts by day and domain lose nothing to a store that fails, and nobody's names take the room of the others'")
struct DailyCountsTests {
    /// A store that fails as the test says, and what was asked of it.
    private final class Pairs: KeyValueStore {
        private struct State {
            var failing: Set<String> = []
            var whole = 0
        }
        let store = MemoryStore(clock: { Timestamp(rawValue: 0) })
        private let state = Mutex(State())

        var looks: Int { state.withLock { $0.whole } }

        /// Changes fail that have one of these keys in them.
        func fail(_ keys: Set<String>) { state.withLock { $0.failing = keys } }

        func values(in keyspace: Keyspace) throws -> [String: [UInt8]] {
            state.withLock { $0.whole += 1 }
            return try store.values(in: keyspace)
        }

        func value(of key: String, in keyspace: Keyspace) throws -> [UInt8]? { try store.value(of: key, in: keyspace) }

        func change(_ changes: [KeyValueChange]) async throws {
            guard state.withLock({ state in !changes.contains { state.failing.contains($0.key) } }) else { throw StorageFault.full }
            try await store.change(changes)
        }
    }

    private struct Lines: LogHandler {
        let errors: @Sendable (String) -> Void
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.error
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { errors("\(event.message) \(event.metadata ?? [:])") }
    }

    private final class Errors: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func add(_ line: String) { kept.withLock { $0.append(line) } }
    }

    private let errors = Errors()
    private let pairs = Pairs()
    private var log: Logger { Logger(label: "test") { [errors] _ in Lines(errors: { errors.add($0) }) } }
    /// 2026-11-29T12:00:00Z.
    private let noon = Timestamp(rawValue: 1_795_953_600)
    private let date = "2026-11-29"

    private func counts() -> TLSOutcomes { TLSOutcomes(store: pairs, log: log) }

    private func count(_ domain: String, _ outcomes: TLSOutcomes) throws {
        outcomes.record(TLSObservation(domain: try #require(Domain(domain)), policy: .none, host: "mx", time: noon))
    }

    private func successes(_ outcomes: TLSOutcomes) async throws -> [String: Int] {
        Dictionary(try await outcomes.days().map { ($0.domain.value, $0.tally.successes) }) { first, _ in first }
    }

    @Test("a batch that cannot be written down keeps none of the others back, and is written down with what was counted since, once")
    func failedBatch() async throws {
        let outcomes = counts()
        for number in 0..<500 { try count("d\(number).example", outcomes) }
        pairs.fail(["\(date) d7.example"])
        await outcomes.flush()
        let written = try pairs.store.values(in: .transportOutcomes).count
        #expect(written == 500 - TLSTally.terms.batch || written == 400)
        for number in 0..<500 { try count("d\(number).example", outcomes) }
        await outcomes.flush()
        #expect(try outcomes.domains(on: date).count == pairs.store.values(in: .transportOutcomes).count)
        pairs.fail([])
        await outcomes.flush()
        let found = try await successes(outcomes)
        #expect(found.count == 500 && found.values.allSatisfy { $0 == 2 })
        #expect(try outcomes.domains(on: date).count == 500)
    }

    @Test("a store that cannot be read is not taken for an empty one: what was counted waits, and is added to what is there")
    func unreadableStore() async throws {
        let outcomes = counts()
        try count("a.example", outcomes)
        await outcomes.flush()
        let later = counts()
        try count("a.example", later)
        pairs.store.fail([.pairs], with: .unavailable("x"))
        await later.flush()
        #expect(throws: StorageFault.unavailable("x")) { try later.domains(on: date) }
        pairs.store.fail([.pairs], with: nil)
        #expect(try await successes(later) == ["a.example": 2])
    }

    @Test("a count that cannot be read is never taken for none: it stays as it is, the log names it, and the others are counted")
    func unreadableTally() async throws {
        let damaged = Array("no tally".utf8)
        let day = ReportDay(date: date, domain: try #require(Domain("a.example")))
        try await pairs.store.change([KeyValueChange(.transportOutcomes, "\(date) a.example", damaged)])
        let outcomes = counts()
        try count("a.example", outcomes)
        try count("b.example", outcomes)
        await outcomes.flush()
        #expect(errors.all.contains { $0.contains("\(date) a.example") })
        #expect(try pairs.store.value(of: "\(date) a.example", in: .transportOutcomes) == damaged)
        #expect(throws: UnreadableTally.self) { try outcomes.tally(of: day) }
        #expect(try await successes(outcomes) == ["b.example": 1])
        #expect(try outcomes.domains(on: date).map(\.value) == ["a.example", "b.example"])
    }

    @Test("whoever has names without end below one of his uses up a share, at once or by and by, and those of others are counted")
    func wildcard() async throws {
        let outcomes = counts()
        for round in 0..<3 {
            for number in 0..<2_500 { try count("n\(number).round\(round).stranger.example", outcomes) }
            for number in 0..<2_500 { try count("n\(round)-\(number).stranger.example", outcomes) }
            if round > 0 { await outcomes.flush() }
        }
        for number in 0..<200 { try count("honest\(number).example", outcomes) }
        for number in 0..<200 { try count("n\(number).other.example", outcomes) }
        let domains = try await successes(outcomes).keys
        let share = TLSOutcomes.mostDomains / 5
        #expect(domains.count { $0.hasSuffix("stranger.example") } == share)
        #expect((0..<3).allSatisfy { round in domains.count { $0.hasSuffix(".round\(round).stranger.example") } <= TLSOutcomes.mostDomains / 50 })
        #expect(domains.count { $0.hasPrefix("honest") } == 200 && domains.count { $0.hasSuffix("other.example") } == 200)
    }

    @Test("octets are shared by names as well")
    func wildcardOctets() async throws {
        let outcomes = counts()
        for domain in 0..<400 {
            for number in 0..<20 {
                let reason = String(repeating: "x", count: 190) + "\(number)"
                outcomes.record(
                    TLSObservation(
                        domain: try #require(Domain("d\(domain).stranger.example")), policy: .none, host: String(repeating: "h", count: 200), time: noon,
                        failure: TLSFailure(.notTrusted, reason)))
            }
        }
        await outcomes.flush()
        let size = try pairs.store.values(in: .transportOutcomes).reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
        #expect(size <= TLSOutcomes.mostDayOctets / 4 && size > TLSOutcomes.mostDayOctets / 8)
    }

    @Test("the whole keyspace is looked at once, however often somebody writes down, prunes or asks who was counted")
    func looks() async throws {
        let outcomes = counts()
        for _ in 0..<5 {
            try count("a.example", outcomes)
            await outcomes.flush()
            _ = try outcomes.domains(on: date)
        }
        #expect(pairs.looks == 1)
        for _ in 0..<5 { try await outcomes.prune(noon) }
        #expect(pairs.looks == 2)
        try await outcomes.prune(Timestamp(rawValue: noon.rawValue + 30 * 86_400))
        #expect(pairs.looks == 3)
        #expect(try outcomes.domains(on: date).isEmpty)
    }
}
