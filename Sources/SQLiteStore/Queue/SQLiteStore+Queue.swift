package import MailModel
package import NIOCore
package import Storage
import Synchronization

// The outgoing queue.
extension SQLiteStore {
    package func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched {
        guard !drafts.isEmpty else { return Dispatched(placed: try await place(body, placements), queued: []) }
        let outgoing = try await prepare(body, placements, queueing: drafts)
        let dispatched = try await writer.submit(bodies: [outgoing]) { transaction, places in
            guard let place = places.first else { throw StorageFault.unavailable("a body without a place") }
            let placed = try transaction.place([Transaction.Delivery(body, outgoing, at: place, placements)])
            return Dispatched(placed: placed, queued: try transaction.queue(body.id, outgoing.holders, drafts))
        }
        outgoing.staged?.ticket.end()
        return dispatched
    }

    package func queue(after id: QueueID?, most: Int) async throws -> [QueueEntry] {
        _ = try known
        return try await readers.run { try $0.queue(from: (id?.rawValue ?? -1) + 1, most: most) }
    }

    package func queued(_ id: QueueID) async throws -> QueueEntry {
        _ = try known
        return try await readers.run { try $0.queued(id) }
    }

    package func read(_ range: Range<Int>?, of entry: QueueID) async throws -> ByteBuffer {
        _ = try known
        return try await readers.run { reader in
            _ = try reader.queued(entry)
            return try reader.read(range, of: entry.body, by: .queue) { try $0.draft(entry).head?.octets ?? [] }
        }
    }

    package func update(_ update: QueueUpdate) async throws -> [Dispatched] {
        let folder = folder
        var bodies: [OutgoingBody] = []
        for notice in update.notices { bodies.append(try await prepare(notice.body, notice.placements, queueing: notice.drafts)) }
        let outgoing = bodies
        let told = try await writer.submit(bodies: outgoing, needsRoom: !outgoing.isEmpty) { try $0.update(update, outgoing, at: $1, folder) }
        for body in outgoing { body.staged?.ticket.end() }
        return told
    }
}

extension HolderShare {
    /// `corrupt` when there is none of that number.
    fileprivate func draft(_ id: QueueID) throws -> QueueDraft {
        guard case .queue(let drafts) = self, let found = drafts.first(where: { $0.number == id.number }) else {
            throw StorageFault.corrupt("queue entry \(id.rawValue): what it says")
        }
        return found.draft
    }
}

extension Transaction {
    /// Makes the queue a holder of the body, which is placed in the same operation.
    fileprivate func queue(_ body: BodyID, _ holders: [HolderBlock.Holder], _ drafts: [QueueDraft]) throws -> [QueueID] {
        guard let holder = holders.first(where: { $0.holder == .queue }) else { throw StorageFault.unavailable("a body without the queue's key") }
        try hold(body, holder, count: Int64(drafts.count))
        noteQueue()
        return try drafts.enumerated().map { number, draft in
            let id = QueueID(body, Int64(number))
            try write("INSERT INTO queue VALUES (?,?,0)", .int(id.rawValue), .int(draft.arrived.rawValue))
            return id
        }
    }

    /// Places the notices, which are checked before anything changes, and then makes the change.
    fileprivate func update(_ update: QueueUpdate, _ outgoing: [OutgoingBody], at places: [BodyPlace], _ folder: BodyFolder) throws -> [Dispatched] {
        guard try connection.number("SELECT 1 FROM queue WHERE id=?", .int(update.entry.rawValue)) != nil else { throw StorageFault.noSuchMessage }
        guard places.count == outgoing.count else { throw StorageFault.unavailable("a body without a place") }
        let told = try place(update.notices, outgoing, at: places)
        switch update.hold {
        case .keep: break
        case .hold(let hold): try write("UPDATE queue SET recovered=? WHERE id=?", .int(Int64(hold.rawValue)), .int(update.entry.rawValue))
        case .release: try write("UPDATE queue SET recovered=0 WHERE id=?", .int(update.entry.rawValue))
        }
        if update.recipients.values.allSatisfy({ $0.phase != .waiting }), !update.recipients.isEmpty { try end(update.entry, folder) }
        return told
    }

    private func place(_ notices: [QueueUpdate.Notice], _ outgoing: [OutgoingBody], at places: [BodyPlace]) throws -> [Dispatched] {
        guard !notices.isEmpty else { return [] }
        let deliveries = try notices.indices.map { try Delivery(notices[$0].body, outgoing[$0], at: places[$0], notices[$0].placements) }
        var placed = try place(deliveries)[...]
        return try zip(notices, outgoing).map { notice, body in
            let own = placed.prefix(notice.placements.count)
            placed = placed.dropFirst(own.count)
            return Dispatched(placed: Array(own), queued: notice.drafts.isEmpty ? [] : try queue(notice.body.id, body.holders, notice.drafts))
        }
    }

    private func end(_ entry: QueueID, _ folder: BodyFolder) throws {
        try write("DELETE FROM queue WHERE id=?", .int(entry.rawValue))
        var release = Release(self, folder)
        try release.letGo(entry.body.rawValue, .queue)
        try release.finish()
        noteQueue()
    }

    /// The catalogue says what is in the queue.
    private func noteQueue() {
        let catalog = catalog
        afterCommit.append { catalog.commits.add(1, ordering: .acquiringAndReleasing) }
    }
}

extension BodyReader {
    private static let entries =
        "SELECT queue.id, queue.recovered, holder.sealed_key, body.size FROM queue LEFT JOIN holder ON holder.body=queue.id>>16 AND holder.account=0 "
        + "LEFT JOIN body ON body.id=queue.id>>16 "

    func queue(from: Int64, most: Int) throws -> [QueueEntry] {
        let statement = try connection.prepare(BodyReader.entries + "WHERE queue.id>=? ORDER BY queue.id LIMIT ?")
        try statement.bind([.int(from), .int(Int64(max(0, most)))])
        defer { statement.reset() }
        var found: [QueueEntry] = []
        var last: (body: BodyID, share: HolderShare)?
        while try statement.step() {
            let id = QueueID(rawValue: statement.int(0))
            // Entries of one body lie together.
            if last?.body != id.body { last = (id.body, try share(statement, id)) }
            if let last { found.append(try entry(statement, id, last.share)) }
        }
        return found
    }

    func queued(_ id: QueueID) throws -> QueueEntry {
        let statement = try connection.prepare(BodyReader.entries + "WHERE queue.id=?")
        try statement.bind([.int(id.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { throw StorageFault.noSuchMessage }
        return try entry(statement, id, share(statement, id))
    }

    private func share(_ row: Statement, _ id: QueueID) throws -> HolderShare {
        guard !row.isNull(2), !row.isNull(3) else { throw StorageFault.corrupt("queue entry \(id.rawValue): its body is not there") }
        return try row.withBlob(2) { try HeldKey.open($0, id.body, for: .queue, under: catalog.queueKey) }.share
    }

    private func entry(_ row: Statement, _ id: QueueID, _ share: HolderShare) throws -> QueueEntry {
        let draft = try share.draft(id)
        let size = Int(try row.int(3, within: IndexRange.size, "queue entry \(id.rawValue): the size of its body"))
        return QueueEntry(
            id: id, body: id.body, size: size + (draft.head?.octets.count ?? 0), draft: draft,
            progress: draft.recipients.map { _ in RecipientProgress(due: draft.notBefore ?? draft.arrived) },
            hold: row.int(1) == 0 ? nil : QueueHold(rawValue: UInt8(clamping: row.int(1))) ?? .recovered)
    }
}
