import MailModel
import MessageFormat
import NIOCore
import Storage

/// What is appended to a segment in one piece. A body's chunks are not copied to stand between their header and who holds them.
struct BodyRecord: Sendable {
    let header: ByteBuffer
    let chunks: ByteBuffer
    let holders: ByteBuffer

    var octets: Int { header.readableBytes + chunks.readableBytes + holders.readableBytes }

    /// A body of `size` octets, sealed in `chunks`.
    init(_ block: HolderBlock, size: Int, chunks: ByteBuffer) {
        var frame = ByteBufferAllocator().buffer(capacity: RecordHeader.octets + block.octets)
        let length = Int64(chunks.readableBytes) + Int64(block.octets)
        RecordHeader(body: block.body, size: Int64(size), length: length).write(to: &frame)
        block.write(to: &frame)
        header = frame.readSlice(length: RecordHeader.octets) ?? ByteBuffer()
        self.chunks = chunks
        holders = frame
    }

    /// A later holder.
    init(_ block: HolderBlock) {
        var frame = ByteBufferAllocator().buffer(capacity: block.octets)
        block.write(to: &frame)
        header = ByteBuffer()
        chunks = ByteBuffer()
        holders = frame
    }
}

/// A body on its way to its place, with its key wrapped for those who are to hold it.
struct OutgoingBody: Sendable {
    enum Content: Sendable {
        case record(BodyRecord)
        /// Durable already, in a file of its own.
        case file(BodyPlace)
    }

    let content: Content
    let holders: [HolderBlock.Holder]
    /// Whose memory is counted until the bytes are written.
    let staged: StagedRecord?

    /// Its bytes go into a segment.
    var isRecord: Bool { if case .record = content { true } else { false } }
}

extension SQLiteStore {
    /// Wraps a body's key, with its share, for each holder that gets it. A large one's file is complete and durable on return; a small one does not wait for
    /// anything. `key`: the queue's, where there are drafts.
    func prepare(
        _ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft] = [], under key: QueueKey? = nil
    ) async throws -> OutgoingBody {
        try await prepare(body, arrived: placements.first?.internalDate ?? drafts.first?.arrived ?? Timestamp(rawValue: 0)) { [self] record in
            try wrap(record, body.id, placements) + wrap(record, body.id, drafts, under: key)
        }
    }

    /// For the holders that `wrap` gives.
    func prepare(
        _ body: StagedBody, arrived: Timestamp = Timestamp(rawValue: 0), _ wrap: (StagedRecord) throws -> [HolderBlock.Holder]
    ) async throws -> OutgoingBody {
        guard let record = body.payload as? StagedRecord else { throw StorageFault.unavailable("a body of another store") }
        let block = HolderBlock(body: body.id, arrived: arrived, holders: try wrap(record))
        guard block.octets <= HolderBlock.mostOctets else { throw StorageFault.notAllowed("the heads of a body's holders are too long together") }
        switch record.content {
        case .record(let chunks):
            return OutgoingBody(content: .record(BodyRecord(block, size: record.size, chunks: chunks)), holders: block.holders, staged: record)
        case .file(let file):
            let length = try await files.run { [folder] in try file.complete(block, size: record.size, in: folder) }
            return OutgoingBody(content: .file(BodyPlace(segment: 0, position: 0, length: length)), holders: block.holders, staged: record)
        }
    }

    private func wrap(_ record: StagedRecord, _ body: BodyID, _ placements: [Placement]) throws -> [HolderBlock.Holder] {
        let keepers = try known.read { state in
            var keepers: [(entry: AccountEntry, head: MessageHead?)] = []
            var seen: [AccountID: Int] = [:]
            for placement in placements {
                guard let account = state.mailboxes[placement.mailbox]?.record.account, let entry = state.accounts[account] else {
                    throw StorageFault.noSuchMailbox
                }
                if let known = seen[account] {
                    guard keepers[known].head == placement.head else { throw StorageFault.notAllowed("an account has one head before a body") }
                } else {
                    seen[account] = keepers.count
                    keepers.append((entry, placement.head))
                }
            }
            return keepers
        }
        var nonces = NonceStock(atOnce: min(keepers.count, NonceStock.most))
        return try keepers.map { entry, head in
            guard head == nil || record.parser.kind == nil else { throw StorageFault.notAllowed("what is no message has no head") }
            let share: HolderShare = if let kind = record.parser.kind { .kind(kind) } else if let head { .head(head.octets) } else { .nothing }
            return try HolderBlock.Holder(record.key, share, of: body, for: .account(entry.record.id), under: entry.key, nonce: nonces.next())
        }
    }

    private func wrap(_ record: StagedRecord, _ body: BodyID, _ drafts: [QueueDraft], under key: QueueKey?) throws -> [HolderBlock.Holder] {
        guard !drafts.isEmpty else { return [] }
        guard let key else { throw StorageFault.unavailable("the queue has no key") }
        guard drafts.count <= QueueLimits.entries, drafts.allSatisfy({ !$0.recipients.isEmpty }), QueueID.bodies.contains(body.rawValue) else {
            throw StorageFault.notAllowed("an entry of the queue without recipients, or too many entries")
        }
        let numbered = drafts.enumerated().map { QueuedDraft(number: Int64($0.offset), draft: $0.element) }
        return [
            try HolderBlock.Holder(
                record.key, .queue(numbered), of: body, for: .queue, under: key.key, keyID: key.id, nonce: RandomOctets.draw(RandomOctets.nonce))
        ]
    }
}
