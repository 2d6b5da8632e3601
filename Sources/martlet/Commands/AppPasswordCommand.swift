import ArgumentParser

struct AppPasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-password", abstract: "Manage passwords for one program of an account each.",
        discussion: """
            An app password opens what it was made for in the place of the account's own password: a phone that is lost is shut out by removing its. With a \
            second factor (martlet totp) mail programs log in by nothing else.
            """,
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make one; it is shown this once.")

        @OptionGroup var account: AccountCommand.Name
        @Argument(help: "What it is called, as the program or the machine it is for.") var label: String
        @Option(name: .customLong("protocol"), help: "For \(CredentialOrder.protocols.map(\.name).joined(separator: ", ")) alone; may be given several times.")
        var protocols: [String] = []
        @Option(name: .customLong("network"), help: "From this network alone, as 192.0.2.0/24; may be given several times.") var networks: [String] = []
        @Option(help: "It is good for so many days.") var days: Int?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        private struct Shown: Encodable {
            let appPassword: AppPasswordLine
            let secret: String
        }

        func validate() throws {
            let known = CredentialOrder.protocols.map(\.name)
            guard protocols.allSatisfy(known.contains) else { throw ValidationError("--protocol is one of \(known.joined(separator: ", "))") }
            if let days, !(1...36_500).contains(days) { throw ValidationError("--days is a number from 1 to 36500") }
        }

        func run() async throws {
            let expires = days.map { SystemClock.now().rawValue + Int64($0) * 86_400 }
            let order = CredentialOrder.addAppPassword(
                label: label, protocols: protocols.isEmpty ? nil : protocols, networks: networks.isEmpty ? nil : networks.joined(separator: ", "),
                expires: expires)
            guard case .appPasswordMade(let line, let secret) = try await Administrator(options).give(.credential(account: account.name, order: order))
            else { return }
            if output.json { return try Terminal.show(json: Shown(appPassword: line, secret: secret)) }
            Terminal.show("Made \(AppPasswordCommand.words(line))")
            Terminal.show("The password, shown this once: \(secret)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List an account's, oldest first.")

        @OptionGroup var account: AccountCommand.Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .appPasswords(let lines) = try await Administrator(options).give(.credential(account: account.name, order: .appPasswords))
            else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show(AppPasswordCommand.words(line)) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove one; the sessions that it opened end.")

        @OptionGroup var account: AccountCommand.Name
        @Argument(help: "Its id, as the list shows it.") var id: String
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.credential(account: account.name, order: .removeAppPassword(id: id)))
            Terminal.show("Removed \(id).")
        }
    }

    static func words(_ line: AppPasswordLine) -> String {
        var text = "\(line.id)\t\(line.label)\t\(line.protocols?.joined(separator: ", ") ?? "all protocols")\tfrom \(line.networks ?? "everywhere")"
        text += "\t" + (line.expires.map { "until \($0)" } ?? "without end")
        text += "\tlast use: " + (line.lastUse.map { "\($0.time) by \($0.over) from \($0.peer)" } ?? "never")
        return text
    }
}
