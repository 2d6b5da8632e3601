/// The table of all metrics in Markdown, as `docs/metrics.md` has it.
enum MetricsReference {
    static let begin = "<!-- metrics: made by `martlet metrics reference` -->"
    static let end = "<!-- end of metrics -->"

    static var markdown: String { ServerMetrics().registry.reference }
}
