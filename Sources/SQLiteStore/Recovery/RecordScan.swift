import Glibc
import MailModel
import NIOCore
import Storage

/// Walks a file of records without the index: finds every header and every block of holders, and passes over what is neither.
///
/// What it gives is only what says of itself that it is whole: whether a body's chunks open is for its key to say.
struct RecordScan {
    struct Found: Sendable {
        enum Content: Sendable {
            /// Nil: an old record, or its block is damaged.
            case body(RecordHeader, HolderBlock?)
            case holders(HolderBlock)
        }

        let position: Int64
        /// With the header.
        let length: Int64
        let content: Content
    }

    private let fd: Int32
    private let path: String
    private let size: Int64
    /// Where it goes on.
    private(set) var position: Int64
    /// Octets that were passed over since they are nothing, and are not zeros.
    private(set) var strange: Int64 = 0
    /// What lies at `windowStart`.
    private var window = ByteBuffer()
    private var windowStart: Int64 = 0

    /// A header tells the octets of its record; none is longer than the largest message and what goes with it.
    private static let longest: Int64 = 4 << 30
    private static let piece = 1 << 18

    init(fd: Int32, path: String, position: Int64 = 0) {
        self.fd = fd
        self.path = path
        self.position = position
        size = Disk.size(of: fd)
    }

    /// The next of either kind; nil at the end.
    mutating func next() throws -> Found? {
        while position < size {
            let head = try peek(RecordHeader.octets)
            if let header = RecordHeader(head), let found = try body(header) { return found }
            if let found = try holders(head) { return found }
            try pass()
        }
        return nil
    }

    /// A record whose end lies beyond the file's is cut, and none.
    private mutating func body(_ header: RecordHeader) throws -> Found? {
        guard header.size >= 0, header.size <= RecordScan.longest, header.length <= RecordScan.longest else { return nil }
        let chunks = Int64(RecordHeader.octets + BodySeal.sealedSize(of: Int(header.size)))
        let length = Int64(RecordHeader.octets) + header.length
        guard header.length >= 0, length >= chunks, position + chunks <= size else { return nil }
        let start = position
        var block: HolderBlock?
        if header.version == .withHolders, length > chunks {
            position = start + chunks
            let found = HolderBlock.length(try peek(HolderBlock.head))
            if let found { block = HolderBlock(try peek(found)) }
            if block?.body != header.body { block = nil }
        }
        // Of a record whose tail is cut or damaged the chunks are there still, and something else may begin behind them.
        position = start + (header.version == .bare || block == nil ? chunks : length)
        return Found(position: start, length: position - start, content: .body(header, block))
    }

    private mutating func holders(_ head: ByteBuffer) throws -> Found? {
        guard let length = HolderBlock.length(head), let block = HolderBlock(try peek(length)) else { return nil }
        let start = position
        position += Int64(length)
        return Found(position: start, length: Int64(length), content: .holders(block))
    }

    /// To the next octet that may begin something.
    private mutating func pass() throws {
        let bytes = try peek(RecordScan.piece)
        let (skipped, others) = bytes.withUnsafeReadableBytes { octets -> (Int, Int) in
            var others = octets.first == 0 || octets.isEmpty ? 0 : 1
            var index = 1
            while index < octets.count {
                if octets[index] == 0x4D { break }
                if octets[index] != 0 { others += 1 }
                index += 1
            }
            return (max(1, index), others)
        }
        position += Int64(skipped)
        strange += Int64(others)
    }

    /// Up to `count` octets from `position` on, fewer at the end of the file.
    private mutating func peek(_ count: Int) throws -> ByteBuffer {
        let wanted = Int(min(Int64(count), size - position))
        guard wanted > 0 else { return ByteBuffer() }
        let offset = position - windowStart
        if offset < 0 || offset + Int64(wanted) > Int64(window.readableBytes) {
            windowStart = position
            window = try Disk.read(Int(min(Int64(max(wanted, RecordScan.piece)), size - position)), from: fd, at: position, path: path)
        }
        return window.getSlice(at: window.readerIndex + Int(position - windowStart), length: wanted) ?? ByteBuffer()
    }
}
