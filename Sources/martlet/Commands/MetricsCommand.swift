import ArgumentParser

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Show what the running server counts, or list what there is.",
        subcommands: [Show.self, Failures.self, Reference.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print all metrics in Prometheus's text format (0.0.4).")

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            guard case .metrics(let text) = try await Administrator(options).give(.showMetrics) else { return }
            Terminal.show(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        }
    }

    struct Failures: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show whose logins fail most: users, and addresses.",
            discussion: "Of each the hundred that fail most, in the last hour or so: the counts are halved every hour. None of these names is in the metrics.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .loginFailures(let failures) = try await Administrator(options).give(.showLoginFailures) else { return }
            if output.json { return try Terminal.show(json: failures) }
            for (title, lines) in [
                ("Users", failures.users), ("Addresses", failures.addresses), ("Addresses that were told to try later", failures.busyAddresses),
            ] {
                Terminal.show("\(title):\(lines.isEmpty ? " none" : "")")
                for line in lines {
                    let range = line.atLeast < line.count ? "\(line.atLeast) to \(line.count)" : "\(line.count)"
                    Terminal.show("  \(range)  \(line.name)")
                }
            }
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the table of all metrics, in Markdown.")

        func run() { Terminal.show(MetricsReference.markdown) }
    }
}
