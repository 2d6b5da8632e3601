import ArgumentParser

struct AliasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Manage addresses that stand for others.",
        discussion: """
            An alias is NAME@DOMAIN, or @DOMAIN for all addresses of the domain that are nobody's (a catch-all). It stands for one address or \
            several, of this server or of others. Who gets mail by an alias may send as it, too.
            """,
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an alias, or add addresses to one.")

        @Argument(help: "NAME@DOMAIN, or @DOMAIN.") var alias: String
        @Argument(help: "The addresses that it stands for.") var targets: [String]
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            guard case .aliases(let lines) = try await Administrator(options).give(.addAlias(name: alias, targets: targets)) else { return }
            for line in lines { Terminal.show("\(line.name) stands for \(line.targets.joined(separator: ", ")).") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the aliases, in order of name.")

        @Option(help: "Only those of this domain.") var domain: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .aliases(let lines) = try await Administrator(options).give(.listAliases(domain: domain)) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines {
                let targets = line.targets.map { line.nobody.contains($0) ? "\($0) (nobody)" : $0 }
                Terminal.show("\(line.name)\t\(targets.joined(separator: ", "))")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove an alias, or take addresses off one.")

        @Argument(help: "NAME@DOMAIN, or @DOMAIN.") var alias: String
        @Argument(help: "The addresses that it stands for no more; none: all of it goes.") var targets: [String] = []
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            guard case .aliases(let lines) = try await Administrator(options).give(.removeAlias(name: alias, targets: targets)) else { return }
            guard let line = lines.first else { return Terminal.show("Removed \(alias).") }
            Terminal.show("\(line.name) stands for \(line.targets.joined(separator: ", ")).")
        }
    }
}
