import Metrics
import Testing

@testable import martlet

@Suite("All that the program counts")
struct ServerMetricsTests {
    private let metrics = ServerMetrics()

    private func shows(_ line: String) -> Bool { metrics.registry.text.split(separator: "\n").contains(Substring(line)) }

    @Test("the table in docs/metrics.md is what `martlet metrics reference` prints")
    func fresh() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let page = try TextFile.read(root + "/docs/metrics.md")
        let begin = try #require(page.range(of: MetricsReference.begin))
        let end = try #require(page.range(of: MetricsReference.end))
        #expect(String(page[begin.upperBound..<end.lowerBound]).trimmed == MetricsReference.markdown)
    }

    @Test("names are ours or a process's, say their unit, and are explained in a sentence that breaks no table")
    func names() {
        #expect(metrics.registry.families.count > 30)
        for family in metrics.registry.families {
            #expect(family.name.hasPrefix("martlet_") || family.name.hasPrefix("process_"), "\(family.name)")
            if family.kind == .histogram { #expect(family.name.hasSuffix("_seconds") || family.name.hasSuffix("_bytes"), "\(family.name)") }
            #expect(!family.help.contains("|") && !family.help.contains("\n"), "\(family.name)")
            #expect(!["user", "peer", "address", "account", "domain"].contains { family.labels.contains($0) }, "\(family.name)")
        }
    }

    @Test("connections are counted by the door they come by, and those that are not let in by reason; more than one may is a rate's violation")
    func doors() {
        let counts = metrics.connections(at: .init(.imaps))
        for _ in 0..<3 { counts.opened() }
        counts.closed()
        #expect(shows("martlet_open_connections{service=\"imaps\"} 2") && shows("martlet_connections_total{service=\"imaps\"} 3"))
        #expect(shows("martlet_open_connections{service=\"sendmail\"} 0"))
        metrics.note(.tooFast, at: .init(.smtp))
        metrics.note(.tooManyFromAddress, at: .init(.smtp))
        metrics.note(.tooManyConnections, at: .sendmail)
        #expect(shows("martlet_connections_refused_total{service=\"smtp\",reason=\"rate\"} 1"))
        #expect(shows("martlet_connections_refused_total{service=\"smtp\",reason=\"address\"} 1"))
        #expect(shows("martlet_connections_refused_total{service=\"sendmail\",reason=\"full\"} 1"))
        #expect(shows("martlet_security_events_total{event=\"rate_limit\"} 2"))
    }

    @Test("handshakes that come to nothing are counted by the door and by a reason of a list")
    func handshakes() {
        metrics.note(.clientCertificate, at: .init(.imaps))
        metrics.note(.version, at: .init(.smtp))
        #expect(shows("martlet_tls_handshake_failures_total{service=\"imaps\",reason=\"client_certificate\"} 1"))
        #expect(shows("martlet_tls_handshake_failures_total{service=\"smtp\",reason=\"version\"} 1"))
        #expect(shows("martlet_tls_handshake_failures_total{service=\"https\",reason=\"other\"} 0"))
    }

    @Test("what can never count is not there: requests of HTTP at ports of mail, handshakes where there is no TLS")
    func served() {
        metrics.web(.http).answered(301, after: .milliseconds(1))
        #expect(shows("martlet_http_requests_total{service=\"http\",status=\"3xx\"} 1"))
        #expect(shows("martlet_http_requests_total{service=\"https\",status=\"3xx\"} 0"))
        let lines = metrics.registry.text.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("martlet_http_requests_total{") } == 2 * WebMetrics.Outcome.allCases.count)
        let handshakes = lines.filter { $0.hasPrefix("martlet_tls_handshake_failures_total{") }
        #expect(handshakes.allSatisfy { !$0.contains("service=\"http\"") && !$0.contains("service=\"sendmail\"") } && !handshakes.isEmpty)
    }

    @Test("what the system says is there, and what only a running server knows is left out where none runs")
    func readings() {
        let text = metrics.registry.text
        for name in [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_threads",
            "process_start_time_seconds", "martlet_memory_limit_bytes",
        ] { #expect(text.split(separator: "\n").contains { $0.hasPrefix("\(name) ") && !$0.hasSuffix(" 0") }, "\(name)") }
        #expect(shows("martlet_build_info{version=\"\(ProductVersion.number)\"} 1"))
        #expect(text.contains("# TYPE martlet_queue_messages gauge\n") && !text.contains("\nmartlet_queue_messages"))
    }
}
