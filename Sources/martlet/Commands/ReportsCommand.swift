import ArgumentParser
import MailModel
import PostOffice

struct ReportsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports", abstract: "See what other servers report on our domains.",
        discussion: "They write to the addresses that the domain's records name: `martlet dns records` prints them. See docs/reports.md.",
        subcommands: [DMARC.self, TLS.self], defaultSubcommand: DMARC.self)

    /// Of which reports.
    struct Selection: ParsableArguments {
        @Option(help: "Of this domain alone.") var domain: String?
        @Option(help: "Of so many days, with today.") var days = 30
        @Flag(help: "What failed, without the rest.") var failing = false

        func validate() throws {
            if let domain, Domain(domain)?.asciiForm == nil { throw ValidationError("\"\(domain)\" is no domain") }
            guard (1...36_500).contains(days) else { throw ValidationError("--days is a number from 1 to 36500") }
        }
    }

    struct DMARC: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dmarc", abstract: "Mail in our domains' names, by day (UTC), domain, source and verdict (RFC 9990).",
            discussion: """
                The verdict is what the receiver did (none: nothing, though the mail failed; pass; quarantine; reject), and whether DKIM and SPF spoke for the \
                domain. A reporter whose own mail passed DMARC is marked proved; others may be anybody.
                """)

        @OptionGroup var selection: Selection
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ReportsCommand.show(.dmarc, selection, options, output) { report in
                var report = report
                if selection.failing { report.mail = report.mail.filter { $0.dkim != "pass" && $0.spf != "pass" } }
                return report.mail.isEmpty ? nil : report
            }
        }
    }

    struct TLS: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tls", abstract: "TLS of others with our domains' servers, by day (UTC), domain, policy and result (RFC 8460).")

        @OptionGroup var selection: Selection
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ReportsCommand.show(.tls, selection, options, output) { report in
                var report = report
                if selection.failing { report.tls = report.tls.filter { !$0.failure.isEmpty } }
                return report.tls.isEmpty ? nil : report
            }
        }
    }

    /// - parameter part: what of a report is shown; nil: nothing.
    private static func show(
        _ kind: ReportDay.Kind, _ selection: Selection, _ options: ConfigurationOptions, _ output: OutputOptions, _ part: (ReceivedReport) -> ReceivedReport?
    ) async throws {
        func order(skipping count: Int) -> Order { .showReports(kind: kind.rawValue, domain: selection.domain, days: selection.days, skipping: count) }
        var (count, shown) = (0, 0)
        try await Administrator(options).converse(order(skipping: 0)) { answer in
            guard case .reports(let page) = answer else { return nil }
            count += page.reports.count
            for report in page.reports.compactMap(part) {
                if output.json {
                    Terminal.show((shown == 0 ? "[" : ",") + (try Terminal.line(json: report)))
                } else {
                    for line in words(report) { Terminal.show(line) }
                }
                shown += 1
            }
            return page.hasMore ? order(skipping: count) : nil
        }
        if output.json { Terminal.show(shown == 0 ? "[]" : "]") }
    }

    /// A line for each source and verdict. What was said to us does nothing to the terminal: it was cleaned when it came.
    static func words(_ report: ReceivedReport) -> [String] {
        let proof = report.isAuthenticated == true ? "proved" : "not proved"
        let head = "\(report.date)  \(report.domain)"
        let tail = "by \(report.reporter) (\(proof))"
        var lines = report.mail.map { row in
            let author = row.headerFrom == report.domain ? "" : " from \(row.headerFrom)"
            return "\(head)  \(row.source)  \(row.count) messages\(author): \(row.disposition), dkim \(row.dkim), spf \(row.spf)  \(tail)"
        }
        lines += report.tls.map { row in
            let details = [row.host, row.source.isEmpty ? "" : "from \(row.source)", row.reason].filter { !$0.isEmpty }.joined(separator: " ")
            return "\(head)  \(row.policy)  \(row.count) \(row.failure.isEmpty ? "good" : row.failure)\(details.isEmpty ? "" : " (\(details))")  \(tail)"
        }
        if report.leftOut > 0 { lines.append("\(head)  \(report.leftOut) more, by others  \(tail)") }
        return lines
    }
}
