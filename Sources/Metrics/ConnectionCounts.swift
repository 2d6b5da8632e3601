/// The connections of one service.
package final class ConnectionCounts: Sendable {
    private let open: Gauge
    private let total: Counter

    package init(open: Gauge = Gauge(), total: Counter = Counter()) {
        self.open = open
        self.total = total
    }

    package func opened() {
        open.add()
        total.add()
    }

    package func closed() { open.add(-1) }
}
