import Testing

@testable import Metrics

private enum Colour: MetricLabel {
    case red, green
}

private enum Size: String, MetricLabel {
    case small = "Small"
    case large
}

@Suite("Metrics and their text form")
struct MetricRegistryTests {
    @Test("counters rise, gauges do both, and nobody's names are in the way")
    func numbers() {
        let registry = MetricRegistry()
        let counter = registry.counter("a_total", "How many.")
        let gauge = registry.gauge("b", "How much.")
        counter.add()
        counter.add(41)
        counter.add(-5)
        counter.add(0)
        gauge.add(3)
        gauge.add(-5)
        #expect(counter.value == 42 && gauge.value == -2)
        gauge.set(7)
        #expect(
            registry.text == """
                # HELP a_total How many.
                # TYPE a_total counter
                a_total 42
                # HELP b How much.
                # TYPE b gauge
                b 7

                """)
    }

    @Test("members of a family are there from the beginning, by one label or by two")
    func families() {
        let registry = MetricRegistry()
        let one = registry.counters("a_total", "By colour.", by: "colour", of: Colour.self)
        let two = registry.counters("b_total", "By both.", by: "colour", "size", of: LabelPair<Colour, Size>.self)
        one[.green].add()
        two[LabelPair(.red, .small)].add(2)
        #expect(
            registry.text == """
                # HELP a_total By colour.
                # TYPE a_total counter
                a_total{colour="red"} 0
                a_total{colour="green"} 1
                # HELP b_total By both.
                # TYPE b_total counter
                b_total{colour="red",size="small"} 2
                b_total{colour="red",size="large"} 0
                b_total{colour="green",size="small"} 0
                b_total{colour="green",size="large"} 0

                """)
    }

    @Test("a histogram's buckets are cumulative, a bound belongs to its bucket, and sum and count agree with them")
    func histogram() {
        let registry = MetricRegistry()
        let histogram = registry.histogram("a_bytes", "Sizes.", Histogram.Buckets([10, 100], scale: 1))
        for value in [-3, 0, 10, 11, 100, 101, 5_000] { histogram.record(value) }
        #expect(histogram.contents == Histogram.Contents(counts: [3, 2, 2], sum: 5_222))
        #expect(
            registry.text == """
                # HELP a_bytes Sizes.
                # TYPE a_bytes histogram
                a_bytes_bucket{le="10"} 3
                a_bytes_bucket{le="100"} 5
                a_bytes_bucket{le="+Inf"} 7
                a_bytes_sum 5222
                a_bytes_count 7

                """)
    }

    @Test("times are recorded in nanoseconds and shown in seconds, by the registry's clock")
    func times() {
        let start = ContinuousClock.now
        let clock = HandClock(start)
        let registry = MetricRegistry(now: { clock.now })
        let histograms = registry.histograms("a_seconds", "Times.", by: "colour", of: Colour.self)
        let begin = histograms[.red].begin()
        clock.move(.milliseconds(250))
        histograms[.red].end(begin)
        histograms[.red].record(.seconds(11))
        // Back.
        histograms[.green].record(.seconds(-1))
        let lines = registry.text.split(separator: "\n")
        #expect(lines.contains("a_seconds_bucket{colour=\"red\",le=\"0.1\"} 0"))
        #expect(lines.contains("a_seconds_bucket{colour=\"red\",le=\"0.25\"} 1"))
        #expect(lines.contains("a_seconds_bucket{colour=\"red\",le=\"10\"} 1"))
        #expect(lines.contains("a_seconds_bucket{colour=\"red\",le=\"+Inf\"} 2"))
        #expect(lines.contains("a_seconds_sum{colour=\"red\"} 11.25"))
        #expect(lines.contains("a_seconds_count{colour=\"red\"} 2"))
        #expect(lines.contains("a_seconds_bucket{colour=\"green\",le=\"0.0001\"} 1") && lines.contains("a_seconds_sum{colour=\"green\"} 0"))
    }

    @Test("what is asked for when somebody reads may have no value, and never too many")
    func readings() {
        let registry = MetricRegistry()
        registry.reading(.gauge, "a", "Nothing.") { [] }
        registry.reading(.gauge, "b_seconds", "By name.", labels: ["name"]) {
            [.init(["q\"u\\o\nte"], 0.5), .init(["x"], .nan), .init(["y"], .infinity), .init([], 1)]
        }
        registry.reading(.counter, "c_total", "Many.", labels: ["number"]) { (0..<5_000).map { .init(["\($0)"], Double($0)) } }
        let lines = registry.text.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(7) == [
                "# HELP a Nothing.", "# TYPE a gauge", "# HELP b_seconds By name.", "# TYPE b_seconds gauge", #"b_seconds{name="q\"u\\o\nte"} 0.5"#,
                #"b_seconds{name="x"} NaN"#, #"b_seconds{name="y"} +Inf"#,
            ])
        #expect(lines.count { $0.hasPrefix("c_total{") } == 100)
    }

    @Test("help is one line whatever stands in it, and the table has a row for each family")
    func help() {
        let registry = MetricRegistry()
        _ = registry.counter("a_total", "One\\two\nthree.")
        _ = registry.histograms("b_seconds", "Times.", by: "colour", of: Colour.self)
        #expect(registry.text.hasPrefix("# HELP a_total One\\\\two\\nthree.\n# TYPE"))
        #expect(
            registry.families == [
                .init(name: "a_total", kind: .counter, help: "One\\two\nthree.", labels: []),
                .init(name: "b_seconds", kind: .histogram, help: "Times.", labels: ["colour"]),
            ])
        #expect(registry.reference.hasSuffix("| `b_seconds` | histogram | `colour` | Times. |"))
    }

    @Test("nothing is lost where many count at the same time")
    func together() async {
        let registry = MetricRegistry()
        let counter = registry.counter("a_total", "How many.")
        let histogram = registry.histogram("a_seconds", "Times.")
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    for _ in 0..<2_000 {
                        counter.add()
                        histogram.record(number)
                    }
                }
            }
        }
        #expect(counter.value == 16_000 && histogram.contents.count == 16_000 && histogram.contents.sum == 56_000)
    }
}
