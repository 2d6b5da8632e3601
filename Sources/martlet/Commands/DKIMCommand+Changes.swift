import ArgumentParser
import MailModel
import SenderTrust

extension DKIMCommand {
    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make keys, which wait for their records.", discussion: "One of RSA with 2048 bits and one of Ed25519, if nothing else is said.")

        @Argument(help: "One of the server's domains, or the server's own name, in which it reports.") var domain: String
        @Option(help: "Only a key of this kind: rsa or ed25519.") var algorithm: String?
        @Option(help: "The selector, with --algorithm; by itself the day and the kind.") var selector: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let algorithm, !DKIMAlgorithm.allCases.contains(where: { $0.keyType == algorithm }) {
                throw ValidationError("--algorithm is rsa or ed25519, not \"\(algorithm)\"")
            }
            if selector != nil, algorithm == nil { throw ValidationError("--selector is for one key: say --algorithm rsa or ed25519") }
        }

        func run() async throws {
            let wanted = DKIMAlgorithm.allCases.filter { algorithm == nil || $0.keyType == algorithm }
            try await DKIMCommand.show(
                .generate(domain: domain, algorithms: wanted.map(\.rawValue), selector: selector), options, output,
                then: "Next: publish what martlet dns records \(domain) prints.")
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take over a key from another server, in PEM.",
            discussion: "If its record is published already, it signs within the hour, or at once after martlet dkim rotate.")

        @OptionGroup var key: Key
        @Option(help: ArgumentHelp("Where it is; by itself standard input.", valueName: "file")) var pem: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        /// Octets; the longest key has some three thousand.
        private static let most = 32 << 10

        func run() async throws {
            try await DKIMCommand.show(.importKey(domain: key.domain, selector: key.selector, pem: try text()), options, output)
        }

        private func text() throws(CommandFault) -> String {
            do throws(SystemFault) {
                if let pem { return try TextFile.read(pem) }
                return String(decoding: try Terminal.readAll(most: Self.most), as: UTF8.self)
            } catch {
                throw CommandFault(code: Sysexit.noInput, text: error.description)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let new keys take the place of those that sign, without a gap.",
            discussion: """
                The first time it makes them: publish their records. Called again, it looks for the records and lets those keys sign that have theirs, as \
                the server does by itself once an hour. Where no key waits any more, the next rotation begins.
                """)

        @Argument(help: "One of the server's domains.") var domain: String
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard case .signingRotated(let rotation) = try await Administrator(options).give(.signing(order: .rotate(domain: domain))) else { return }
            if output.json { return try Terminal.show(json: rotation) }
            if rotation.isBlind { Terminal.show("DNS is not asked while outbound.enabled is false; martlet dkim activate lets a key sign.") }
            for sight in rotation.sights {
                Terminal.show("record of \(sight.selector): \(sight.record)\(sight.reason.map { ", " + RemoteReply.cleaned($0) } ?? "")")
            }
            for line in rotation.keys { Terminal.show(DKIMCommand.words(line)) }
            if !rotation.made.isEmpty { Terminal.show("Next: publish what martlet dns records \(domain) prints, and call this again.") }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a key sign at once, because you know that its record is published.",
            discussion: "The key of its kind that signed retires. Others doubt mail whose key they do not find.")

        @OptionGroup var key: Key
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws { try await DKIMCommand.show(.activate(domain: key.domain, selector: key.selector), options, output) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Destroy a key.",
            discussion:
                "What it signed and is still on its way cannot be verified without its record: leave that for a week. Asks when a person sits at the terminal.")

        @OptionGroup var key: Key
        @Flag(help: "Do not ask.") var yes = false
        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            if !yes, Terminal.isInteractive {
                Terminal.complain("This destroys the key \(key.selector) of \(key.domain). Type its selector to go on:")
                guard try Terminal.readLine().map({ String(decoding: $0, as: UTF8.self).trimmed }) == key.selector else {
                    throw CommandFault(code: Sysexit.dataError, text: "nothing was removed")
                }
            }
            let answer = try await Administrator(options).give(.signing(order: .remove(domain: key.domain, selector: key.selector)))
            Terminal.show("Removed \(key.selector) of \(key.domain).")
            if case .signingKeys(let left) = answer, !left.contains(where: { $0.state == "active" }) {
                Terminal.complain("No key of \(key.domain) signs now: its mail goes out unsigned.")
            }
        }
    }
}
