package import MailModel
package import NIOCore
package import Storage

// The outgoing queue.
extension SQLiteStore {
    /// The queue's key may be destroyed between the sealing of an entry and its commit.
    private static let triesWithKeys = 8

    package func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched {
        guard !drafts.isEmpty else { return Dispatched(placed: try await place(body, placements), queued: []) }
        let notices = [QueueUpdate.Notice(body: body, placements: placements, drafts: drafts)]
        let dispatched = try await submit(notices) { try $0.place(notices, $1, at: $2) }
        guard let first = dispatched.first else { throw StorageFault.unavailable("a body without a place") }
        return first
    }

    package func queue(after id: QueueID?, most: Int) async throws -> [QueueEntry] {
        _ = try known
        return try await readers.run { try $0.queue(from: (id?.rawValue ?? -1) + 1, most: most) }
    }

    package func queued(_ id: QueueID) async throws -> QueueEntry {
        _ = try known
        return try await readers.run { try $0.queued(id) }
    }

    package func queued(_ id: QueueID, withText most: Int) async throws -> (entry: QueueEntry, text: ByteBuffer?) {
        _ = try known
        return try await readers.run { try $0.queued(id, withText: most) }
    }

    package func read(_ range: Range<Int>?, of entry: QueueID) async throws -> ByteBuffer {
        _ = try known
        return try await readers.run { reader in
            guard try reader.connection.number("SELECT 1 FROM queue WHERE id=?", .int(entry.rawValue)) != nil else { throw StorageFault.noSuchMessage }
            return try reader.read(range, of: entry.body, by: .queue) { try $0.draft(entry).head?.octets ?? [] }
        }
    }

    package func update(_ update: QueueUpdate) async throws -> [Dispatched] {
        let (folder, keys) = (folder, keys)
        return try await submit(update.notices) { try $0.update(update, $1, at: $2, folder, keys) }
    }

    /// Runs an operation with those bodies, ready to be placed. It begins with `Transaction.place(_:_:at:)`.
    private func submit<Value: Sendable>(
        _ notices: [QueueUpdate.Notice], _ operation: @escaping @Sendable (Transaction, [OutgoingBody], [BodyPlace]) throws -> Value
    ) async throws -> Value {
        for _ in 0..<SQLiteStore.triesWithKeys {
            let key = notices.contains { !$0.drafts.isEmpty } ? try await currentQueueKey() : nil
            var bodies: [OutgoingBody] = []
            for notice in notices { bodies.append(try await prepare(notice.body, notice.placements, queueing: notice.drafts, under: key)) }
            let outgoing = bodies
            do {
                let value = try await writer.submit(bodies: outgoing, needsRoom: !outgoing.isEmpty) { try operation($0, outgoing, $1) }
                for body in outgoing { body.staged?.ticket.end() }
                return value
            } catch is QueueKeyDestroyed {
                continue
            }
        }
        throw StorageFault.unavailable("the queue's key is another one all the time")
    }

    private func currentQueueKey() async throws -> QueueKey {
        let now = clock()
        if let key = try known.read({ $0.queue.current(at: now) }) { return key }
        let (master, keys) = (master, keys)
        return try await change { try $0.currentQueueKey(under: master, keys: keys) }
    }
}

/// The key that an entry was sealed under was destroyed before it was placed.
struct QueueKeyDestroyed: Error {}
