import ArgumentParser
import CLinux

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the mail server until SIGTERM or SIGINT.",
        discussion: "SIGHUP reads the certificates again and opens the log file anew.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let configuration = try options.load()
        clinux_return_large_blocks()
        try await ServiceGraph.run(configuration)
    }
}
