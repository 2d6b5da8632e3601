import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

// UPDATE (RFC 5267 §4.3): searches that are kept up to date.
extension CommandExecution {
    mutating func update(_ found: [FoundMessage], _ arguments: SearchArguments, _ numbering: Numbering) throws {
        guard let key = try updatable(arguments) else { return }
        context = .kept(UpdatingContext(tag: job.tag, numbering, key, LiveResults(found: found)))
    }

    /// `order`: of the messages that were sorted.
    mutating func update(
        _ sorting: MessageSorting, _ order: [Int], _ criteria: [SortCriterion], _ arguments: SortArguments, _ numbering: Numbering
    ) async throws {
        guard let key = try updatable(arguments.search) else { return }
        let most = Contexts.mostWeight
        guard let results = await offLoop({ LiveResults(sorting, in: order, criteria: criteria, mostWeight: most) }) else {
            context = .refused("Too many messages to keep sorted")
            return
        }
        context = .kept(UpdatingContext(tag: job.tag, numbering, key, results))
    }

    private mutating func updatable(_ arguments: SearchArguments) throws -> SearchKey? {
        // RFC 9738: not all results are known.
        guard lowestProcessed == nil else {
            context = .refused("Not all messages were searched")
            return nil
        }
        guard let key = arguments.key.updatable(in: try selectedView()) else {
            context = .refused("The results of that search change without the messages, or it has too many keys")
            return nil
        }
        return key
    }

    // MARK: Later

    static func run(_ updating: Updating, _ worker: IMAPWorker, _ link: any Link) async -> IMAPOutcome {
        let job = updating.job
        var execution = CommandExecution(job: job, worker: worker, link: link, dialect: job.dialect, view: job.view)
        var updating = updating
        do {
            for updates in updating.untold { try await execution.tell(updates) }
            if !updating.list.isEmpty, !updating.undecided.isEmpty { try await execution.update(&updating) }
        } catch {
            // What cannot be worked out ends: its client must not take old results for new.
            _ = execution.answer(to: error)
            for context in updating.list { execution.end(context) }
            updating.list = []
        }
        return .updated(execution.output, updating)
    }

    private mutating func end(_ context: UpdatingContext) {
        output.writeUntagged(.no("The results are not kept up to date any more", .noUpdate(context.tag)))
    }

    /// Messages that are looked at together.
    private static let updateBatch = 1_024

    private mutating func update(_ updating: inout Updating) async throws {
        let view = try selectedView()
        try mailroom.require([], in: view.mailbox)
        let undecided = updating.undecided
        let rows = try await withRows(of: view) { try view.rows.rows(undecided) }
        for batch in rows.batches(of: CommandExecution.updateBatch) {
            let messages = batch.map { FoundMessage(place: $0.index, row: $0.row) }
            for index in updating.list.indices { try await update(&updating.list[index], messages) }
            // The last ones grew too big.
            while updating.list.reduce(0, { $0 + $1.results.weight }) > Contexts.mostWeight, let last = updating.list.popLast() { end(last) }
            try await flushIfFull()
            await Task.yield()
        }
    }

    private mutating func update(_ context: inout UpdatingContext, _ messages: [FoundMessage]) async throws {
        let view = try selectedView()
        // \Recent may have come to mean other messages.
        let query = try context.key.query(in: view, now: mailroom.now)
        let change = try await mailroom.update(&context.results, of: query, with: messages, in: view.mailbox)
        guard !change.isEmpty else { return }
        let update = try await withRows(of: view) { try ContextUpdate(change, context.numbering, view) }
        output.writeUpdate(update, tag: context.tag, context.numbering)
    }
}
