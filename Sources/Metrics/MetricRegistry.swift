import Synchronization

/// Owns the metrics of a program, and knows what they are called. Each is made once, before what it counts; who makes one with a registry that nobody reads
/// counts for nobody.
///
/// - A name is said once, in lower case with underscores, and ends in the unit (`_seconds`, `_bytes`), of counters in `_total` (https://prometheus.io/docs/practices/naming).
/// - Members of a family are made with it, so that nobody's deeds add one.
package final class MetricRegistry: Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// What is said of a metric, whoever reads it.
    package struct Family: Equatable, Sendable {
        package let name: String
        package let kind: Kind
        /// One line.
        package let help: String
        /// Names of its labels.
        package let labels: [String]
    }

    /// A value that is asked for when somebody reads it.
    package struct Reading: Sendable {
        let words: [String]
        let value: Double

        /// - parameter words: as many as the family has labels.
        package init(_ words: [String] = [], _ value: Double) {
            self.words = words
            self.value = value
        }
    }

    /// A member's value at some time.
    enum Sample: Sendable {
        case number(Double)
        case histogram(Histogram.Contents, Histogram.Buckets)
    }

    struct Entry: Sendable {
        let family: Family
        let read: @Sendable () -> [(words: [String], sample: Sample)]
    }

    /// Members of a family whose values are asked for that are shown.
    private static let mostReadings = 100

    private let made = Mutex<[Entry]>([])
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - parameter now: what histograms take times by.
    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// In the order in which they were made.
    package var families: [Family] { entries.map(\.family) }

    var entries: [Entry] { made.withLock { $0 } }

    package func counter(_ name: String, _ help: String) -> Counter {
        let counter = Counter()
        add(.counter, name, help, []) { [([], .number(Double(counter.value)))] }
        return counter
    }

    /// - parameter labels: as many names as the label has words.
    package func counters<Label: MetricLabel>(
        _ name: String, _ help: String, by labels: String..., of: Label.Type = Label.self
    ) -> Labelled<Label, Counter> {
        let counters = Labelled<Label, Counter> { Counter() }
        add(.counter, name, help, labels) { Label.allCases.map { ($0.words, .number(Double(counters[$0].value))) } }
        return counters
    }

    package func gauge(_ name: String, _ help: String) -> Gauge {
        let gauge = Gauge()
        add(.gauge, name, help, []) { [([], .number(Double(gauge.value)))] }
        return gauge
    }

    package func gauges<Label: MetricLabel>(_ name: String, _ help: String, by labels: String..., of: Label.Type = Label.self) -> Labelled<Label, Gauge> {
        let gauges = Labelled<Label, Gauge> { Gauge() }
        add(.gauge, name, help, labels) { Label.allCases.map { ($0.words, .number(Double(gauges[$0].value))) } }
        return gauges
    }

    package func histogram(_ name: String, _ help: String, _ buckets: Histogram.Buckets = .time) -> Histogram {
        let histogram = Histogram(buckets, now: now)
        add(.histogram, name, help, []) { [([], .histogram(histogram.contents, buckets))] }
        return histogram
    }

    package func histograms<Label: MetricLabel>(
        _ name: String, _ help: String, by labels: String..., of: Label.Type = Label.self, _ buckets: Histogram.Buckets = .time
    ) -> Labelled<Label, Histogram> {
        let now = now
        let histograms = Labelled<Label, Histogram> { Histogram(buckets, now: now) }
        add(.histogram, name, help, labels) { Label.allCases.map { ($0.words, .histogram(histograms[$0].contents, buckets)) } }
        return histograms
    }

    /// A counter or gauge whose values are asked for when somebody reads them. `read` may wait for the system, for as long as reading a file takes; what it does not
    /// know it leaves out.
    package func reading(_ kind: Kind, _ name: String, _ help: String, labels: [String] = [], read: @escaping @Sendable () -> [Reading]) {
        precondition(kind != .histogram, "a histogram is recorded")
        let count = labels.count
        add(kind, name, help, labels) {
            read().prefix(MetricRegistry.mostReadings).filter { $0.words.count == count }.map { ($0.words, .number($0.value)) }
        }
    }

    private func add(
        _ kind: Kind, _ name: String, _ help: String, _ labels: [String], read: @escaping @Sendable () -> [(words: [String], sample: Sample)]
    ) {
        precondition(([name] + labels).allSatisfy(MetricRegistry.isName), "\(name): no name of a metric")
        precondition(name.hasSuffix("_total") == (kind == .counter), "\(name): counters, and no others, end in _total")
        made.withLock { entries in
            precondition(!entries.contains { $0.family.name == name }, "\(name) is made twice")
            entries.append(Entry(family: Family(name: name, kind: kind, help: help, labels: labels), read: read))
        }
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}
