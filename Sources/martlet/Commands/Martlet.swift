import ArgumentParser
import Dispatch
import Glibc

/// The program's beginning, when there is no other thread yet.
@main
enum Program {
    static func main() {
        // Nothing that this program makes is anybody else's business (S99).
        umask(0o077)
        let start: ServerStart?
        do {
            start = try Martlet.serverStart()
            // What waits for nothing needs no other thread.
            if start == nil, try Martlet.runAtOnce() { exit(0) }
        } catch {
            Martlet.leave(error)
        }
        Task {
            await Martlet.main(start)
            exit(0)
        }
        dispatchMain()
    }
}

/// The program: its subcommands, and what becomes of their faults.
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A complete mail server in one program.",
        discussion: """
            Without a configuration file it runs from the current folder, on 127.0.0.1, with everything it needs made at the \
            first start. `martlet config reference` lists what can be set.
            """,
        version: ProductVersion.text,
        subcommands: [
            Serve.self, Init.self, ConfigCommand.self, DomainCommand.self, AccountCommand.self, AppPasswordCommand.self, TOTPCommand.self, RoleCommand.self,
            BanCommand.self, AliasCommand.self, ListCommand.self, MessageCommand.self, QueueCommand.self, TraceCommand.self, TLSReportCommand.self,
            ReportsCommand.self, DKIMCommand.self, CertificateCommand.self, DNSCommand.self, CheckCommand.self, DoctorCommand.self, MetricsCommand.self,
            Sendmail.self, StoreCommand.self, Version.self,
        ])

    private static var name: String { CommandLine.arguments.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? "" }

    /// What `serve` does before there is another thread; nil for other commands. Throws what keeps it from starting.
    fileprivate static func serverStart() throws -> ServerStart? {
        guard !Sendmail.names.contains(name) else { return nil }
        // try?: what cannot be parsed is told by who parses it to carry it out.
        return try ((try? parseAsRoot()) as? Serve)?.begin()
    }

    /// Carries out a command that waits for nothing; false where it is another. Throws what became of it.
    fileprivate static func runAtOnce() throws -> Bool {
        guard !Sendmail.names.contains(name) else { return false }
        var command = try parseAsRoot()
        if command is any AsyncParsableCommand { return false }
        try command.run()
        return true
    }

    fileprivate static func main(_ start: ServerStart?) async {
        do {
            if let start { return try await start.serve() }
            if Sendmail.names.contains(name) { return try await Sendmail.run(name: name, Array(CommandLine.arguments.dropFirst())) }
            guard var command = try parseAsRoot() as? any AsyncParsableCommand else { return }
            try await command.run()
        } catch {
            leave(error)
        }
    }

    fileprivate static func leave(_ error: any Error) -> Never {
        switch error {
        case let fault as CommandFault: leave(fault)
        case let fault as ConfigurationFault: leave(CommandFault(code: fault.exitCode, text: fault.description))
        case let fault as DataFolderFault: leave(CommandFault(code: fault.exitCode, text: fault.description))
        case let fault as SystemFault: leave(CommandFault(code: Sysexit.ioError, text: fault.description))
        default: exit(withError: error)
        }
    }

    private static func leave(_ fault: CommandFault) -> Never {
        Terminal.complain("martlet: " + fault.text)
        Glibc.exit(fault.code)
    }
}

/// The program's own version.
enum ProductVersion {
    static let number = "0.1.0"
    static let text = "martlet \(number)"
}
