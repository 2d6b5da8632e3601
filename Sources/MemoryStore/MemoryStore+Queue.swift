package import MailModel
import MessageFormat
package import NIOCore
package import Storage

/// An entry, which holds its body.
struct QueuedBody {
    let body: MemoryBody
    let draft: QueueDraft

    var octets: ByteBuffer { body.octets(behind: draft.head) }
}

extension MemoryStore {
    package func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched {
        try await withRows {
            try change(.place) { state in
                let draft = try state.queue(body, drafts)
                let placed = try state.place(placements.map { Addition(body: body, placement: $0) }, superseding: nil)
                state.queue.merge(draft) { $1 }
                return Dispatched(placed: placed, queued: draft.keys.sorted())
            }
        }
    }

    package func queue(after id: QueueID?, most: Int) async throws -> [QueueEntry] {
        try look { state in
            let behind = state.queue.keys.filter { entry in id.map { entry > $0 } ?? true }.sorted()
            return try behind.prefix(max(0, most)).map { try state.entry($0) }
        }
    }

    package func queued(_ id: QueueID) async throws -> QueueEntry { try look { try $0.entry(id) } }

    package func read(_ range: Range<Int>?, of entry: QueueID) async throws -> ByteBuffer {
        try look(.read) { state in
            guard let queued = state.queue[entry] else { throw StorageFault.noSuchMessage }
            return queued.octets
        }.octets(range)
    }

    package func letGo(of entry: QueueID) async throws {
        try change(.expunge) { state in
            guard state.queue.removeValue(forKey: entry) != nil else { throw StorageFault.noSuchMessage }
        }
    }
}

extension MemoryState {
    fileprivate func queue(_ body: StagedBody, _ drafts: [QueueDraft]) throws -> [QueueID: QueuedBody] {
        guard let memory = body.payload as? MemoryBody else { throw StorageFault.unavailable("the body is another store's") }
        guard drafts.count <= QueueLimits.entries, drafts.allSatisfy({ !$0.recipients.isEmpty }) else {
            throw StorageFault.notAllowed("an entry of the queue without recipients, or too many entries")
        }
        var entries: [QueueID: QueuedBody] = [:]
        for (number, draft) in drafts.enumerated() {
            entries[QueueID(rawValue: body.id.rawValue << 16 | Int64(number))] = QueuedBody(body: memory, draft: draft)
        }
        return entries
    }

    fileprivate func entry(_ id: QueueID) throws -> QueueEntry {
        guard let queued = queue[id] else { throw StorageFault.noSuchMessage }
        return QueueEntry(id: id, body: queued.body.id, size: queued.octets.readableBytes, draft: queued.draft, isRecovered: false)
    }
}
