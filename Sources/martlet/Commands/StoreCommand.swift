import ArgumentParser

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Look after the store.",
        subcommands: [Check.self, Compact.self, Status.self, Recover.self, Aside.self, Confirm.self])

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

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that the store is as it should be, and remove what was kept in case it is not.",
            discussion: """
                A new version of the program that changes the index keeps the old one beside it (index.db.schema-N) until this order. \
                With --older-index an index that was put back from before such a change is taken; without, it is refused.
                """)

        @Flag(help: "Take an index that is older than the one this folder had.") var olderIndex = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let answer =
                if olderIndex {
                    try await Administrator(options).acceptOlderIndex()
                } else {
                    try await Administrator(options).give(.confirmStore)
                }
            try StoreCommand.show(answer, json: output.json)
        }
    }

    struct Aside: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the files that starts have set aside, or remove them.",
            discussion: """
                A start never removes a file of mail that the index does not know: it moves it into aside/ in the data folder. \
                See what `store recover` makes of them before they are removed.
                """)

        @Flag(help: "Remove them for good.") var remove = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try StoreCommand.show(try await Administrator(options).give(.asideOfStore(remove: remove)), json: output.json)
        }
    }

    fileprivate static func show(_ answer: OrderResult, json: Bool) throws {
        guard case .report(let report) = answer else { return }
        if json {
            try Terminal.show(json: report)
        } else {
            for count in report.counts { Terminal.show("\(count.name): \(count.value)") }
            for note in report.notes ?? [] { Terminal.show("note: \(note)") }
            for problem in report.problems { Terminal.show("problem: \(problem)") }
        }
        guard report.problems.isEmpty else {
            throw CommandFault(code: Sysexit.dataError, text: "\(report.problems.count) problems found")
        }
    }
}
