import Logging
import MailModel
import Synchronization
import Testing

@testable import WebAPI

/// A check that a test holds back.
private final class Gate: Sendable {
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
    let begun = Mutex(0)
    private let arrivals = AsyncStream.makeStream(of: Void.self)

    func pass() async {
        begun.withLock { $0 += 1 }
        await withCheckedContinuation { continuation in
            waiting.withLock { $0.append(continuation) }
            arrivals.continuation.yield()
        }
    }

    /// Returns when somebody waits.
    func arrival() async { for await _ in arrivals.stream { return } }

    func open() {
        waiting.withLock { waiting in
            waiting.forEach { $0.resume() }
            waiting = []
        }
    }
}

@Suite("Whether the server can do its work")
struct ReadinessTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// - parameter pause: by default no time ever passes.
    private func readiness(
        _ checks: [HealthCheck], clock: @escaping Timestamp.Clock = { noon }, pause: @escaping @Sendable (Duration) async -> Void = ReadinessTests.never
    ) -> Readiness {
        Readiness(checks, clock: clock, pause: pause, log: log)
    }

    @Sendable private static func never(_ time: Duration) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        continuation.finish()
    }

    @Test("each check is said for itself; one that throws fails")
    func outcomes() async throws {
        let readiness = readiness([HealthCheck("store") {}, HealthCheck("queue") { throw Unknown() }])
        #expect(await readiness.outcomes() == [.ok, .failing])
        let reply = try #require(try await Asker(HealthPages(readiness).routes).ask("GET", "/health/ready"))
        #expect(reply.status == 503)
        #expect(reply.text == "{\"status\":\"failing\",\"checks\":{\"store\":\"ok\",\"queue\":\"failing\"}}\n")
        #expect(reply.fields.only("content-type") == "application/json" && reply.fields.only("cache-control") == "no-store")
    }

    @Test("all is well", arguments: ["/health", "/health/ready"])
    func well(_ path: String) async throws {
        let readiness = readiness([HealthCheck("store") {}])
        let reply = try #require(try await Asker(HealthPages(readiness).routes).ask("GET", path))
        #expect(reply.status == 200 && reply.text == "{\"status\":\"ok\",\"checks\":{\"store\":\"ok\"}}\n")
    }

    @Test("that the program answers hangs on no check")
    func live() async throws {
        let asker = Asker(HealthPages(readiness([HealthCheck("store") { throw Unknown() }])).routes)
        #expect(try await asker.ask("GET", "/health/live")?.status == 200)
    }

    @Test("in one second it is looked at once, in the next again")
    func flood() async {
        let now = Mutex(noon)
        let count = Mutex(0)
        let readiness = readiness([HealthCheck("store") { count.withLock { $0 += 1 } }], clock: { now.withLock { $0 } })
        for _ in 0..<100 { #expect(await readiness.outcomes() == [.ok]) }
        #expect(count.withLock { $0 } == 1)
        now.withLock { $0 = Timestamp(rawValue: $0.rawValue + 1) }
        _ = await readiness.outcomes()
        #expect(count.withLock { $0 } == 2)
    }

    @Test("a check that hangs is late, is begun no second time until it ends, and is not waited for again")
    func hanging() async {
        let now = Mutex(noon)
        let gate = Gate()
        let readiness = readiness([HealthCheck("disk") { await gate.pass() }], clock: { now.withLock { $0 } }, pause: { _ in await gate.arrival() })
        #expect(await readiness.outcomes() == [.late])
        now.withLock { $0 = Timestamp(rawValue: $0.rawValue + 5) }
        #expect(await readiness.outcomes() == [.late])
        #expect(gate.begun.withLock { $0 } == 1)
        gate.open()
    }

    @Test("a hundred at once are one look")
    func together() async {
        let count = Mutex(0)
        let readiness = readiness([HealthCheck("store") { count.withLock { $0 += 1 } }])
        await withTaskGroup { group in
            for _ in 0..<100 { group.addTask { await readiness.outcomes() } }
            for await outcomes in group { #expect(outcomes == [.ok]) }
        }
        #expect(count.withLock { $0 } == 1)
    }
}
