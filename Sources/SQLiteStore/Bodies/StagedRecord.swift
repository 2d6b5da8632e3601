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
        /// Header and chunks, for a segment.
        case record(ByteBuffer)
        /// Already durable in a file of its own.
        case file(LargeFile)
    }

    let size: Int
    let key: SymmetricKey
    let outline: [UInt8]
    let references: [String]
    let content: Content
    private let budget: MemoryBudget

    init(size: Int, key: SymmetricKey, outline: [UInt8], references: [String], content: Content, budget: MemoryBudget) {
        self.size = size
        self.key = key
        self.outline = outline
        self.references = references
        self.content = content
        self.budget = budget
        if case .record(let bytes) = content { budget.take(bytes.readableBytes) }
    }

    deinit {
        if case .record(let bytes) = content { budget.give(bytes.readableBytes) }
    }

    /// Its bytes go into a segment.
    var isRecord: Bool { if case .record = content { true } else { false } }

    var place: BodyPlace? {
        guard case .file(let file) = content else { return nil }
        return BodyPlace(segment: 0, position: 0, length: file.length)
    }
}

/// How much of bodies lies in memory on its way to the disk; past the limit bodies go to files early.
final class MemoryBudget: Sendable {
    private let used = Atomic<Int>(0)
    static let limit = 64 << 20

    func take(_ octets: Int) { used.add(octets, ordering: .relaxed) }
    func give(_ octets: Int) { used.subtract(octets, ordering: .relaxed) }
    var isSpent: Bool { used.load(ordering: .relaxed) > MemoryBudget.limit }
}

/// A large body's file; removed with its last owner unless it was kept.
final class LargeFile: Sendable {
    let path: String
    let length: Int64
    private let kept = Atomic<Bool>(false)

    init(path: String, length: Int64) {
        self.path = path
        self.length = length
    }

    func keep() { kept.store(true, ordering: .relaxed) }

    deinit { if !kept.load(ordering: .relaxed) { unlink(path) } }
}
