import Crypto
import FoundationEssentials
import Glibc
import MailModel
import NIOCore
import Storage

/// The file of a body whose end has not come: whole chunks, behind room for a header. What is less than a chunk comes back to the caller, or is parked
/// behind the chunks under a key that nobody else has, until the next call takes it up; the next chunk is written over it. Between two calls it is not
/// open: those that wait for their senders take no descriptor from those who come.
///
/// `@unchecked Sendable`: one job of the pool at a time uses it, and each is awaited before the next.
final class SpillFile: @unchecked Sendable {
    let path: String
    private let seal: BodySeal
    /// Behind the last chunk.
    private var position = Int64(RecordHeader.octets)
    private var chunkNumber = 0
    /// Octets of ciphertext that are parked.
    private var parked = 0
    /// The key of what is parked is used for nothing else, each time with another nonce.
    private let parkingKey: SymmetricKey
    private var parkings: UInt64 = 0

    /// Blocks.
    init(path: String, _ seal: BodySeal) throws {
        self.path = path
        self.seal = seal
        parkingKey = RandomOctets.drawKey().key
        close(try Disk.open(path, O_RDWR | O_CREAT | O_EXCL))
    }

    /// Writes the whole chunks of what is parked and `text`, but one at least is held back, for only `complete` knows which is the last.
    /// - returns: what is left; with `parking` it is parked, and nothing comes back. Blocks.
    func write(_ text: ByteBuffer, parking: Bool) throws -> ByteBuffer {
        let fd = try Disk.open(path, O_RDWR)
        defer { close(fd) }
        var text = try withParked(text, fd)
        try append(sealed(&text, all: false), fd)
        if parking, text.readableBytes > 0 {
            try park(text, fd)
            return ByteBuffer()
        }
        return ByteBuffer(buffer: text)
    }

    /// The last of it. The file is the answer's from now on. Blocks.
    func complete(_ text: ByteBuffer) throws -> LargeFile {
        let fd = try Disk.open(path, O_RDWR)
        do {
            var text = try withParked(text, fd)
            try append(sealed(&text, all: true), fd)
        } catch {
            close(fd)
            throw error
        }
        return LargeFile(path: path, fd: fd, end: position)
    }

    /// Octets on the disk.
    var octets: Int { Int(position) + parked }

    /// Takes whole chunks from `text`; with `all` the rest too, as the last.
    private func sealed(_ text: inout ByteBuffer, all: Bool) throws -> ByteBuffer {
        var out = ByteBuffer()
        while text.readableBytes > BodySeal.chunk { try sealChunk(of: &text, isLast: false, into: &out) }
        if all { try sealChunk(of: &text, isLast: true, into: &out) }
        return out
    }

    private func sealChunk(of text: inout ByteBuffer, isLast: Bool, into out: inout ByteBuffer) throws {
        let count = min(BodySeal.chunk, text.readableBytes)
        try text.withUnsafeReadableBytes {
            try seal.seal(UnsafeRawBufferPointer(rebasing: $0[..<count]), number: chunkNumber, isLast: isLast, into: &out)
        }
        text.moveReaderIndex(forwardBy: count)
        chunkNumber += 1
    }

    private func append(_ out: ByteBuffer, _ fd: Int32) throws {
        guard out.readableBytes > 0 else { return }
        try out.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
        position += Int64(out.readableBytes)
    }

    private func withParked(_ text: ByteBuffer, _ fd: Int32) throws -> ByteBuffer {
        guard parked > 0 else { return text }
        let sealed = try Disk.read(parked, from: fd, at: position, path: path)
        let plain = try sealed.withUnsafeReadableBytes { try Seal.open($0, under: parkingKey, as: parkingLabel) }
        parked = 0
        var whole = ByteBufferAllocator().buffer(capacity: plain.count + text.readableBytes)
        whole.writeBytes(plain)
        whole.writeImmutableBuffer(text)
        return whole
    }

    private func park(_ text: ByteBuffer, _ fd: Int32) throws {
        parkings += 1
        var nonce: [UInt8] = [0, 0, 0, 0]
        withUnsafeBytes(of: parkings.bigEndian) { nonce.append(contentsOf: $0) }
        let sealed = try Seal.seal(Array(buffer: text), under: parkingKey, as: parkingLabel, nonce: nonce)
        try sealed.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
        parked = sealed.count
    }

    private var parkingLabel: Label { Label(kind: .parked, id: seal.body.rawValue, chunk: parkings) }
}
