import IMAP
import Metrics
import Rehearsal
import Testing

@Suite("What the IMAP service counts (S89, S90)")
struct IMAPMetricsTests {
    private let registry = MetricRegistry()
    private let security = SecurityCounters()
    private let open = Gauge()
    private let total = Counter()
    private let house: House

    init() async throws {
        let metrics = IMAPMetrics(registry, security)
        let counts = ConnectionCounts(open: open, total: total)
        house = try await House { settings in
            settings.metrics = metrics
            settings.connections = counts
        }
    }

    private func shows(_ line: String) -> Bool { registry.text.split(separator: "\n").contains(Substring(line)) }

    @Test("connections, and what commands take by class")
    func classes() async throws {
        let talk = await house.selected()
        #expect(open.value == 1 && total.value == 1)
        #expect(await talk.send("1 APPEND INBOX {10+}\r\nA: b\r\n\r\nx\n\r\n").contains("1 OK"))
        for (tag, command) in [
            "NOOP", "FETCH 1 FLAGS", "UID FETCH 1 UID", "SEARCH ALL", "UID SORT (ARRIVAL) UTF-8 ALL", "STORE 1 +FLAGS (\\Seen)", "COPY 1 Sent", "LIST \"\" *",
            "STATUS INBOX (MESSAGES)", "EXPUNGE",
        ].enumerated() { #expect(await talk.send("c\(tag) \(command)\r\n").contains("c\(tag) OK"), "\(command)") }
        for (name, count) in ["login": 1, "fetch": 2, "search": 2, "change": 2, "append": 1, "other": 4] {
            #expect(shows("martlet_imap_command_seconds_count{class=\"\(name)\"} \(count)"), "\(name)")
        }
        await talk.hangUp()
        #expect(open.value == 0 && total.value == 1)
        #expect(SecurityEvent.allCases.map { security.count($0) } == [0, 0, 0, 0])
    }

    @Test(
        "what no honest client sends",
        arguments: [
            ("x FETCH\r\n", SecurityEvent.invalidInput), ("x WHAT\r\n", .invalidInput), ("\r\n", .invalidInput), ("x CREATE \"a//b\"\r\n", .invalidInput),
        ])
    func attacks(_ text: String, _ event: SecurityEvent) async throws {
        let talk = await house.selected()
        _ = await talk.send(text)
        for kind in SecurityEvent.allCases { #expect(security.count(kind) == (kind == event ? 1 : 0), "\(kind)") }
    }

    @Test("errors without end are more than a client may make")
    func errors() async throws {
        let talk = await house.connect()
        while !talk.isClosed { _ = await talk.send("x WHAT\r\n") }
        #expect(security.count(.rateLimit) == 1 && security.count(.invalidInput) == 11)
    }
}
