import ArgumentParser
import MailModel

struct TLSReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls-report", abstract: "See how TLS with other servers goes; `martlet reports tls` shows what others say of ours.",
        subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List connections to other domains' servers by day (UTC), domain and policy, with what failed.",
            discussion: """
                The policy is what the domain had published: tlsa (DANE), sts (MTA-STS), or nothing. What failed is named as in RFC 8460; where nothing \
                is published, the mail went in clear all the same. It is kept for three weeks.
                """)

        @Option(help: "Of this domain alone.") var domain: String?
        @Flag(help: "What failed, without the rest.") var failing = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let domain, Domain(domain)?.asciiForm == nil { throw ValidationError("\"\(domain)\" is no domain") }
        }

        func run() async throws {
            var count = 0
            var shown = 0
            try await Administrator(options).converse(.showTLSOutcomes(domain: domain, skipping: 0)) { answer in
                guard case .tlsOutcomes(let page) = answer else { return nil }
                count += page.lines.count
                for line in page.lines where !failing || !line.failures.isEmpty {
                    if output.json {
                        Terminal.show((shown == 0 ? "[" : ",") + (try Terminal.line(json: line)))
                    } else {
                        Terminal.show(TLSReportCommand.words(line))
                    }
                    shown += 1
                }
                return page.hasMore ? .showTLSOutcomes(domain: domain, skipping: count) : nil
            }
            if output.json { Terminal.show(shown == 0 ? "[]" : "]") }
        }
    }

    /// What was said to us does nothing to the terminal.
    static func words(_ line: TLSOutcomeLine) -> String {
        let failed = line.failures.reduce(0) { $0 + $1.count }
        var text = "\(line.date)  \(RemoteReply.cleaned(line.domain))  \(line.policy)  \(line.successes) good, \(failed) failed"
        for failure in line.failures {
            text += "\n    \(failure.count) \(failure.result)"
            if let host = failure.host { text += " at \(RemoteReply.cleaned(host))" }
            if let address = failure.address { text += " on \(RemoteReply.cleaned(address))" }
            if let reason = failure.reason { text += ": \(RemoteReply.cleaned(reason))" }
        }
        return text
    }
}
