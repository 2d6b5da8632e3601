import Metrics
import Testing

@Suite("What is refused as no honest peer does it (S89)")
struct SecurityCountersTests {
    @Test(
        "a name that cannot be one is counted by what it looks like",
        arguments: [
            ("../../etc/passwd", SecurityEvent.pathTraversal), ("a/../b", .pathTraversal), ("..\\boot.ini", .pathTraversal), ("./x", .pathTraversal),
            ("a\r\nBcc: b", .headerInjection), ("a\u{0}", .headerInjection), ("../a\nb", .headerInjection), ("", .invalidInput), ("a..b", .invalidInput),
            ("a/b", .invalidInput), ("..", .invalidInput),
        ])
    func names(_ name: String, _ event: SecurityEvent) {
        let counters = SecurityCounters()
        counters.note(refused: name)
        for kind in SecurityEvent.allCases { #expect(counters.count(kind) == (kind == event ? 1 : 0), "\(kind)") }
    }
}
