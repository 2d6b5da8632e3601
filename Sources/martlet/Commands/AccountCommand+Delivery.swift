import ArgumentParser

extension AccountCommand {
    struct Forward: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set where an account's mail is sent on to.",
            discussion: """
                Without addresses it shows what is set. What is sent on lies in the account's mailbox too, unless --no-copy says otherwise. Other \
                servers see the sender as an address of this server (SRS), so that SPF does not refuse it.
                """)

        @OptionGroup var account: Name
        @Argument(help: "The addresses that mail is sent on to, instead of those of before.") var targets: [String] = []
        @Flag(name: .customLong("copy"), inversion: .prefixedNo, help: "Keep a copy.") var keepsCopy = true
        @Flag(help: "Send nothing on.") var off = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if off, !targets.isEmpty { throw ValidationError("--off and addresses exclude each other") }
        }

        func run() async throws {
            let administrator = try Administrator(options)
            if off || !targets.isEmpty {
                try await administrator.give(.setForwarding(name: account.name, targets: targets, keepsCopy: off || keepsCopy))
            }
            try await AccountCommand.showDelivery(of: account.name, administrator, output)
        }
    }

    struct Subaddress: AsyncParsableCommand {
        enum Place: String, ExpressibleByArgument {
            case mailbox, inbox
        }

        static let configuration = CommandConfiguration(
            abstract: "Show or set where mail for NAME+DETAIL goes.",
            discussion: "It is NAME's in any case. `mailbox` files it in the mailbox DETAIL, where the account has one.")

        @OptionGroup var account: Name
        @Argument(help: "mailbox or inbox.") var place: Place?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let administrator = try Administrator(options)
            if let place { try await administrator.give(.setSubaddressing(name: account.name, isFiled: place == .mailbox)) }
            try await AccountCommand.showDelivery(of: account.name, administrator, output)
        }
    }

    struct Delegate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set who may send in an account's name.",
            discussion: """
                Without a delegate it shows who may. `--as-owner`: as if the address were the delegate's own. `--on-behalf`: the account is the author (From), and the \
                delegate's own address stands in Sender, for all to see. It gives no right to read: mailboxes are shared by IMAP's SETACL.
                """)

        @OptionGroup var account: Name
        @Argument(help: "Who may, or may no more: NAME@DOMAIN, or NAME in the default domain.") var delegate: String?
        @Flag(help: "On the account's behalf.") var onBehalf = false
        @Flag(help: "As the account itself.") var asOwner = false
        @Flag(help: "Not any more.") var off = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard [onBehalf, asOwner, off].count(where: { $0 }) == (delegate == nil ? 0 : 1) else {
                throw ValidationError("with a delegate one of --on-behalf, --as-owner and --off is given, and none without")
            }
        }

        func run() async throws {
            let order: Order =
                if let delegate {
                    .setDelegate(name: account.name, delegate: delegate, right: off ? nil : asOwner ? "as-owner" : "on-behalf")
                } else {
                    .showDelegates(name: account.name)
                }
            guard case .delegates(let lines) = try await Administrator(options).give(order) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines { Terminal.show("\(line.account)\t\(line.right)") }
        }
    }

    private static func showDelivery(of name: String, _ administrator: Administrator, _ output: OutputOptions) async throws {
        guard case .delivery(let line) = try await administrator.give(.showDelivery(name: name)) else { return }
        if output.json { return try Terminal.show(json: line) }
        let copy = line.keepsCopy ? "a copy is kept" : "no copy is kept"
        Terminal.show("forwards to\t\(line.forwardsTo.isEmpty ? "nobody" : line.forwardsTo.joined(separator: ", ") + " (\(copy))")")
        Terminal.show("\(name)+DETAIL\t\(line.filesByDetail ? "in the mailbox DETAIL, where there is one" : "in INBOX")")
    }
}
