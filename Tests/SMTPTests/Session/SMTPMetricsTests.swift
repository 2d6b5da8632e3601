import Conversation
import Metrics
import Rehearsal
import SMTP
import Testing

@Suite("What the SMTP service counts (S89, S90)")
struct SMTPMetricsTests {
    private let registry = MetricRegistry()
    private let security = SecurityCounters()
    private let metrics: SMTPMetrics
    private let open = Gauge()
    private let total = Counter()

    init() { metrics = SMTPMetrics(registry, security) }

    private func shows(_ line: String) -> Bool { registry.text.split(separator: "\n").contains(Substring(line)) }

    private func furnish(_ settings: inout SMTPSettings) {
        settings.metrics = metrics
        settings.connections = ConnectionCounts(open: open, total: total)
    }

    @Test("connections, what commands take by class, and refusals by stage and reason")
    func conversation() async throws {
        let house = try await House()
        let talk = try await house.talk(change: furnish)
        #expect(open.value == 1 && total.value == 1)
        await house.data(talk)
        #expect(await talk.send("A: b\r\n\r\nx\r\n.\r\n").hasPrefix("250 "))
        _ = await talk.send("MAIL FROM:<sender@remote.example>\r\nRCPT TO:<nobody@example.test>\r\nRCPT TO:<dora@remote.example>\r\n")
        await talk.hangUp()
        #expect(open.value == 0 && total.value == 1)
        #expect(shows("martlet_smtp_command_seconds_count{class=\"envelope\"} 3") && shows("martlet_smtp_command_seconds_count{class=\"delivery\"} 1"))
        #expect(shows("martlet_smtp_command_seconds_count{class=\"login\"} 0"))
        #expect(shows("martlet_smtp_refusals_total{stage=\"recipient\",reason=\"recipient\"} 2"))
        #expect(shows("martlet_smtp_refusals_total{stage=\"sender\",reason=\"author\"} 0"))
        #expect(SecurityEvent.allCases.map { security.count($0) } == [0, 0, 0, 0])
    }

    @Test("a login, and a sender's address that is somebody else's")
    func login() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk(furnish)
        #expect(await talk.send("MAIL FROM:<bob@example.test>\r\n").hasPrefix("5"))
        #expect(shows("martlet_smtp_command_seconds_count{class=\"login\"} 1") && shows("martlet_smtp_refusals_total{stage=\"sender\",reason=\"author\"} 1"))
    }

    @Test(
        "what no honest client sends",
        arguments: [
            ("MAIL FROM:nonsense\r\n", SecurityEvent.invalidInput), ("WHAT\r\n", .invalidInput),
            ("NOOP \(String(repeating: "x", count: 3_000))\r\n", .invalidInput),
            ("NOOP\nQUIT\r\n", .headerInjection),
            ("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nA: b\r\n", .headerInjection),
        ])
    func attacks(_ text: String, _ event: SecurityEvent) async throws {
        let talk = try await House().talk(change: furnish)
        _ = await talk.send(text)
        for kind in SecurityEvent.allCases { #expect(security.count(kind) == (kind == event ? 1 : 0), "\(kind)") }
    }

    @Test("text by which another server would see a second message; and errors without end")
    func others() async throws {
        let house = try await House()
        let talk = try await house.talk(change: furnish)
        await house.data(talk)
        #expect(await talk.send("A: b\r\n\r\nx\r.\r\nQUIT\r\n.\r\n").hasPrefix("5"))
        #expect(security.count(.headerInjection) == 1)
        let other = try await house.talk(change: furnish)
        for _ in 0..<20 { _ = await other.send("RCPT TO:<x>\r\n") }
        #expect(other.isClosed && security.count(.rateLimit) == 1)
    }
}

extension House {
    fileprivate func talk(change: (inout SMTPSettings) throws -> Void) async throws -> Rehearsal<SMTPWorker> { try await talk(.mx, change) }
}
