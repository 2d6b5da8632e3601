import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization

/// Gathers a body in memory, up to `inMemory` octets, and streams a larger one into a file of its own, sealed chunk by chunk.
///
/// `@unchecked Sendable`: a sink has one owner at a time, who awaits each call before the next (the contract of `BodySink`).
final class Sink: BodySink, @unchecked Sendable {
    static let inMemory = 256 << 10

    private let id: BodyID
    private let ticket: BodiesUnderWay.Ticket
    private let seal: BodySeal
    private let outlineNonce: [UInt8]
    private let folder: BodyFolder
    private let pool: BlockingPool
    private let budget: MemoryBudget
    private let floor: @Sendable () -> Bool
    private var pending = ByteBuffer()
    private var charged = 0
    private var size = 0
    private var spill: Spill?

    /// A file that is being written.
    private final class Spill: Sendable {
        let path: String
        let fd: Int32
        init(path: String, fd: Int32) {
            self.path = path
            self.fd = fd
        }
        private let isOver = Atomic<Bool>(false)
        /// Somebody else closes the file.
        func handOver() -> Int32 {
            isOver.store(true, ordering: .relaxed)
            return fd
        }
        deinit { if !isOver.load(ordering: .relaxed) { close(fd) } }
    }

    private var position: Int64 = 0
    private var chunkNumber = 0
    private var isDone = false

    /// `floor`: whether there is still room on the disk.
    init(id: BodyID, ticket: BodiesUnderWay.Ticket, folder: BodyFolder, pool: BlockingPool, budget: MemoryBudget, floor: @escaping @Sendable () -> Bool) {
        self.id = id
        self.ticket = ticket
        self.folder = folder
        self.pool = pool
        self.budget = budget
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
        charge(bytes.readableBytes)
        if spill == nil, pending.readableBytes <= Sink.inMemory, !budget.isSpent { return }
        // A chunk is held back, for only `finish` knows which is the last.
        while pending.readableBytes > BodySeal.chunk { try await writeOut(least: BodySeal.chunk + 1) }
    }

    func finish(_ outline: MessageOutline) async throws -> StagedBody {
        guard !isDone else { throw StorageFault.unavailable("the body is finished or discarded") }
        defer { release() }
        let content: StagedRecord.Content
        // Many small bodies that wait to be placed together are as much as a large one.
        if spill == nil, !budget.isSpent {
            content = .record(try sealInMemory())
        } else {
            content = .file(try await finishFile())
        }
        let record = StagedRecord(
            size: size, key: seal.key, outline: try sealOutline(outline), references: outline.references, content: content, ticket: ticket,
            budget: budget)
        isDone = true
        return StagedBody(id: id, outline: outline, payload: record)
    }

    func discard() {
        release()
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
        try sealPending(all: true, into: &out)
        return out
    }

    /// Seals whole chunks from `pending`; with `all` the rest too, as the last.
    private func sealPending(all: Bool, into out: inout ByteBuffer) throws {
        while pending.readableBytes > BodySeal.chunk || all {
            let count = min(BodySeal.chunk, pending.readableBytes)
            let isLast = all && count == pending.readableBytes
            try pending.withUnsafeReadableBytes {
                try seal.seal(UnsafeRawBufferPointer(rebasing: $0[..<count]), number: chunkNumber, isLast: isLast, into: &out)
            }
            pending.moveReaderIndex(forwardBy: count)
            chunkNumber += 1
            if isLast { break }
        }
        pending.discardReadBytes()
    }

    private func writeOut(least: Int) async throws {
        guard floor() else { throw StorageFault.full }
        var out = ByteBuffer()
        if spill == nil { out.writeRepeatingByte(0, count: RecordHeader.octets) }
        try sealPending(all: false, into: &out)
        let target = try await opened()
        let at = position
        position += Int64(out.readableBytes)
        let bytes = out
        try await pool.run { try bytes.withUnsafeReadableBytes { try Disk.writeAll($0, to: target.fd, at: at, path: target.path) } }
        release()
        charge(pending.readableBytes)
    }

    private func opened() async throws -> Spill {
        if let spill { return spill }
        let path = folder.file(id)
        let new = try await pool.run { Spill(path: path, fd: try Disk.open(path, O_RDWR | O_CREAT | O_EXCL)) }
        spill = new
        return new
    }

    private func finishFile() async throws -> LargeFile {
        var out = ByteBuffer()
        if spill == nil { out.writeRepeatingByte(0, count: RecordHeader.octets) }
        try sealPending(all: true, into: &out)
        let target = try await opened()
        let at = position
        let tail = out
        try await pool.run { try tail.withUnsafeReadableBytes { try Disk.writeAll($0, to: target.fd, at: at, path: target.path) } }
        spill = nil
        return LargeFile(path: target.path, fd: target.handOver(), end: at + Int64(tail.readableBytes))
    }

    private func charge(_ octets: Int) {
        charged += octets
        budget.take(octets)
    }

    private func release() {
        budget.give(charged)
        charged = 0
    }
}
