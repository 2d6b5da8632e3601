import ArgumentParser

struct AccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Manage accounts.",
        subcommands: [
            Add.self, List.self, Enable.self, Disable.self, Unlock.self, Password.self, ForceReset.self, Quota.self, Forward.self, Subaddress.self,
            Delegate.self, Remove.self,
        ])

    /// NAME@DOMAIN, or a bare name of the default domain.
    struct Name: ParsableArguments {
        @Argument(help: "NAME@DOMAIN, or NAME in the default domain.") var name: String
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account.",
            discussion: "Without --password-stdin it gets a random password, which is printed once.")

        @OptionGroup var account: Name
        @OptionGroup var password: PasswordOptions
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let chosen = try password.choose()
            let answer = try await Administrator(options).give(.addAccount(name: account.name, password: chosen.text))
            try chosen.show(of: account.name, "Added", answer, json: output.json)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts, oldest first.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .accounts(let lines) = try await Administrator(options).give(.listAccounts) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines {
                let more = (line.secondFactor ? "\tsecond factor" : "") + (line.mustReset ? "\tpassword to be changed" : "")
                Terminal.show("\(line.name)\t\(line.enabled ? "enabled" : "disabled")\tlast login: \(line.lastLogin ?? "never")\(more)")
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let an account log in again.")

        @OptionGroup var account: Name
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.setEnabled(name: account.name, enabled: true))
            Terminal.show("Enabled \(account.name).")
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an account log in no more, and end its sessions. It still gets mail.")

        @OptionGroup var account: Name
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.setEnabled(name: account.name, enabled: false))
            Terminal.show("Disabled \(account.name).")
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account a new password, and end its sessions.",
            discussion: "Without --password-stdin it gets a random one, which is printed once.")

        @OptionGroup var account: Name
        @OptionGroup var password: PasswordOptions
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let chosen = try password.choose()
            let answer = try await Administrator(options).give(.setPassword(name: account.name, password: chosen.text))
            try chosen.show(of: account.name, "Changed the password of", answer, json: output.json)
        }
    }

    struct ForceReset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an account's password open nothing before it is changed, and end its sessions.",
            discussion:
                "As after a password may have become known. `martlet account password` changes it. App passwords stay good; `martlet app-password` removes them."
        )

        @OptionGroup var account: Name
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.credential(account: account.name, order: .demandReset))
            Terminal.show("The password of \(account.name) opens nothing before it is changed.")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account with all its mail; its key is destroyed.",
            discussion: "Asks before it does so when a person sits at the terminal.")

        @OptionGroup var account: Name
        @Flag(help: "Do not ask.") var yes = false
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            if !yes, Terminal.isInteractive {
                Terminal.complain(
                    "This removes \(account.name) with all its mail for ever. Type the account's name to go on:")
                guard try Terminal.readLine().map({ String(decoding: $0, as: UTF8.self).trimmed }) == account.name else {
                    throw CommandFault(code: Sysexit.dataError, text: "nothing was removed")
                }
            }
            try await Administrator(options).give(.removeAccount(name: account.name))
            Terminal.show("Removed \(account.name).")
        }
    }
}
