import ArgumentParser

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check the configuration, show it, or list what can be configured.",
        subcommands: [Check.self, Show.self, Reference.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the configuration as `serve` would, and say whether it is good.",
            discussion: "Exit code 78 and one line that names the place, the key and the remedy when it is not.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let configuration = try options.load(readsCertificates: true)
            try configuration.checkCertificate()
            try configuration.checkHook()
            if let user = configuration.machine.user { _ = try ServiceUser(user, group: configuration.machine.group) }
            let summary = Summary(configuration)
            if output.json { return try Terminal.show(json: summary) }
            Terminal.show("The configuration is good. Data folder: \(summary.data)")
            for listener in summary.listeners {
                Terminal.show("  \(listener.service) on \(listener.address) port \(listener.port)")
            }
            Terminal.show("  Mail to other servers \(summary.outbound ? "is sent" : "is queued and held (outbound.enabled is false)")")
            for route in summary.routes { Terminal.show("  route \(route.name) by \(route.hosts.joined(separator: ", "))") }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key's value, and where it comes from.", discussion: "Keys that have no value are left out, and passwords are in no key.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let values = try options.reader().values().0
            let rows = Setting.all.compactMap { setting in
                values.written(setting).map { Row(key: setting.key, value: $0, origin: values.origin(of: setting).place) }
            }
            if output.json { return try Terminal.show(json: rows) }
            for row in rows { Terminal.show("\(row.key): \(row.value)  # \(row.origin)") }
        }

        private struct Row: Encodable {
            let key: String
            let value: String
            let origin: String
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
        struct Route: Encodable {
            let name: String
            let hosts: [String]
        }
        let data: String
        let hostname: String
        let embedded: Bool
        let listeners: [Listener]
        /// Whether mail to other servers leaves.
        let outbound: Bool
        let routes: [Route]

        init(_ configuration: Configuration) {
            data = configuration.data
            hostname = configuration.hostname.value
            embedded = configuration.isEmbedded
            listeners = configuration.listeners.map {
                Listener(service: $0.service.rawValue, address: $0.address, port: $0.port)
            }
            outbound = configuration.outbound.enabled
            routes = configuration.outbound.routes.map { Route(name: $0.name, hosts: $0.hosts.map { "\($0.name):\($0.port)" }) }
        }
    }
}
