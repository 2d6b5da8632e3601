import ArgumentParser

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Look after the store.", subcommands: [Check.self, Compact.self, Status.self, Recover.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read everything and report what is not as it was stored.",
            discussion: "Exit code 65 when something is wrong.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try StoreCommand.show(try await Administrator(options).give(.checkStore), json: output.json)
        }
    }

    struct Compact: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give the space of removed messages back to the disk.")

        @Flag(help: "Also from files that are mostly alive: more to copy, less disk used.") var all = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try StoreCommand.show(try await Administrator(options).give(.compactStore(all: all)), json: output.json)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how far the search index is.",
            discussion: "Nothing is to be indexed: the indexer is idle.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try StoreCommand.show(try await Administrator(options).give(.storeStatus), json: output.json)
        }
    }

    fileprivate static func show(_ answer: Answer, json: Bool) throws {
        guard case .report(let report) = answer else { return }
        if json {
            try Terminal.show(json: report)
        } else {
            for count in report.counts { Terminal.show("\(count.name): \(count.value)") }
            for problem in report.problems { Terminal.show("problem: \(problem)") }
        }
        guard report.problems.isEmpty else {
            throw CommandFault(code: Sysexit.dataError, text: "\(report.problems.count) problems found")
        }
    }
}
