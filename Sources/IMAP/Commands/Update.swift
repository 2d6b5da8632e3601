import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

// UPDATE (RFC 5267 §4.3): searches that are kept up to date.
extension Errand {
    mutating func update(_ found: [Match], _ arguments: SearchArguments, _ numbering: Numbering) throws {
        guard let key = try updatable(arguments) else { return }
        var members = NumberSet()
        for match in found { members.insert(match.row.uid) }
        context = .kept(UpdatingContext(tag: job.tag, numbering, key, members: members))
    }

    mutating func update(
        _ sorted: [Match], _ order: [Int], _ table: SortTable, _ arguments: SortArguments, _ numbering: Numbering
    ) async throws {
        guard let key = try updatable(arguments.search) else { return }
        guard let members = await offLoop({ Errand.members(sorted, order, table) }) else {
            context = .refused("Too many messages to keep sorted")
            return
        }
        context = .kept(
            UpdatingContext(
                tag: job.tag, numbering, key, criteria: arguments.criteria, members: NumberSet(sorted.lazy.map(\.row.uid)), order: members))
    }

    /// Nil when they are too many.
    private static func members(_ sorted: [Match], _ order: [Int], _ table: SortTable) -> [SortedMember]? {
        var weight = 0
        var members: [SortedMember] = []
        for (match, place) in zip(sorted, order) {
            let member = SortedMember(match.row.uid, key: table.key(at: place))
            weight += member.weight
            guard weight <= Contexts.mostWeight else { return nil }
            members.append(member)
        }
        return members
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
        var errand = Errand(job: job, worker: worker, link: link, dialect: job.dialect, view: job.view)
        var updating = updating
        do {
            for tidings in updating.untold { try await errand.tell(tidings) }
            if !updating.list.isEmpty, !updating.undecided.isEmpty { try await errand.update(&updating) }
        } catch {
            // What cannot be worked out ends: its client must not take old results for new.
            _ = errand.answer(to: error)
            for context in updating.list { errand.end(context) }
            updating.list = []
        }
        return .updated(errand.output, updating)
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
        for batch in rows.batches(of: Errand.updateBatch) {
            let matches = batch.map { Match(number: UInt32(clamping: $0.index + 1), row: $0.row) }
            for index in updating.list.indices { try await update(&updating.list[index], matches) }
            // The last ones grew too big.
            while updating.list.reduce(0, { $0 + $1.weight }) > Contexts.mostWeight, let last = updating.list.popLast() { end(last) }
            try await flushIfFull()
            await Task.yield()
        }
    }

    private mutating func update(_ context: inout UpdatingContext, _ messages: [Match]) async throws {
        let view = try selectedView()
        let found = try await found(among: messages, by: context.key, in: view)
        let new = found.filter { !context.members.contains($0.row.uid) }
        let still = NumberSet(found.lazy.map(\.row.uid))
        let gone = NumberSet(messages.lazy.map(\.row.uid)).intersection(context.members).subtracting(still)
        let members = try await members(new, context.criteria, view)
        let numbering = context.numbering
        let concerned = NumberSet(gone.ranges + members.map { $0.uid...$0.uid })
        let told = try await withRows(of: view) { try view.told(concerned, numbering) }
        let update = context.change(gone: gone, new: members) { told[$0] ?? $0 }
        output.writeUpdate(update, tag: context.tag, numbering)
    }

    private func members(
        _ new: [Match], _ criteria: [SortArguments.Criterion]?, _ view: MailboxView
    ) async throws -> [SortedMember] {
        guard let criteria, !new.isEmpty else { return new.map { SortedMember($0.row.uid) } }
        var table = SortTable(criteria, capacity: new.count)
        for batch in new.batches(of: Errand.sortBatch) { try await Errand.add(batch, to: &table, mailroom, view.mailbox) }
        return new.enumerated().map { SortedMember($1.row.uid, key: table.key(at: $0)) }
    }

    /// O(messages), whatever the mailbox holds.
    private func found(among messages: [Match], by key: SearchKey, in view: MailboxView) async throws -> [Match] {
        let resolved = try await resolved(key, of: NumberSet(messages.lazy.map(\.row.uid)), in: view)
        var program = try await withRows(of: view) { try SearchProgram(key, view, now: mailroom.now, resolved: resolved) }
        // The index is asked for all that it knows: a few messages are read sooner.
        if messages.count > Errand.batch {
            var known: [AccountID: SearchFindings] = [:]
            program = try await program.informed(mailroom, view.mailbox, &known)
        }
        var found: [Match] = []
        var undecided: [Match] = []
        for message in messages {
            switch program.verdict(on: message.row, number: message.number) {
            case .yes: found.append(message)
            case .no: break
            case .unknown: undecided.append(message)
            }
        }
        for batch in undecided.batches(of: Errand.batch) { found += try await decide(Array(batch), program, view) }
        return found
    }
}
