import ArgumentParser

extension AccountCommand {
    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set how much an account may hold.",
            discussion: """
                Without a limit it shows what the account holds, and its limits. A limit is a number (of octets with K, M or G behind it), none, \
                or default for what is configured in limits.quota-storage and limits.quota-messages.
                """)

        @OptionGroup var account: Name
        @Option(help: "Octets of mail, such as 2G.") var storage: String?
        @Option(help: "Messages.") var messages: String?
        @Option(help: "Mailboxes.") var mailboxes: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { _ = try limits }

        private var limits: [QuotaLine] {
            get throws {
                try [("STORAGE", storage), ("MESSAGE", messages), ("MAILBOX", mailboxes)].compactMap { resource, text in
                    guard let text else { return nil }
                    return QuotaLine(resource: resource, limit: try limit(text, isSize: resource == "STORAGE"))
                }
            }
        }

        private func limit(_ text: String, isSize: Bool) throws -> Int64? {
            switch text.lowercased() {
            case "default": return nil
            case "none": return 0
            default: break
            }
            let kind: Setting.Kind = isSize ? .octets(1...(1 << 50)) : .number(1...4_000_000_000)
            // try?: a word that means nothing is told below.
            guard case .number(let number)? = try? kind.value(of: text) else {
                throw ValidationError("\"\(text)\" is not \(kind.description), none or default")
            }
            return Int64(number)
        }

        func run() async throws {
            let administrator = try Administrator(options)
            let limits = try limits
            if !limits.isEmpty { try await administrator.give(.setQuota(name: account.name, limits: limits)) }
            guard case .quota(let lines) = try await administrator.give(.showQuota(name: account.name)) else { return }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines {
                Terminal.show("\(line.resource.lowercased())\t\(line.usage ?? 0) of \(line.limit.map { String($0) } ?? "any number")")
            }
        }
    }
}
