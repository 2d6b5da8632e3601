import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage
import Threading

/// Gathers a body in memory, up to `inMemory` octets, and streams a larger one into a file of its own, sealed chunk by chunk. While the bodies that come
/// hold too much memory together, it keeps none of it.
///
/// `@unchecked Sendable`: a sink has one owner at a time, who awaits each call before the next (the contract of `BodySink`).
final class Sink: BodySink, @unchecked Sendable {
    static let inMemory = 256 << 10

    private let id: BodyID
    let ticket: BodiesUnderWay.Ticket
    private let seal: BodySeal
    private let outlineNonce: [UInt8]
    private let folder: BodyFolder
    private let pool: BlockingPool
    private let budgets: BodyBudgets
    private let floor: @Sendable () -> Bool
    private var pending = ByteBuffer()
    /// Octets of memory, and of the file, that are counted in the budgets.
    private var charged = 0
    private var spilled = 0
    private var size = 0
    private var spill: SpillFile?
    private var isDone = false

    /// `floor`: whether there is still room on the disk.
    init(id: BodyID, ticket: BodiesUnderWay.Ticket, folder: BodyFolder, pool: BlockingPool, budgets: BodyBudgets, floor: @escaping @Sendable () -> Bool) {
        self.id = id
        self.ticket = ticket
        self.folder = folder
        self.pool = pool
        self.budgets = budgets
        self.floor = floor
        let drawn = RandomOctets.drawKey()
        seal = BodySeal(key: drawn.key, body: id)
        outlineNonce = drawn.nonce
    }

    deinit { discard() }

    func write(_ bytes: ByteBuffer) async throws {
        guard !isDone else { throw StorageFault.unavailable("the body is finished or discarded") }
        pending.writeImmutableBuffer(bytes)
        size += bytes.readableBytes
        charge()
        let isTight = budgets.gathering.isSpent
        if spill == nil {
            guard pending.readableBytes > (isTight ? BodyBudgets.smallest : Sink.inMemory) else { return }
        } else {
            guard isTight || pending.readableBytes > BodySeal.chunk else { return }
        }
        try await writeOut(parking: isTight)
    }

    func finish(_ outline: MessageOutline) async throws -> StagedBody {
        guard !isDone else { throw StorageFault.unavailable("the body is finished or discarded") }
        defer { release() }
        let content: StagedRecord.Content
        // Many small bodies that wait to be placed together are as much as a large one.
        if spill == nil, !budgets.staged.isSpent {
            content = .record(try sealInMemory())
        } else {
            content = .file(try await finishFile())
        }
        let record = StagedRecord(
            size: size, key: seal.key, outline: try sealOutline(outline), references: outline.references, content: content, ticket: ticket,
            budget: budgets.staged)
        isDone = true
        return StagedBody(id: id, outline: outline, payload: record)
    }

    func discard() {
        release()
        pending = ByteBuffer()
        guard !isDone else { return }
        isDone = true
        if let spill { unlink(spill.path) }
        spill = nil
    }

    private func sealOutline(_ outline: MessageOutline) throws -> [UInt8] {
        let bytes = outline.encode()
        return try Seal.seal(Array(buffer: bytes), under: seal.key, as: Label(kind: .outline, id: id.rawValue), nonce: outlineNonce)
    }

    private func sealInMemory() throws -> ByteBuffer {
        var out = ByteBufferAllocator().buffer(capacity: BodySeal.sealedSize(of: size))
        var chunk = 0
        repeat {
            let count = min(BodySeal.chunk, pending.readableBytes)
            let isLast = count == pending.readableBytes
            try pending.withUnsafeReadableBytes {
                try seal.seal(UnsafeRawBufferPointer(rebasing: $0[..<count]), number: chunk, isLast: isLast, into: &out)
            }
            pending.moveReaderIndex(forwardBy: count)
            chunk += 1
        } while pending.readableBytes > 0
        pending = ByteBuffer()
        return out
    }

    private func writeOut(parking: Bool) async throws {
        guard floor(), !budgets.spilled.isSpent else { throw StorageFault.full }
        let text = pending
        pending = ByteBuffer()
        let file = try await opened()
        pending = try await pool.run { try file.write(text, parking: parking) }
        charge()
    }

    private func opened() async throws -> SpillFile {
        if let spill { return spill }
        let (path, seal) = (folder.file(id), seal)
        let new = try await pool.run { try SpillFile(path: path, seal) }
        spill = new
        return new
    }

    private func finishFile() async throws -> LargeFile {
        let text = pending
        pending = ByteBuffer()
        let file = try await opened()
        let whole = try await pool.run { try file.complete(text) }
        spill = nil
        return whole
    }

    /// Counts what is held now: the memory as it was allotted, for that is what there is less of.
    private func charge() {
        let (memory, disk) = (pending.capacity, spill?.octets ?? 0)
        budgets.gathering.take(memory - charged)
        budgets.spilled.take(disk - spilled)
        (charged, spilled) = (memory, disk)
    }

    private func release() {
        budgets.gathering.give(charged)
        budgets.spilled.give(spilled)
        (charged, spilled) = (0, 0)
    }
}
