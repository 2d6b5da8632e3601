/// What is refused as no honest peer does it, or no more than it may.
package enum SecurityEvent: MetricLabel {
    /// A name that would lead through folders, were it a path.
    case pathTraversal
    /// A line end or NUL where it would begin another line, field or message.
    case headerInjection
    /// More connections, logins, errors or mail than somebody may.
    case rateLimit
    /// What the grammar does not know.
    case invalidInput

    package var words: [String] {
        switch self {
        case .pathTraversal: ["path_traversal"]
        case .headerInjection: ["header_injection"]
        case .rateLimit: ["rate_limit"]
        case .invalidInput: ["invalid_input"]
        }
    }
}

/// Counts them, whatever face they come to (S89).
package final class SecurityCounters: Sendable {
    private let events: Labelled<SecurityEvent, Counter>

    package init(_ registry: MetricRegistry = MetricRegistry()) {
        events = registry.counters(
            "martlet_security_events_total",
            "What was refused, by what it looks like: path_traversal, header_injection, rate_limit (connections, logins, errors, mail), invalid_input.",
            by: "event")
    }

    package func note(_ event: SecurityEvent) { events[event].add() }

    package func count(_ event: SecurityEvent) -> Int { events[event].value }

    /// A name that cannot be one.
    package func note(refused name: String) {
        if name.utf8.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) { return note(.headerInjection) }
        let levels = name.utf8.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        note(levels.count > 1 && levels.contains { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) } ? .pathTraversal : .invalidInput)
    }
}
