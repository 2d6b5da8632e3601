package import MailModel
import MessageFormat
package import NIOCore
package import Storage

/// An entry, which holds its body.
struct QueuedBody {
    let body: MemoryBody
    let draft: QueueDraft
    var progress: [RecipientProgress]
    var hold: QueueHold?

    init(body: MemoryBody, draft: QueueDraft) {
        self.body = body
        var kept = draft
        kept.hold = nil
        self.draft = kept
        hold = draft.hold
        progress = draft.recipients.map { _ in RecipientProgress(due: draft.notBefore ?? draft.arrived) }
    }

    var octets: ByteBuffer { body.octets(behind: draft.head) }
    var isEnded: Bool { progress.allSatisfy { $0.phase != .waiting } }
}

extension MemoryStore {
    package func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched {
        try await withRows { try change(.place) { try $0.dispatch(body, placements, drafts) } }
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

    package func update(_ update: QueueUpdate) async throws -> [Dispatched] {
        try await withRows {
            try change(.update) { state in
                guard var queued = state.queue[update.entry] else { throw StorageFault.noSuchMessage }
                for (number, progress) in update.recipients {
                    guard queued.progress.indices.contains(number) else { throw StorageFault.notAllowed("an entry has no such recipient") }
                    if queued.progress[number].phase == .waiting {
                        queued.progress[number] = progress
                    } else if queued.progress[number].phase == progress.phase, progress.isTold {
                        queued.progress[number].isTold = true
                    }
                }
                switch update.hold {
                case .keep: break
                case .hold(let hold): queued.hold = hold
                case .release: queued.hold = nil
                }
                let told = try state.tell(update.notices)
                state.queue[update.entry] = queued.isEnded ? nil : queued
                return told
            }
        }
    }
}

extension MemoryState {
    fileprivate mutating func dispatch(_ body: StagedBody, _ placements: [Placement], _ drafts: [QueueDraft]) throws -> Dispatched {
        let entries = try entries(body, drafts)
        let placed = try place(placements.map { Addition(body: body, placement: $0) }, superseding: nil)
        queue.merge(entries) { $1 }
        return Dispatched(placed: placed, queued: entries.keys.sorted())
    }

    /// All of them or none.
    fileprivate mutating func tell(_ notices: [QueueUpdate.Notice]) throws -> [Dispatched] {
        guard !notices.isEmpty else { return [] }
        try admit(.place)
        let before = self
        do {
            return try notices.map { try dispatch($0.body, $0.placements, $0.drafts) }
        } catch {
            self = before
            throw error
        }
    }

    private func entries(_ body: StagedBody, _ drafts: [QueueDraft]) throws -> [QueueID: QueuedBody] {
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
        return QueueEntry(
            id: id, body: queued.body.id, size: queued.octets.readableBytes, draft: queued.draft, progress: queued.progress, hold: queued.hold)
    }
}
