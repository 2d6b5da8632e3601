import CZlib
import Glibc
import NIOCore

/// The end of a raw deflate stream (RFC 1951) that this server writes.
///
/// A new one may go on where another left off: raw blocks need nothing of what came before them but the byte boundary that a sync flush leaves,
/// and a fresh deflater refers to nothing but its own output. So one costs memory only while there is something to say.
final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// 4 KiB of history and small tables: 38 KB in all.
    private static let windowBits: Int32 = -12
    private static let memoryLevel: Int32 = 5
    private static let level: Int32 = 4

    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: .withMemoryOfItsOwn)
        let status = deflateInit2_(
            stream, Deflater.level, Z_DEFLATED, Deflater.windowBits, Deflater.memoryLevel, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            throw CompressionFault(status: status)
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// All of it, with a sync flush behind it: the peer can read it at once, and it ends at a byte boundary.
    func deflate(_ bytes: ByteBuffer) throws -> ByteBuffer {
        var packed = ByteBufferAllocator().buffer(capacity: bytes.readableBytes / 2 + 64)
        try bytes.withUnsafeReadableBytes { input in
            stream.pointee.next_in = input.baseAddress.map {
                UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: Bytef.self))
            }
            stream.pointee.avail_in = UInt32(input.count)
            var isDone = false
            while !isDone {
                let status = packed.pour(into: stream, most: max(256, min(4_096, packed.writableBytes))) {
                    CZlib.deflate($0, Z_SYNC_FLUSH)
                }
                guard status == Z_OK || status == Z_BUF_ERROR else { throw CompressionFault(status: status) }
                isDone = stream.pointee.avail_out > 0
            }
            stream.pointee.next_in = nil
        }
        return packed
    }
}

/// The peer's deflate stream. It makes only as much of it as is asked for, however much it would come to.
///
/// Between two of the peer's flushes it can rest: then it holds nothing but the history that the stream may refer to, at most 32 KiB and no
/// more than the peer has sent.
final class Inflater {
    private var stream: UnsafeMutablePointer<z_stream>?
    /// While it rests: what the peer's stream may refer to, deflated where that is less.
    private var history = ByteBuffer()
    private var isHistoryPacked = false
    /// There is more of what was taken in than the last call had room for.
    private(set) var isHolding = false

    deinit { end() }

    private func end() {
        guard let stream else { return }
        inflateEnd(stream)
        stream.deallocate()
        self.stream = nil
    }

    /// At most `most` octets; none when all of `packed` is used up.
    func inflate(_ packed: inout ByteBuffer, most: Int) throws -> ByteBuffer {
        let stream = try self.stream ?? wake()
        var plain = ByteBufferAllocator().buffer(capacity: min(most, 4 * packed.readableBytes + 64))
        try packed.readWithUnsafeReadableBytes { input in
            stream.pointee.next_in = input.baseAddress.map {
                UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: Bytef.self))
            }
            stream.pointee.avail_in = UInt32(input.count)
            var status = Z_OK
            repeat {
                status = plain.pour(
                    into: stream, most: min(max(256, min(4_096, plain.writableBytes)), most - plain.readableBytes)
                ) { CZlib.inflate($0, Z_SYNC_FLUSH) }
                // The end of the stream is one too: nothing can come behind it.
                guard status == Z_OK || status == Z_BUF_ERROR else { throw CompressionFault(status: status) }
                isHolding = stream.pointee.avail_out == 0
            } while isHolding && plain.readableBytes < most
            let used = input.count - Int(stream.pointee.avail_in)
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
            return used
        }
        return plain
    }

    /// Lets go of what it can do without.
    func rest() {
        // 128: between two blocks, with no bit of a byte left (zlib.h on `data_type`).
        guard let stream, !isHolding, stream.pointee.data_type == 128 else { return }
        var length: UInt32 = 0
        guard inflateGetDictionary(stream, nil, &length) == Z_OK else { return }
        var plain = ByteBufferAllocator().buffer(capacity: Int(length))
        plain.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(length)) { room in
            guard length > 0 else { return 0 }
            inflateGetDictionary(stream, room.baseAddress?.assumingMemoryBound(to: Bytef.self), &length)
            return Int(length)
        }
        end()
        keep(plain)
    }

    private func keep(_ plain: ByteBuffer) {
        history = plain
        isHistoryPacked = false
        // try?: what cannot be packed stays as it is.
        guard plain.readableBytes > Inflater.worthPacking, let packed = try? Deflater().deflate(plain),
            packed.readableBytes < plain.readableBytes * 3 / 4
        else { return }
        history = ByteBufferAllocator().buffer(capacity: packed.readableBytes)
        history.writeImmutableBuffer(packed)
        isHistoryPacked = true
    }

    private static let worthPacking = 2_048
    private static let longestHistory = 32_768

    /// The history as it was; it is kept no longer.
    private func takeHistory() throws -> ByteBuffer {
        defer { history = ByteBuffer() }
        guard isHistoryPacked else { return history }
        return try Inflater().inflate(&history, most: Inflater.longestHistory)
    }

    /// Octets of history that it holds while it rests; nil when it does not.
    var resting: Int? { stream == nil ? history.readableBytes : nil }

    private func wake() throws -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: .withMemoryOfItsOwn)
        var status = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            throw CompressionFault(status: status)
        }
        self.stream = stream
        let known = try takeHistory()
        if known.readableBytes > 0 {
            status = known.withUnsafeReadableBytes {
                inflateSetDictionary(stream, $0.baseAddress?.assumingMemoryBound(to: Bytef.self), UInt32($0.count))
            }
            guard status == Z_OK else { throw CompressionFault(status: status) }
        }
        return stream
    }
}

extension z_stream {
    /// Its tables are mapped, not taken from the heap: what thousands of connections let go of between their words goes back to the system, and
    /// does not lie there in pieces.
    fileprivate static var withMemoryOfItsOwn: z_stream {
        var stream = z_stream()
        stream.zalloc = { _, items, size in
            let octets = Int(items) * Int(size) + z_stream.sizeField
            guard let area = mmap(nil, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                area != UnsafeMutableRawPointer(bitPattern: -1)
            else { return nil }
            area.storeBytes(of: octets, as: Int.self)
            return area + z_stream.sizeField
        }
        stream.zfree = { _, address in
            guard let area = address.map({ $0 - z_stream.sizeField }) else { return }
            munmap(area, area.load(as: Int.self))
        }
        return stream
    }

    /// In front of an area, its octets; as long as what zlib aligns by.
    private static let sizeField = 16
}

/// zlib refused: the stream is broken, or there is no memory.
struct CompressionFault: Error {
    let status: Int32
}

extension ByteBuffer {
    /// Lets `step` write at the end, at most so much.
    fileprivate mutating func pour(
        into stream: UnsafeMutablePointer<z_stream>, most: Int, _ step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> Int32 {
        var status = Z_OK
        writeWithUnsafeMutableBytes(minimumWritableBytes: most) { room in
            stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: Bytef.self)
            stream.pointee.avail_out = UInt32(most)
            status = step(stream)
            stream.pointee.next_out = nil
            return most - Int(stream.pointee.avail_out)
        }
        return status
    }
}
