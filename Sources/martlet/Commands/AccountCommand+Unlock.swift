import ArgumentParser

extension AccountCommand {
    struct Unlock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an account log in again from where too many wrong passwords came.",
            discussion: "All its failures are forgotten. An address that is banned stays so: see `martlet ban`.")

        @OptionGroup var account: Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .unlocked(let line) = try await Administrator(options).give(.limits(order: .unlock(account: account.name))) else { return }
            if output.json { return try Terminal.show(json: line) }
            let networks = line.networks.isEmpty ? "it was locked nowhere" : "it was locked in \(line.networks.joined(separator: ", "))"
            Terminal.show("Unlocked \(line.account): \(networks).")
        }
    }
}
