import ArgumentParser

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check the configuration, or list what can be configured.",
        subcommands: [Check.self, Reference.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the configuration as `serve` would, and say whether it is good.",
            discussion: "Exit code 78 and one line that names the place, the key and the remedy when it is not.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let configuration = try options.load()
            try configuration.checkCertificate()
            let summary = Summary(configuration)
            if output.json { return try Terminal.show(json: summary) }
            Terminal.show("The configuration is good. Data folder: \(summary.data)")
            for listener in summary.listeners {
                Terminal.show("  \(listener.service) on \(listener.address) port \(listener.port)")
            }
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the table of all keys, in Markdown.")

        func run() { Terminal.show(ConfigurationReference.markdown) }
    }

    /// What a script would want to know of a configuration.
    private struct Summary: Encodable {
        struct Listener: Encodable {
            let service: String
            let address: String
            let port: Int
        }
        let data: String
        let hostname: String
        let embedded: Bool
        let listeners: [Listener]

        init(_ configuration: Configuration) {
            data = configuration.data
            hostname = configuration.hostname.value
            embedded = configuration.isEmbedded
            listeners = configuration.listeners.map {
                Listener(service: $0.service.rawValue, address: $0.address, port: $0.port)
            }
        }
    }
}
