import ArgumentParser

struct TOTPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "totp", abstract: "Manage an account's second factor (one-time passwords of an authenticator program).",
        discussion: """
            Once it is on, the account's own password opens no mailbox any more: mail programs log in by app passwords (martlet app-password), which should \
            be made beforehand.
            """,
        subcommands: [Enroll.self, Confirm.self, Show.self, RecoveryCodes.self, Disable.self])

    struct Enroll: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the secret for the authenticator program; nothing is demanded before `confirm`.",
            discussion: "A secret that was not confirmed is forgotten.")

        @OptionGroup var account: AccountCommand.Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        private struct Shown: Encodable {
            let secret: String
            let address: String
        }

        func run() async throws {
            guard case .enrollment(let secret, let address) = try await Administrator(options).give(.credential(account: account.name, order: .enroll))
            else { return }
            if output.json { return try Terminal.show(json: Shown(secret: secret, address: address)) }
            Terminal.show("Secret, for the authenticator program: \(secret)")
            Terminal.show("The same as an address, for one that reads pictures: \(address)")
            Terminal.show("Then: martlet totp confirm \(account.name) CODE")
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show its first code: from now on it is on, and the account's sessions end.", discussion: "Ten recovery codes are shown this once.")

        @OptionGroup var account: AccountCommand.Name
        @Argument(help: "The six digits that the authenticator program shows.") var code: String
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await TOTPCommand.showCodes(.confirm(code: code), of: account.name, options, output) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say whether it is on.")

        @OptionGroup var account: AccountCommand.Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .secondFactor(let line) = try await Administrator(options).give(.credential(account: account.name, order: .secondFactor))
            else { return }
            if output.json { return try Terminal.show(json: line) }
            let state = line.isOn ? "on, recovery codes left: \(line.recoveryCodes)" : line.isPending ? "enrolled, not confirmed" : "off"
            Terminal.show("\(line.account)\t\(state)")
        }
    }

    struct RecoveryCodes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "recovery-codes", abstract: "Make others in the place of all that are left; they are shown this once.")

        @OptionGroup var account: AccountCommand.Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await TOTPCommand.showCodes(.renewRecoveryCodes, of: account.name, options, output) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turn it off: the account's own password is enough again.", discussion: "The way out where program and recovery codes are lost.")

        @OptionGroup var account: AccountCommand.Name
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await Administrator(options).give(.credential(account: account.name, order: .disableSecondFactor))
            Terminal.show("The second factor of \(account.name) is off.")
        }
    }

    private static func showCodes(_ order: CredentialOrder, of name: String, _ options: ConfigurationOptions, _ output: OutputOptions) async throws {
        guard case .recoveryCodes(let codes) = try await Administrator(options).give(.credential(account: name, order: order)) else { return }
        if output.json { return try Terminal.show(json: codes) }
        Terminal.show("Recovery codes, shown this once; each is good once in the place of a code:")
        for code in codes { Terminal.show("  \(code)") }
    }
}
