import ArgumentParser
import Gatehouse
import MailModel

struct BanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban", abstract: "Show and change whom the server lets in at no port.",
        discussion: "Addresses are also banned by themselves, for a while, when too many of their logins fail (auth.ban.failures).",
        subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the bans of now, those by hand first.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .bans(let page) = try await Administrator(options).give(.limits(order: .listBans)) else { return }
            if output.json { return try Terminal.show(json: page.bans) }
            for line in page.bans {
                Terminal.show("\(line.network)\tuntil: \(line.until ?? "removed")\t\(line.origin)\(line.reason.isEmpty ? "" : ": \(line.reason)")")
            }
            if page.count > page.bans.count { Terminal.complain("martlet: \(page.count - page.bans.count) more are not shown") }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close all ports to an address or a network, and end its connections.",
            discussion: "An IPv6 address without a prefix length means its /64. What limits.exempt names, and proxies, are never banned.")

        @Argument(help: "ADDRESS or ADDRESS/PREFIX.") var network: String
        @Option(name: .customLong("for"), help: "How long: a number with s, m, h, d or w behind it, such as 1d. Without it: until it is removed.")
        var time: String?
        @Option(help: "What is shown with it.") var reason = ""
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if Network(network) == nil { throw ValidationError("\"\(network)\" is no address and no network") }
            if let time, BanCommand.seconds(time) == nil { throw ValidationError("\"\(time)\" is no time: a number with s, m, h, d or w behind it") }
            if reason.utf8.count > LoginPenalties.longestReason { throw ValidationError("a reason has at most \(LoginPenalties.longestReason) octets") }
            if reason.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) { throw ValidationError("a reason is one line") }
        }

        func run() async throws {
            try await Administrator(options).give(
                .limits(order: .ban(network: network, seconds: time.flatMap(BanCommand.seconds), reason: reason)))
            if output.json { return try Terminal.show(json: ["banned": network]) }
            Terminal.show("Banned \(network).")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let an address or a network in again.")

        @Argument(help: "As `martlet ban list` shows it.") var network: String
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if Network(network) == nil { throw ValidationError("\"\(network)\" is no address and no network") }
        }

        func run() async throws {
            try await Administrator(options).give(.limits(order: .unban(network: network)))
            if output.json { return try Terminal.show(json: ["removed": network]) }
            Terminal.show("Removed the ban of \(network).")
        }
    }

    /// Nil: no time, or one of more than a hundred years.
    static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), (1...3_155_760_000).contains(number) else { return nil }
        let seconds = number * unit
        return seconds <= 3_155_760_000 ? seconds : nil
    }
}
