import ArgumentParser
import PostOffice

extension QueueCommand {
    /// What commands have that change messages of the queue.
    struct Meant: ParsableArguments {
        @Argument(help: "Numbers of messages, as `martlet queue list` shows them.") var ids: [String] = []
        @Flag(help: "Every message.") var all = false
        @OptionGroup var filter: Filter
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            try QueueCommand.check(ids)
            let isFiltered = try !filter.selection.isAll
            guard ids.isEmpty == (all || isFiltered) else {
                throw ValidationError(ids.isEmpty ? "say which: numbers, a filter or --all" : "numbers go without a filter and without --all")
            }
        }

        /// - parameter done: what is said of them, such as `Held`.
        fileprivate func change(_ action: QueueDesk.Action, _ done: String) async throws {
            let selection = try filter.selection
            var rest = ids[...]
            func order(after: String?) -> Order {
                let some = Array(rest.prefix(QueueDesk.mostActed))
                rest = rest.dropFirst(some.count)
                return .changeQueue(action: action.rawValue, ids: some, selection: selection, after: after)
            }
            var (changed, missing): ([String], [String]) = ([], [])
            try await Administrator(options).converse(order(after: nil)) { answer in
                guard case .queueChanged(let change) = answer else { return nil }
                changed += change.changed
                missing += change.missing
                return rest.isEmpty ? change.next.map { order(after: $0) } : order(after: nil)
            }
            if output.json {
                try Terminal.show(json: QueueChange(changed: changed, missing: missing, next: nil))
            } else {
                Terminal.show("\(done) \(changed.count) message\(changed.count == 1 ? "" : "s").")
            }
            guard missing.isEmpty else { throw CommandFault(code: Sysexit.dataError, text: "not in the queue: \(missing.joined(separator: ", "))") }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try messages now instead of later.", discussion: "One that is held stays so: release it.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.retry, "Due now:") }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep messages back until they are released.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.hold, "Held") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let messages go that are held, for whatever reason.",
            discussion: "Those of a disabled or removed account are held again when their turn comes, as long as the account is so.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.release, "Released") }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take messages back: nobody gets them who has not got them yet, and nobody is told.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.cancel, "Cancelled") }
    }

    struct Bounce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give messages up, and tell their senders.",
            discussion: "By a filter, reports and others without a sender are given up only with --sender '<>'.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.bounce, "Returned") }
    }
}
