import ArgumentParser
import Conversation
import MailModel
import SenderTrust
import Transport

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Run one of the judges by hand, and see the reason for each step.",
        discussion: """
            They ask DNS as the running server does, or whom --resolver names, and change nothing. Exit code 0: it was judged, whatever came of it; 75: what has \
            to be known could not be asked for.
            """,
        subcommands: [SenderPolicy.self, DKIMCheck.self, ARCCheck.self, Authors.self, StrictTransportCheck.self, DANECheck.self])
}

/// The options that all checks have.
struct CheckOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Who is asked for names, instead of those of the configuration.", valueName: "address[:port]"))
    var resolver: String?
    @OptionGroup var configuration: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    /// Runs a check, with who is asked for names; prints what it found.
    ///
    /// Throws `ConfigurationFault`, `CommandFault`, and `ExitCode` where it could not be judged.
    func report(_ check: (Configuration, WatchedResolver) async throws -> CheckReport) async throws {
        let configuration = try self.configuration.load()
        var setting = configuration.names.resolverSetting
        if let resolver {
            setting.forwarders = [try server(resolver)]
            setting.stubs = []
        }
        let source: UnboundResolver
        do { source = try UnboundResolver(setting) } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "names cannot be asked for: \(error)")
        }
        let report: CheckReport
        do { report = try await check(configuration, WatchedResolver(source)) } catch {
            await source.close()
            throw error
        }
        await source.close()
        if output.json {
            try Terminal.show(json: report)
        } else {
            Terminal.show(report.text)
        }
        if report.isUnanswered { throw ExitCode(Sysexit.temporaryFailure) }
    }

    /// What is found of the signatures of the message on standard input.
    func reportSignatures(_ find: (SignatureObserver, any Resolver, Timestamp) async -> [CheckReport.Finding]) async throws {
        let message = try CheckedMessage.read()
        try await report { _, resolver in
            CheckReport(findings: await find(message, resolver, SystemClock.now()), steps: resolver.steps)
        }
    }

    /// `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`
    private func server(_ text: String) throws(CommandFault) -> ResolverSetting.Server {
        if let address = IPAddress(text) { return ResolverSetting.Server(address) }
        if let colon = text.lastIndex(of: ":"), let port = PortText.port(text[text.index(after: colon)...]) {
            var host = text[..<colon]
            let isBracketed = host.first == "[" && host.last == "]"
            if isBracketed { host = host.dropFirst().dropLast() }
            if let address = IPAddress(host), isBracketed == host.contains(":") { return ResolverSetting.Server(address, port: port) }
        }
        throw CommandFault(code: Sysexit.usage, text: "--resolver wants an IP address, or one and a port: 192.0.2.53:5353, [2001:db8::53]:5353")
    }

    /// A domain of the command line, in ASCII.
    static func domain(_ text: String) throws(CommandFault) -> Domain {
        guard let domain = Domain(text), !domain.isLiteral, let ascii = domain.asciiForm else {
            throw CommandFault(code: Sysexit.dataError, text: "\"\(RemoteReply.cleaned(text))\" is no domain name")
        }
        return ascii
    }
}
