import Conversation
import MailModel
import Rehearsal
import Synchronization
import Testing

@testable import Transport

@Suite("The cache of answers", .timeLimit(.minutes(20)))
struct CachedResolverTests {
    private final class Clock: Sendable {
        private let moment = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { moment.withLock { $0 } }
        func advance(seconds: Int) { moment.withLock { $0 += .seconds(seconds) } }
    }

    /// A resolver whose answers come when a test says so.
    private final class HeldResolver: Resolver {
        private let questions = AsyncStream.makeStream(of: CheckedContinuation<DNSAnswer<[UInt8]>, any Error>.self)
        func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
            try await withCheckedThrowingContinuation { questions.continuation.yield($0) }
        }
        /// The next question.
        func next() async -> CheckedContinuation<DNSAnswer<[UInt8]>, any Error>? {
            for await question in questions.stream { return question }
            return nil
        }
    }

    private let clock = Clock()
    private let names = NameTable()

    private func cache(_ source: (any Resolver)? = nil, most: Int = 1_000, mostOctets: Int = 1 << 20) -> CachedResolver {
        CachedResolver(source ?? names, most: most, mostOctets: mostOctets, now: { [clock] in clock.now })
    }

    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    @Test("an answer is given again while its TTL lasts, with what is left of it, proved or not")
    func ttl() async throws {
        try names.setAddresses(of: "a.example", ["9.0.0.1"], isSecure: true, ttl: 100)
        try names.setAlias("b.example", of: "a.example")
        let cache = cache()
        let name = try domain("b.example")
        #expect(try await cache.addresses(of: name, .ipv4).ttl == 100)
        clock.advance(seconds: 99)
        let answer = try await cache.addresses(of: name, .ipv4)
        #expect(answer.ttl == 1 && answer.isSecure && answer.canonicalName?.value == "a.example" && answer.records.map(\.description) == ["9.0.0.1"])
        #expect(names.asked.count == 1)
        clock.advance(seconds: 1)
        #expect(try await cache.addresses(of: name, .ipv4).ttl == 100)
        #expect(names.asked.count == 2)
    }

    @Test("types and names are told apart")
    func questions() async throws {
        try names.setAddresses(of: "a.example", ["9.0.0.1", "2600::1"])
        try names.setAddresses(of: "b.example", ["9.0.0.2"])
        let cache = cache()
        for _ in 0..<2 {
            #expect(try await cache.addresses(of: domain("a.example"), .ipv4).records.map(\.description) == ["9.0.0.1"])
            #expect(try await cache.addresses(of: domain("a.example"), .ipv6).records.map(\.description) == ["2600::1"])
            #expect(try await cache.addresses(of: domain("b.example"), .ipv4).records.map(\.description) == ["9.0.0.2"])
        }
        #expect(names.asked.count == 3)
    }

    @Test("a denial is kept a quarter of an hour at most, an answer a day, and what may not be kept not at all: RFC 2308 §5")
    func bounds() async throws {
        try names.setDenial(.mx, of: "gone.example", .noSuchName, isSecure: true, ttl: 1_000_000)
        try names.setAddresses(of: "long.example", ["9.0.0.1"], ttl: 10_000_000)
        try names.setAddresses(of: "zero.example", ["9.0.0.1"], ttl: 0)
        let cache = cache()
        func ask() async throws {
            let denial = try await cache.rdata(.mx, of: domain("gone.example"))
            #expect(denial.denial == .noSuchName && denial.isSecure)
            _ = try await cache.rdata(.a, of: domain("long.example"))
            _ = try await cache.rdata(.a, of: domain("zero.example"))
        }
        func count(_ name: String) -> Int { names.asked.count { $0.name.value == name } }
        try await ask()
        clock.advance(seconds: 899)
        try await ask()
        #expect(count("gone.example") == 1 && count("long.example") == 1 && count("zero.example") == 2)
        clock.advance(seconds: 1)
        try await ask()
        #expect(count("gone.example") == 2 && count("long.example") == 1)
        clock.advance(seconds: 86_400)
        try await ask()
        #expect(count("long.example") == 2)
    }

    @Test("a fault is kept five seconds, so that a burst is one question; that the resolver itself is out of order is not kept")
    func faults() async throws {
        let cache = cache()
        for fault in [ResolverFault.failed(code: 2), .timedOut, .bogus("no"), .malformed] {
            try names.setFault(.mx, of: "a.example", fault)
            let before = names.asked.count
            for _ in 0..<3 { await #expect(throws: fault) { _ = try await cache.rdata(.mx, of: domain("a.example")) } }
            #expect(names.asked.count == before + 1)
            clock.advance(seconds: 5)
        }
        try names.setFault(.mx, of: "a.example", .unavailable("closed"))
        let before = names.asked.count
        for _ in 0..<3 { await #expect(throws: ResolverFault.unavailable("closed")) { _ = try await cache.rdata(.mx, of: domain("a.example")) } }
        #expect(names.asked.count == before + 3)
    }

    @Test("one question is asked once, however many wait; who gives up takes nothing from the others")
    func sharing() async throws {
        let held = HeldResolver()
        let cache = cache(held)
        let name = try domain("a.example")
        let first = Task { try await cache.rdata(.a, of: name) }
        let question = try #require(await held.next())
        let others = (0..<50).map { _ in Task { try await cache.rdata(.a, of: name) } }
        first.cancel()
        await #expect(throws: CancellationError.self) { _ = try await first.value }
        for other in others[..<10] { other.cancel() }
        for other in others[..<10] { await #expect(throws: CancellationError.self) { _ = try await other.value } }
        let answer = DNSAnswer<[UInt8]>(records: [[9, 0, 0, 1]], isSecure: true, ttl: 60)
        question.resume(returning: answer)
        for other in others[10...] { #expect(try await other.value == answer) }
        // A second question to the source would never be answered.
        #expect(try await cache.rdata(.a, of: name) == answer)
    }

    @Test("a question that everybody gave up goes on, and its answer is kept")
    func abandoned() async throws {
        let held = HeldResolver()
        let cache = cache(held)
        let name = try domain("a.example")
        let first = Task { try await cache.rdata(.a, of: name) }
        let question = try #require(await held.next())
        first.cancel()
        await #expect(throws: CancellationError.self) { _ = try await first.value }
        let answer = DNSAnswer<[UInt8]>(records: [[9, 0, 0, 1]], isSecure: false, ttl: 60)
        question.resume(returning: answer)
        #expect(try await cache.rdata(.a, of: name) == answer)
    }

    @Test("whoever is cancelled before asking is told so, and nothing is left behind")
    func cancelledBefore() async throws {
        let held = HeldResolver()
        let cache = cache(held)
        let name = try domain("a.example")
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await cache.rdata(.a, of: name)
        }
        await #expect(throws: CancellationError.self) { _ = try await late.value }
        let next = Task { try await cache.rdata(.a, of: name) }
        let answer = DNSAnswer<[UInt8]>(denial: .noRecords, isSecure: false, ttl: 60)
        try #require(await held.next()).resume(returning: answer)
        #expect(try await next.value == answer)
    }

    @Test("a fault is everybody's who waits")
    func sharedFault() async throws {
        let held = HeldResolver()
        let cache = cache(held)
        let name = try domain("a.example")
        let tasks = (0..<5).map { _ in Task { try await cache.rdata(.a, of: name) } }
        try #require(await held.next()).resume(throwing: ResolverFault.timedOut)
        for task in tasks { await #expect(throws: ResolverFault.timedOut) { _ = try await task.value } }
    }

    @Test("memory is bounded by number and octets; what is asked for again stays")
    func memory() {
        func answer(_ octets: Int) -> Result<DNSAnswer<[UInt8]>, ResolverFault> {
            .success(DNSAnswer(records: [[UInt8](repeating: 1, count: octets)], isSecure: false, ttl: 100))
        }
        var memory = AnswerMemory<Int>(most: 100, mostOctets: 1 << 30)
        memory.keep(answer(4), of: -1, for: 100, at: clock.now)
        for index in 0..<10_000 {
            memory.keep(answer(4), of: index, for: 100, at: clock.now)
            #expect(memory.outcome(of: -1, at: clock.now) != nil)
            #expect(memory.count <= 100)
        }
        #expect(memory.outcome(of: 9_999, at: clock.now) != nil && memory.outcome(of: 0, at: clock.now) == nil)
        memory = AnswerMemory<Int>(most: 10_000, mostOctets: 1_000)
        for index in 0..<1_000 { memory.keep(answer(100), of: index, for: 100, at: clock.now) }
        #expect(memory.count <= 10 && memory.outcome(of: 999, at: clock.now) != nil)
        memory.keep(answer(251), of: -1, for: 100, at: clock.now)
        #expect(memory.outcome(of: -1, at: clock.now) == nil)
    }
}
