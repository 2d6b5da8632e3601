import ArgumentParser
import MailModel
import SenderTrust

struct DKIMCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dkim", abstract: "Manage the keys that domains sign their mail with (DKIM).",
        discussion: """
            A key is made pending, published in DNS (martlet dns records prints its record), signs when the record is seen there or you say that it is, and \
            retires for a week when its successor signs. See docs/dkim.md.
            """,
        subcommands: [List.self, Show.self, Generate.self, Import.self, Rotate.self, Activate.self, Remove.self])

    /// A domain, and one of its keys.
    struct Key: ParsableArguments {
        @Argument(help: "One of the server's domains.") var domain: String
        @Argument(help: "The key's selector.") var selector: String
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys, with the records they need.")

        @Argument(help: "Of this domain alone.") var domain: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await DKIMCommand.show(.list(domain: domain), options, output) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a key and its record.")

        @OptionGroup var key: Key
        @Flag(help: "Print the private key, in PEM: whoever has it signs as the domain.") var pem = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let administrator = try Administrator(options)
            if pem {
                let answer = try await administrator.give(.signing(order: .export(domain: key.domain, selector: key.selector)))
                guard case .signingSecret(let text) = answer else { return }
                return Terminal.show(text.trimmed)
            }
            guard case .signingKeys(let lines) = try await administrator.give(.signing(order: .list(domain: key.domain))) else { return }
            guard let line = lines.first(where: { $0.selector == key.selector.lowercased() }) else {
                throw CommandFault(code: Sysexit.noUser, text: "there is no key with the selector \(RemoteReply.cleaned(key.selector))")
            }
            if output.json { return try Terminal.show(json: line) }
            Terminal.show(DKIMCommand.words(line) + "\n" + DKIMCommand.record(line))
        }
    }

    static func show(_ order: SigningOrder, _ options: ConfigurationOptions, _ output: OutputOptions, then: String? = nil) async throws {
        guard case .signingKeys(let lines) = try await Administrator(options).give(.signing(order: order)) else { return }
        if output.json { return try Terminal.show(json: lines) }
        for line in lines { Terminal.show(words(line)) }
        if let then { Terminal.show(then) }
    }

    static func words(_ line: SigningKeyLine) -> String {
        let bits = line.algorithm == DKIMAlgorithm.rsaSHA256.rawValue ? line.bits.map { " \($0) bits" } ?? "" : ""
        let tail: String
        switch line.state {
        case "pending": tail = "; it signs when \(line.name) is published"
        case "retiring": tail = "; its record stays until \(line.recordNeededUntil ?? "")"
        case "revoked": tail = "; remove the record \(line.name), or empty its p="
        default: tail = ""
        }
        return "\(line.domain)\t\(line.selector)\t\(line.algorithm)\(bits)\t\(line.state) since \(line.since)\(tail)"
    }

    /// In the form of a zone's file.
    static func record(_ line: SigningKeyLine) -> String { "\(line.name). IN TXT \(TextData.quoted(line.record))" }
}
