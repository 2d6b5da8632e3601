import Gatehouse
import MailModel
import MemoryStore
import Metrics
import Storage
import Synchronization
import Testing

@Suite("What the Gatehouse counts (S85-S88)")
struct GatehouseMetricsTests {
    private let registry = MetricRegistry()
    private let security: SecurityCounters
    private let metrics: GatehouseMetrics

    init() {
        security = SecurityCounters()
        metrics = GatehouseMetrics(registry, security)
    }

    private func shows(_ line: String) -> Bool { registry.text.split(separator: "\n").contains(Substring(line)) }

    @Test("successes by protocol, failures by protocol and reason, the time they took, and the answers that were held back")
    func logins() async throws {
        let gate = try await Gate(metrics: metrics)
        _ = await gate.verify("alice", over: .imap)
        _ = await gate.verify("alice", over: .imap)
        _ = await gate.verify("alice", "wrong", over: .smtp)
        _ = await gate.verify("nobody", "wrong", over: .smtp)
        try await gate.store.set(enabled: false, of: gate.alice.id)
        _ = await gate.verify("alice", over: .pop3)
        #expect(shows("martlet_login_successes_total{protocol=\"imap\"} 2") && shows("martlet_login_successes_total{protocol=\"smtp\"} 0"))
        #expect(shows("martlet_login_failures_total{protocol=\"smtp\",reason=\"credentials\"} 2"))
        #expect(shows("martlet_login_failures_total{protocol=\"pop3\",reason=\"disabled\"} 1"))
        #expect(shows("martlet_login_failures_total{protocol=\"imap\",reason=\"credentials\"} 0"))
        #expect(shows("martlet_login_seconds_count 5") && shows("martlet_login_seconds_sum 0"))
        #expect(shows("martlet_login_delays_total 3"))
        // Of the second success there was a proof.
        #expect(shows("martlet_password_hash_seconds_count \(gate.keeper.hashCount)") && gate.keeper.hashCount == 4)
    }

    @Test("a store that fails is the server's fault, and who finds no place is told to try later, which is more than they may")
    func others() async throws {
        let gate = try await Gate(metrics: metrics)
        gate.keeper.stop()
        #expect(await gate.verify("alice") == .busy)
        #expect(shows("martlet_login_failures_total{protocol=\"imap\",reason=\"busy\"} 1") && security.count(.rateLimit) == 1)
        gate.store.fail([.accounts], with: .unavailable("the disk is on fire"))
        #expect(await gate.verify("alice") == .busy)
        #expect(shows("martlet_login_failures_total{protocol=\"imap\",reason=\"fault\"} 1") && security.count(.rateLimit) == 1)
    }

    @Test("a user name that can be none is counted by what it looks like")
    func names() async throws {
        let gate = try await Gate(metrics: metrics)
        for name in ["../../etc/passwd", "eve\r\nx", "@@"] { #expect(await gate.verify(name, "x") == .refused) }
        #expect(SecurityEvent.allCases.map { security.count($0) } == [1, 1, 0, 1])
    }

    @Test("who fails most is known by user and by address, of late; and no such name is a metric's")
    func worst() async throws {
        let gate = try await Gate(metrics: metrics)
        for _ in 0..<3 { _ = await gate.verify("mallory", "x") }
        _ = await gate.verify("alice", "x")
        let worst = gate.keeper.worstFailures
        #expect(worst.users.map(\.name) == ["mallory", "alice"] && worst.users.map(\.count) == [3, 1])
        #expect(worst.peers.map(\.name) == ["192.0.2.7"] && worst.peers.map(\.count) == [4] && worst.busyPeers.isEmpty)
        #expect(worst.mostInMinute == 4)
        gate.clock.move(.seconds(60))
        #expect(gate.keeper.worstFailures.mostInMinute == 2 && gate.keeper.worstFailures.peers.map(\.count) == [4])
        gate.clock.move(.seconds(3_600))
        #expect(gate.keeper.worstFailures.mostInMinute == 0 && gate.keeper.worstFailures.users.map(\.count) == [1])
        #expect(!registry.text.contains("mallory") && !registry.text.contains("192.0.2.7"))
    }
}
