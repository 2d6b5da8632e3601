import Metrics
import POP3
import Rehearsal
import Testing

@Suite("What the POP3 service counts (S89, S90)")
struct POP3MetricsTests {
    private let registry = MetricRegistry()
    private let security = SecurityCounters()
    private let open = Gauge()
    private let total = Counter()
    private let house: House

    init() async throws {
        let metrics = POP3Metrics(registry, security)
        let counts = ConnectionCounts(open: open, total: total)
        house = try await House { settings in
            settings.metrics = metrics
            settings.connections = counts
        }
    }

    private func shows(_ line: String) -> Bool { registry.text.split(separator: "\n").contains(Substring(line)) }

    @Test("connections, what commands take by class, and what no honest client sends")
    func classes() async throws {
        try await house.deliver("A: b\r\n\r\nx\r\n")
        let talk = await house.visit()
        #expect(open.value == 1 && total.value == 1)
        #expect(await talk.send("LIST\r\n").hasPrefix("+OK"))
        #expect(await talk.send("RETR 1\r\n").hasPrefix("+OK"))
        #expect(await talk.send("RETR many\r\n").hasPrefix("-ERR"))
        #expect(await talk.send("DELE 1\r\nQUIT\r\n").contains("+OK"))
        await talk.hangUp()
        #expect(open.value == 0 && total.value == 1)
        for (name, count) in ["login": 1, "list": 1, "retrieve": 1, "quit": 1] {
            #expect(shows("martlet_pop3_command_seconds_count{class=\"\(name)\"} \(count)"), "\(name)")
        }
        #expect(SecurityEvent.allCases.map { security.count($0) } == [0, 0, 0, 1])
    }

    @Test("errors without end are more than a client may make")
    func errors() async throws {
        let talk = await house.connect()
        while !talk.isClosed { _ = await talk.send("WHAT\r\n") }
        #expect(security.count(.rateLimit) == 1 && security.count(.invalidInput) == 11)
    }
}
