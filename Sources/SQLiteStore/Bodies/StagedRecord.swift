import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization

/// A body ready to be placed: sealed, with its key still in hand to be wrapped for each holder.
final class StagedRecord: Sendable {
    enum Content: Sendable {
        /// Chunks, for a segment.
        case record(ByteBuffer)
        /// In a file of its own, which is completed when it is known who holds the body.
        case file(LargeFile)
    }

    let size: Int
    let key: SymmetricKey
    /// Sealed.
    let digest: [UInt8]
    let parser: ParserMark
    let references: [String]
    let content: Content
    /// Until it is placed or dropped.
    let ticket: BodiesUnderWay.Ticket
    private let budget: OctetBudget

    init(
        size: Int, key: SymmetricKey, digest: [UInt8], parser: ParserMark, references: [String], content: Content, ticket: BodiesUnderWay.Ticket,
        budget: OctetBudget
    ) {
        self.ticket = ticket
        self.size = size
        self.key = key
        self.digest = digest
        self.parser = parser
        self.references = references
        self.content = content
        self.budget = budget
        if case .record(let bytes) = content { budget.take(bytes.readableBytes) }
    }

    deinit {
        if case .record(let bytes) = content { budget.give(bytes.readableBytes) }
    }

}

/// A large body's file; removed with its last owner unless it was kept.
final class LargeFile: Sendable {
    let path: String
    private let fd: Int32
    /// Behind the last chunk.
    private let end: Int64
    private let kept = Atomic<Bool>(false)

    /// Takes over `fd`, on which chunks lie up to `end`, behind room for a header.
    init(path: String, fd: Int32, end: Int64) {
        self.path = path
        self.fd = fd
        self.end = end
    }

    /// Writes who holds the body, and the header; on return everything is durable. How long the file is then. Blocks.
    func complete(_ block: HolderBlock, size: Int, in folder: BodyFolder) throws -> Int64 {
        let length = end + Int64(block.octets)
        var header = ByteBuffer()
        RecordHeader(body: block.body, size: Int64(size), length: length - Int64(RecordHeader.octets)).write(to: &header)
        var tail = ByteBuffer()
        block.write(to: &tail)
        try tail.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: end, path: path) }
        try header.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: 0, path: path) }
        // A try before this one may have had more holders.
        guard ftruncate(fd, off_t(length)) == 0 else { throw Disk.fault("ftruncate", path) }
        try Disk.syncData(fd, path: path)
        try Disk.syncFolder(folder.large)
        return length
    }

    func keep() { kept.store(true, ordering: .relaxed) }

    deinit {
        close(fd)
        if !kept.load(ordering: .relaxed) { unlink(path) }
    }
}
