import ArgumentParser
import CLinux

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the mail server until SIGTERM or SIGINT.",
        discussion: """
            SIGHUP reads the certificates again and opens the log file anew. Started by root with the setting `user`, it opens its ports and becomes that \
            user. It takes sockets from systemd, and tells it when it serves (docs/deployment.md).
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws { try await begin().serve() }

    /// Opens what only root may, and becomes who the server shall be. No other thread may run yet: what is said of this one holds for those that it starts, and the
    /// first thread, which others see the process by, has ended when the server serves. Throws what keeps it from starting.
    func begin() throws -> ServerStart {
        // Before anything else is opened: they are told apart by their numbers.
        let inherited = try InheritedSockets.take()
        let notice = ServiceNotice.take()
        var configuration = try options.load(readsCertificates: true)
        clinux_return_large_blocks()
        var sockets = try ListeningSockets(inherited, for: configuration)
        if let user = try ServiceUser.wanted(configuration.machine) {
            try sockets.bind(configuration.listeners)
            try user.become()
            // What is read again while the server runs must be that user's to read: better no start now than no certificate in two months.
            do throws(ConfigurationFault) { configuration = try options.load(readsCertificates: true) } catch {
                throw CommandFault(code: error.exitCode, text: "as user \(user.name): \(error)")
            }
        }
        try configuration.settle()
        return ServerStart(configuration: configuration, sockets: sockets, notice: notice)
    }
}

/// A server that has all but its work.
struct ServerStart: Sendable {
    let configuration: Configuration
    let sockets: ListeningSockets
    let notice: ServiceNotice

    /// Until it is told to stop.
    func serve() async throws { try await ServiceGraph.run(configuration, sockets, notice) }
}
