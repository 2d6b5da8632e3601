import Metrics
import Transport

/// Counts what one service of HTTP does.
struct WebMetrics: HTTPObserver {
    /// The kind of a status (RFC 9110 §15).
    enum Outcome: MetricLabel {
        case informational, successful, redirection, clientError, serverError

        var words: [String] { ["\(1 + (Outcome.allCases.firstIndex(of: self) ?? 0))xx"] }
    }

    let connections: ConnectionCounts
    /// By `Outcome`, in its order.
    let requests: [Counter]
    let time: Histogram
    let note: @Sendable (Doorkeeper.Refusal) -> Void

    func opened() { connections.opened() }
    func closed() { connections.closed() }
    func refused(_ refusal: Doorkeeper.Refusal) { note(refusal) }

    func answered(_ status: Int, after time: Duration) {
        requests[min(max(status / 100 - 1, 0), requests.count - 1)].add()
        self.time.record(time)
    }
}
