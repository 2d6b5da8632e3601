import ArgumentParser
import Glibc

/// The program: its subcommands, and what becomes of their faults.
@main
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
            Serve.self, Init.self, ConfigCommand.self, DomainCommand.self, AccountCommand.self, AliasCommand.self, ListCommand.self, MessageCommand.self,
            QueueCommand.self, TraceCommand.self, TLSReportCommand.self, ReportsCommand.self, DKIMCommand.self, CertificateCommand.self, DNSCommand.self,
            CheckCommand.self, DoctorCommand.self, MetricsCommand.self, Sendmail.self, StoreCommand.self, Version.self,
        ])

    static func main() async {
        // Nothing that this program makes is anybody else's business (S99).
        umask(0o077)
        do {
            let name = CommandLine.arguments.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? ""
            if Sendmail.names.contains(name) { return try await Sendmail.run(name: name, Array(CommandLine.arguments.dropFirst())) }
            var command = try parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch let fault as CommandFault {
            leave(fault)
        } catch let fault as ConfigurationFault {
            leave(CommandFault(code: fault.exitCode, text: fault.description))
        } catch let fault as DataFolderFault {
            leave(CommandFault(code: fault.exitCode, text: fault.description))
        } catch let fault as SystemFault {
            leave(CommandFault(code: Sysexit.ioError, text: fault.description))
        } catch {
            exit(withError: error)
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
