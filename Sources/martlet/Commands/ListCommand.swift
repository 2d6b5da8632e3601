import ArgumentParser
import PostOffice

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Manage lists of members.",
        discussion: "Mail to a list's address goes to all its members. Owners lead it by mail: see docs/lists.md.",
        subcommands: [Add.self, List.self, Show.self, Set.self, Remove.self, ListMemberCommand.self])

    struct Name: ParsableArguments {
        @Argument(help: "NAME@DOMAIN, or NAME in the default domain.") var list: String
    }

    /// What a list is like.
    struct Settings: ParsableArguments {
        @Option(help: "Who leads the list, by an address; may be repeated. Those that are named take the place of all before.") var owner: [String] = []
        @Option(help: "What the list is called, in one line.") var name: String?
        @Option(help: "Whose posts go to the members at once: anyone, members or owners.") var posters: String?
        @Option(help: "Posts by others: moderated (an owner decides) or refused.") var others: String?
        @Option(help: "How one joins by mail: confirmed (by an answer to a letter) or closed (the owners are told who asks).") var joining: String?

        func validate() throws {
            func check<Value: RawRepresentable<String> & CaseIterable>(_ type: Value.Type, _ text: String?, _ option: String) throws {
                guard let text, Value(rawValue: text) == nil else { return }
                throw ValidationError("--\(option) is \(Value.allCases.map(\.rawValue).joined(separator: " or ")), not \"\(text)\"")
            }
            try check(MailingList.Posters.self, posters, "posters")
            try check(MailingList.Others.self, others, "others")
            try check(MailingList.Joining.self, joining, "joining")
        }

        var settings: ListSettings {
            ListSettings(name: name, owners: owner.isEmpty ? nil : owner, posters: posters, others: others, joining: joining)
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a list.", discussion: "By itself its members may post, posts by others wait for an owner, and who joins confirms it by mail.")

        @OptionGroup var name: Name
        @OptionGroup var settings: Settings
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if settings.owner.isEmpty { throw ValidationError("say who leads it: --owner ADDRESS") }
        }

        func run() async throws { try await ListCommand.show(.add(address: name.list, settings: settings.settings), options, output) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the lists.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .lists(let lines) = try await Administrator(options).give(.list(order: .list)) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show("\(line.address)\t\(line.members) members\t\(line.name)") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a list is like.")

        @OptionGroup var name: Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await ListCommand.show(.show(address: name.list), options, output) }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change a list.", discussion: "What is not named stays as it is.")

        @OptionGroup var name: Name
        @OptionGroup var settings: Settings
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await ListCommand.show(.set(address: name.list, settings: settings.settings), options, output) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a list with its members.", discussion: "Asks before it does so when a person sits at the terminal.")

        @OptionGroup var name: Name
        @Flag(help: "Do not ask.") var yes = false
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            if !yes, Terminal.isInteractive {
                Terminal.complain("This removes \(name.list) with its members. Type the list's name to go on:")
                guard try Terminal.readLine().map({ String(decoding: $0, as: UTF8.self).trimmed }) == name.list else {
                    throw CommandFault(code: Sysexit.dataError, text: "nothing was removed")
                }
            }
            try await Administrator(options).give(.list(order: .remove(address: name.list)))
            Terminal.show("Removed \(name.list).")
        }
    }

    private static func show(_ order: ListOrder, _ options: ConfigurationOptions, _ output: OutputOptions) async throws {
        guard case .lists(let lines) = try await Administrator(options).give(.list(order: order)), let line = lines.first else { return }
        if output.json { return try Terminal.show(json: line) }
        Terminal.show(
            """
            \(line.address)\(line.name.isEmpty ? "" : "  \(line.name)")
              owners:   \(line.owners.joined(separator: ", "))
              posters:  \(line.posters); others are \(line.others)
              joining:  \(line.joining)
              members:  \(line.members)
              created:  \(line.created)
            """)
    }
}
