import ArgumentParser

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Manage the domains that mail is taken for.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take mail for a domain.")

        @Argument(help: "For instance example.org.") var domain: String
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.addDomain(name: domain))
            Terminal.show("Added \(domain). Next: martlet account add NAME@\(domain)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the domains.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .domains(let names) = try await Administrator(options).give(.listDomains) else { return }
            if output.json { return try Terminal.show(json: names) }
            for name in names { Terminal.show(name) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take no more mail for a domain; it must have no accounts left.")

        @Argument var domain: String
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.removeDomain(name: domain))
            Terminal.show("Removed \(domain).")
        }
    }
}
