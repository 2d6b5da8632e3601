import ArgumentParser
import MailModel

struct RoleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "role", abstract: "Say who may do what beyond the account that is theirs.",
        discussion: """
            A role is a set of permissions; an account may have several, each over one domain or all of the server. Who has none may do what belongs to their \
            own account. Orders of this command line ask for no role: they need the rights to the data folder. What asks for roles comes with the API; until \
            then they open nothing.
            """,
        subcommands: [List.self, Define.self, Remove.self, Grant.self, Revoke.self, Holders.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the roles with their permissions.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await RoleCommand.show(.list, options, output) }
    }

    struct Define: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a role of your own, or give it other permissions.",
            discussion: "Permissions: \(Permission.allCases.map(\.rawValue).joined(separator: ", ")).")

        @Argument(help: "Lower-case letters, digits and hyphens.") var name: String
        @Argument(help: "What it permits.") var permissions: [String]
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await RoleCommand.show(.define(name: name, permissions: permissions), options, output) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a role of your own that nobody has.")

        @Argument var name: String
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.role(order: .remove(name: name)))
            Terminal.show("Removed the role \(name).")
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an account a role.")

        @OptionGroup var account: AccountCommand.Name
        @Argument(help: "Its name, as `role list` shows it.") var role: String
        @Option(help: "Over this domain alone.") var domain: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await RoleCommand.show(.grant(account: account.name, role: role, domain: domain), options, output) }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a role from an account; it holds for the next thing that it does.")

        @OptionGroup var account: AccountCommand.Name
        @Argument(help: "Its name, as `role list` shows it.") var role: String
        @Option(help: "That over this domain.") var domain: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await RoleCommand.show(.revoke(account: account.name, role: role, domain: domain), options, output) }
    }

    struct Holders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List who has which role.")

        @Argument(help: "Of one account: NAME@DOMAIN, or NAME in the default domain.") var name: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await RoleCommand.show(.grants(account: name), options, output) }
    }

    private static func show(_ order: RoleOrder, _ options: ConfigurationOptions, _ output: OutputOptions) async throws {
        switch try await Administrator(options).give(.role(order: order)) {
        case .roles(let lines):
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show("\(line.name)\t\(line.isBuiltIn ? "built in" : "your own")\t\(line.permissions.joined(separator: ", "))") }
        case .roleGrants(let lines):
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show("\(line.account)\t\(line.role)\t\(line.domain ?? "all")") }
        default: return
        }
    }
}
