import ArgumentParser
import MailModel
import PostOffice

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Look at the mail that is to go out, and manage it.",
        subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Cancel.self, Bounce.self])

    /// Which messages are meant: those for which all that is given holds.
    struct Filter: ParsableArguments {
        @Option(help: "Some recipient in this domain still waits. Of the others nothing is retried, cancelled or bounced.") var domain: String?
        @Option(help: "From this address (<> for reports and others without a sender), or from an account: its bare name.") var sender: String?
        @Option(help: ArgumentHelp("Queued longer ago, such as 30m, 4h or 2d.", valueName: "time")) var olderThan: String?
        @Option(help: "waiting, scheduled, deferred or held.") var state: String?

        func validate() throws {
            if let domain, Domain(domain) == nil { throw ValidationError("\"\(domain)\" is no domain") }
            if let state, QueueState(rawValue: state) == nil { throw ValidationError("\"\(state)\" is not waiting, scheduled, deferred or held") }
            _ = try seconds
        }

        var selection: QueueSelection {
            get throws { QueueSelection(domain: domain, sender: sender, olderThan: try seconds, state: state) }
        }

        private var seconds: Int64? {
            get throws {
                guard let olderThan else { return nil }
                let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
                guard let unit = olderThan.last.flatMap({ units[$0] }), let number = Int64(olderThan.dropLast()), (0...1_000_000).contains(number) else {
                    throw ValidationError("\"\(olderThan)\" is no time such as 30m, 4h or 2d")
                }
                return number * unit
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the messages, oldest first.",
            discussion: "A column NEXT of `now` means that it is due; below a message stands what was said of it last.")

        @OptionGroup var filter: Filter
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let selection = try filter.selection
            var count = 0
            if !output.json { Terminal.show(QueueTable.title) }
            try await Administrator(options).converse(.listQueue(selection: selection, after: nil)) { answer in
                guard case .queue(let page) = answer else { return nil }
                for line in page.lines {
                    if output.json {
                        Terminal.show((count == 0 ? "[" : ",") + (try Terminal.line(json: line)))
                    } else {
                        Terminal.show(QueueTable.row(line))
                    }
                    count += 1
                }
                return page.next.map { .listQueue(selection: selection, after: $0) }
            }
            Terminal.show(output.json ? (count == 0 ? "[]" : "]") : QueueTable.count(count))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a message of the queue with how far it is with each recipient.")

        @Argument(help: "Its number in the list.") var id: String
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try QueueCommand.check([id]) }

        func run() async throws {
            guard case .queued(let line) = try await Administrator(options).give(.showQueued(id: id)) else { return }
            if output.json { return try Terminal.show(json: line) }
            Terminal.show(QueueTable.page(line))
        }
    }

    static func check(_ ids: [String]) throws {
        for id in ids where Int64(id) == nil { throw ValidationError("\"\(id)\" is no number of a message, as `martlet queue list` shows them") }
    }
}
