import ACME
import ArgumentParser

struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "See certificates, and have them renewed or revoked.",
        discussion: "With acme.enabled a CA issues them and the server renews them by itself. See docs/certificates.md.",
        subcommands: [List.self, Renew.self, PrepareKey.self, Revoke.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the certificates.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await CertificateCommand.show(.list, options, output) }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have one issued now, and wait for it.",
            discussion: """
                What the CA has forbidden until later is not done. The old one stays in use if it comes to nothing. The key stays, unless one was prepared two days ago \
                or longer.
                """)

        @Argument(help: "By what the list calls it; otherwise the first.") var name: String?
        @Flag(help: "With another key: the one that is prepared, or else one that is made now, for which no TLSA record is published yet.") var newKey = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await CertificateCommand.show(.renew(name: name, hasNewKey: newKey), options, output) }
    }

    struct PrepareKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the key that the next certificate will have, so that its TLSA record can be published ahead.",
            discussion: "martlet dns records prints both records then. Where there is one already, that stays. Renewals have it from two days later on.")

        @Argument(help: "By what the list calls it; otherwise the first.") var name: String?
        @Flag(help: "Make another in the place of the one that there is.") var again = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await CertificateCommand.show(.prepareKey(name: name, another: again), options, output) }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take one back at the CA; the server orders the next one at once.",
            discussion: "It stays in use until then. After key-compromise the next one has another key.")

        @Argument(help: "By what the list calls it; otherwise the first.") var name: String?
        @Option(help: "One of \(CertificateOrder.reasons.map(\.name).joined(separator: ", ")).") var reason = "unspecified"
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard CertificateOrder.reasons.contains(where: { $0.name == reason }) else {
                throw ValidationError("--reason is one of \(CertificateOrder.reasons.map(\.name).joined(separator: ", "))")
            }
        }

        func run() async throws { try await CertificateCommand.show(.revoke(name: name, reason: reason), options, output) }
    }

    private static func show(_ order: CertificateOrder, _ options: ConfigurationOptions, _ output: OutputOptions) async throws {
        guard case .certificateLines(let lines) = try await Administrator(options).give(.certificate(order: order)) else { return }
        if output.json { return try Terminal.show(json: lines) }
        for line in lines { Terminal.show(words(line)) }
    }

    /// The first line for a table, and below it what is out of the ordinary.
    static func words(_ line: CertificateLine) -> String {
        var text = "\(line.name)\t\(line.source)\t\(line.state)"
        switch (line.state, line.notBefore, line.notAfter) {
        case (CertificateStatus.State.early.rawValue, let start?, let end?): text += ", from \(start) to \(end)"
        case (CertificateStatus.State.expired.rawValue, _, let end?): text += " at \(end)"
        case (CertificateStatus.State.revoked.rawValue, _, let end?): text += ", made for until \(end)"
        case (_, _, let end?): text += " until \(end)"
        default: break
        }
        if let renewal = line.renewal { text += ", to be renewed \(renewal)" }
        if let issuer = line.issuer { text += "\tby \(issuer)" }
        if line.names.count > 1 { text += "\n  names: " + line.names.joined(separator: ", ") }
        if let digest = line.publicKeyDigest { text += "\n  TLSA: 3 1 1 \(digest)" }
        if let digest = line.nextPublicKeyDigest { text += "\n  TLSA of the next key: 3 1 1 \(digest)" }
        for name in line.omitted {
            text += "\n  not for \(name.name)\(name.reason.map { ": " + $0 } ?? "")\(name.until.map { "; tried again from \($0)" } ?? "")"
        }
        if let fault = line.fault { text += "\n  \(fault)\(line.heldUntil.map { "; tried again from \($0)" } ?? "")" }
        return text
    }
}
