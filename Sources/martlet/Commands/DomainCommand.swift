import ArgumentParser

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Manage the domains that mail is taken for.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take mail for a domain.")

        @Argument(help: "For instance example.org.") var domain: String
        @Option(name: .customLong("alias-of"), help: "A domain that mail is taken for: every address is the same there.") var target: String?
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.addDomain(name: domain, target: target))
            Terminal.show(target.map { "Added \(domain), which stands for \($0)." } ?? "Added \(domain). Next: martlet account add NAME@\(domain)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the domains.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .domains(let lines) = try await Administrator(options).give(.listDomains) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show(line.aliasOf.map { "\(line.name)\tstands for \($0)" } ?? line.name) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take no more mail for a domain; it must have no accounts and aliases left, or stand for another.")

        @Argument var domain: String
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.removeDomain(name: domain))
            Terminal.show("Removed \(domain).")
        }
    }
}
