import Crypto
import FoundationEssentials
import MailModel
import NIOCore
import Storage

/// A body's bytes under its own key: chunks of 64 KiB, each with a tag of 16 octets. The nonce is the chunk's number and whether it is the last, which is safe for the
/// key is used for nothing else but the outline, whose nonce is random and whose label differs.
struct BodySeal {
    static let chunk = 65_536
    static let tag = 16

    let key: SymmetricKey
    let body: BodyID

    /// How many octets a body of `size` takes when sealed.
    static func sealedSize(of size: Int) -> Int { size + chunks(of: size) * tag }

    static func chunks(of size: Int) -> Int { max(1, (size + chunk - 1) / chunk) }

    /// Seals one chunk's bytes, at most `chunk` of them, behind what is in `out`.
    func seal(_ plain: UnsafeRawBufferPointer, number: Int, isLast: Bool, into out: inout ByteBuffer) throws {
        let key = try SealingKey(key)
        try withNonce(number, isLast) { nonce in
            try label(number).bytes(keyID: Seal.currentKeyID).withUnsafeBytes { label in
                _ = try out.writeWithUnsafeMutableBytes(minimumWritableBytes: plain.count + BodySeal.tag) { room in
                    let tag = UnsafeMutableRawBufferPointer(rebasing: room[plain.count...].prefix(BodySeal.tag))
                    try key.seal(
                        plain, nonce: nonce, authenticating: label, into: UnsafeMutableRawBufferPointer(rebasing: room[..<plain.count]), tag: tag)
                    return plain.count + BodySeal.tag
                }
            }
        }
    }

    /// Opens chunk `number`: `octets` are its ciphertext and its tag.
    func open(_ octets: UnsafeRawBufferPointer, number: Int, isLast: Bool, into out: inout ByteBuffer) throws {
        guard octets.count >= BodySeal.tag else { throw StorageFault.corrupt("body \(body.rawValue): chunk \(number) is too short") }
        let key = try SealingKey(key)
        let count = octets.count - BodySeal.tag
        try withNonce(number, isLast) { nonce in
            try label(number).bytes(keyID: Seal.currentKeyID).withUnsafeBytes { label in
                _ = try out.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                    let isWhole = key.open(
                        UnsafeRawBufferPointer(rebasing: octets[..<count]), tag: UnsafeRawBufferPointer(rebasing: octets[count...]), nonce: nonce,
                        authenticating: label, into: room)
                    guard isWhole else { throw StorageFault.corrupt("body \(body.rawValue): chunk \(number) is not what was stored") }
                    return count
                }
            }
        }
    }

    /// Opens chunks `first...last` of a body of `size` octets; `octets` are the chunks as they lie.
    func open(_ octets: UnsafeRawBufferPointer, chunks: ClosedRange<Int>, of size: Int, into out: inout ByteBuffer) throws {
        let last = BodySeal.chunks(of: size) - 1
        let stride = BodySeal.chunk + BodySeal.tag
        for number in chunks {
            let start = (number - chunks.lowerBound) * stride
            let end = min(octets.count, start + stride)
            guard start <= end else { throw StorageFault.corrupt("body \(body.rawValue): chunk \(number) is not there") }
            try open(UnsafeRawBufferPointer(rebasing: octets[start..<end]), number: number, isLast: number == last, into: &out)
        }
    }

    private func label(_ number: Int) -> Label {
        Label(kind: .bodyChunk, id: body.rawValue, chunk: UInt64(number))
    }

    private func withNonce<Value>(_ number: Int, _ isLast: Bool, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try withUnsafeTemporaryAllocation(byteCount: RandomOctets.nonce, alignment: 4) { nonce in
            nonce.storeBytes(of: UInt32(isLast ? 1 : 0).bigEndian, as: UInt32.self)
            nonce.storeBytes(of: UInt64(number).bigEndian, toByteOffset: 4, as: UInt64.self)
            return try body(UnsafeRawBufferPointer(nonce))
        }
    }
}

/// What stands before a body in a segment: enough to find and check every record without the index.
struct RecordHeader: Hashable, Sendable {
    static let octets = 36

    enum Version: UInt32, Sendable {
        /// Header and chunks.
        case bare = 0x4D42_5231  // MBR1
        /// Behind the chunks lies a `HolderBlock`.
        case withHolders = 0x4D42_5232  // MBR2
    }

    let body: BodyID
    let size: Int64
    /// Octets behind the header.
    let length: Int64
    let keyID: UInt32
    let version: Version

    func write(to out: inout ByteBuffer) {
        out.writeInteger(version.rawValue)
        out.writeInteger(body.rawValue)
        out.writeInteger(size)
        out.writeInteger(length)
        out.writeInteger(keyID)
        out.writeInteger(check)
    }

    /// Nil when those 36 octets are no header.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let version = bytes.readInteger(as: UInt32.self).flatMap(Version.init), let id = bytes.readInteger(as: Int64.self),
            let size = bytes.readInteger(as: Int64.self), let length = bytes.readInteger(as: Int64.self),
            let keyID = bytes.readInteger(as: UInt32.self), let found = bytes.readInteger(as: UInt32.self)
        else { return nil }
        self.init(body: BodyID(rawValue: id), size: size, length: length, keyID: keyID, version: version)
        guard found == check else { return nil }
    }

    init(body: BodyID, size: Int64, length: Int64, keyID: UInt32 = Seal.currentKeyID, version: Version = .withHolders) {
        self.version = version
        self.body = body
        self.size = size
        self.length = length
        self.keyID = keyID
    }

    // FNV-1a: it finds torn writes; forgery is what the tags of the chunks are for.
    private var check: UInt32 {
        var hash: UInt32 = version == .bare ? 2_166_136_261 : 2_166_136_261 ^ version.rawValue
        for value in [UInt64(bitPattern: body.rawValue), UInt64(bitPattern: size), UInt64(bitPattern: length), UInt64(keyID)] {
            for shift in stride(from: 0, to: 64, by: 8) { hash = (hash ^ UInt32(truncatingIfNeeded: value >> UInt64(shift)) & 0xFF) &* 16_777_619 }
        }
        return hash
    }
}
