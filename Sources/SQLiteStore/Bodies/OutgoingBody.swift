import MailModel
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
    /// Wraps a body's key for each account that gets it. A large one's file is complete and durable on return; a small one does not wait for anything.
    func prepare(_ body: StagedBody, _ placements: [Placement]) async throws -> OutgoingBody {
        guard let record = body.payload as? StagedRecord else { throw StorageFault.unavailable("a body of another store") }
        let block = HolderBlock(
            body: body.id, arrived: placements.first?.internalDate ?? Timestamp(rawValue: 0), holders: try wrap(record, body.id, placements))
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
            var keepers: [AccountEntry] = []
            var seen: Set<AccountID> = []
            for placement in placements {
                guard let account = state.mailboxes[placement.mailbox]?.record.account, let entry = state.accounts[account] else {
                    throw StorageFault.noSuchMailbox
                }
                if seen.insert(account).inserted { keepers.append(entry) }
            }
            return keepers
        }
        var nonces = NonceStock(atOnce: min(keepers.count, NonceStock.most))
        return try keepers.map {
            try HolderBlock.Holder(record.key, of: body, for: $0.record.id, under: $0.key, nonce: nonces.next())
        }
    }
}
