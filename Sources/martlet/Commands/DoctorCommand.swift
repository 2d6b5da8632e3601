import ArgumentParser
import Glibc
import MailModel

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look at everything that mail needs here and in the world, and say what to mend.",
        discussion: """
            DNS records, addresses and their names, certificate, ports, disk, clock, queue and store, as an expert would look at them; each finding with its \
            fix. It asks name servers and connects to this server's own ports; to nobody else, but with --reach. It writes 8 MiB into the data folder and \
            removes them. Exit code 0: nothing worse than advice; 1: a warning; 2: an error.
            """)

    @Option(
        help: ArgumentHelp(
            "A mail server elsewhere that is tried, whether this machine may send at all; its port is 25 if none is given.", valueName: "host[:port]"))
    var reach: String?
    @Option(help: ArgumentHelp("What all checks together may take.", valueName: "seconds"))
    var deadline = 60
    @Flag(help: "List all that can be found, in Markdown, and look at nothing.") var list = false
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        if list { return Terminal.show(FindingReference.markdown) }
        guard (1...86_400).contains(deadline) else { throw CommandFault(code: Sysexit.usage, text: "--deadline is a number of seconds from 1 to 86400") }
        let configuration = try options.load()
        let seconds = deadline
        let examination = Examination(configuration: configuration, target: try target()) {
            // try?: cancelled, when all checks are made.
            try? await Task.sleep(for: .seconds(seconds))
        }
        let report = try await examination.report()
        if output.json {
            try Terminal.show(json: report)
        } else {
            Terminal.show(report.text(isColoured: Terminal.isColoured))
        }
        // What is still under way, a look at all of a large store for instance, is left behind: it only reads.
        Glibc.exit(report.exitCode)
    }

    private func target() throws -> Examination.Target? {
        guard let reach else { return nil }
        if let address = IPAddress(reach) { return Examination.Target(place: .address(address), port: 25) }
        let parts = reach.split(separator: ":", omittingEmptySubsequences: false)
        let port = parts.count == 2 ? PortText.port(parts[1]) : 25
        guard parts.count <= 2, let port, let host = Domain(parts[0])?.asciiForm, !host.isLiteral else {
            throw CommandFault(code: Sysexit.usage, text: "--reach wants a host, or a host and a port: mx.example.net:25")
        }
        return Examination.Target(place: IPAddress(host.value).map { .address($0) } ?? .host(host), port: port)
    }
}
