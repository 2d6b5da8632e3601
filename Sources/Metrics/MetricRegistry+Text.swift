// The text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats).
extension MetricRegistry {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All of them as they are now. It asks the system for some, so it is called on a thread that may wait.
    package var text: String {
        var text = ""
        for entry in entries {
            let family = entry.family
            text += "# HELP \(family.name) \(MetricRegistry.escapedHelp(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for (words, sample) in entry.read() {
                let labels = zip(family.labels, words).map { "\($0)=\"\(MetricRegistry.escaped($1))\"" }
                switch sample {
                case .number(let value): MetricRegistry.write(family.name, labels, value, to: &text)
                case .histogram(let contents, let buckets): MetricRegistry.write(family.name, labels, contents, buckets, to: &text)
                }
            }
        }
        return text
    }

    private static func write(_ name: String, _ labels: [String], _ value: Double, to text: inout String) {
        text += name
        if !labels.isEmpty { text += "{\(labels.joined(separator: ","))}" }
        text += " \(number(value))\n"
    }

    /// Buckets are cumulative; `le` is the upper bound, which belongs to its bucket.
    private static func write(_ name: String, _ labels: [String], _ contents: Histogram.Contents, _ buckets: Histogram.Buckets, to text: inout String) {
        var count = 0
        for (place, bound) in buckets.bounds.enumerated() {
            count += contents.counts[place]
            write("\(name)_bucket", labels + ["le=\"\(number(Double(bound) / buckets.scale))\""], Double(count), to: &text)
        }
        write("\(name)_bucket", labels + ["le=\"+Inf\""], Double(contents.count), to: &text)
        write("\(name)_sum", labels, Double(contents.sum) / buckets.scale, to: &text)
        write("\(name)_count", labels, Double(contents.count), to: &text)
    }

    /// As Go's ParseFloat reads it.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    static func escapedHelp(_ text: String) -> String { text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n") }

    static func escaped(_ word: String) -> String { escapedHelp(word).replacing("\"", with: "\\\"") }
}

// What the program says of them, for its documentation.
extension MetricRegistry {
    /// A table in Markdown.
    package var reference: String {
        var lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
        for family in families {
            lines.append("| `\(family.name)` | \(family.kind.rawValue) | \(family.labels.map { "`\($0)`" }.joined(separator: ", ")) | \(family.help) |")
        }
        return lines.joined(separator: "\n")
    }
}
