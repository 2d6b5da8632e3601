import Conversation
import NIOCore
import Testing
import Transport

@Suite("What is packed is unpacked, and no further than is allowed: RFC 1951, RFC 1952")
struct ZlibCompressorTests {
    private let zlib = ZlibCompressor()

    @Test("gzip comes back as it was, of any length, and is the same each time", arguments: [0, 1, 100, 65_536, 1_000_000])
    func roundTrip(_ count: Int) throws {
        let octets = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7) })
        let packed = try zlib.gzip(octets)
        #expect(try zlib.gzip(octets) == packed)
        #expect(try zlib.expand(packed, .gzip, most: count) == octets)
        if count > 0 { #expect(throws: CompressedFault.tooLarge) { try zlib.expand(packed, .gzip, most: count - 1) } }
        let bare = try #require(packed.getSlice(at: 10, length: packed.readableBytes - 18))
        #expect(try zlib.expand(bare, .deflate, most: count) == octets)
    }

    @Test("what is cut or broken anywhere is refused, and what stands behind its end is not looked at")
    func broken() throws {
        let octets = ByteBuffer(string: String(repeating: "abcdefgh", count: 50))
        var packed = try zlib.gzip(octets)
        for count in 0..<packed.readableBytes {
            #expect(throws: CompressedFault.malformed) { try zlib.expand(packed.getSlice(at: 0, length: count) ?? ByteBuffer(), .gzip, most: 1_000) }
        }
        packed.writeString("behind")
        #expect(try zlib.expand(packed, .gzip, most: 1_000) == octets)
        for place in 0..<18 {
            var broken = packed
            broken.setInteger(UInt8(0xFF), at: broken.readerIndex + place)
            // Some octets of the header mean nothing.
            if let plain = try? zlib.expand(broken, .gzip, most: 1_000) { #expect(plain == octets) }
        }
    }

    @Test("all members of a gzip are read, within one bound: RFC 1952 §2.2")
    func members() throws {
        let parts = ["one ", "", "two ", String(repeating: "three ", count: 20_000)].map { ByteBuffer(string: $0) }
        var packed = ByteBuffer()
        var plain = ByteBuffer()
        for part in parts {
            packed.writeImmutableBuffer(try zlib.gzip(part))
            plain.writeImmutableBuffer(part)
        }
        #expect(try zlib.expand(packed, .gzip, most: plain.readableBytes) == plain)
        #expect(throws: CompressedFault.tooLarge) { try zlib.expand(packed, .gzip, most: plain.readableBytes - 1) }
        // The last one is cut.
        let cut = try #require(packed.getSlice(at: 0, length: packed.readableBytes - 1))
        #expect(throws: CompressedFault.malformed) { try zlib.expand(cut, .gzip, most: .max) }
        // Empty ones are no end of work.
        var empty = ByteBuffer()
        for _ in 0..<10_000 { empty.writeImmutableBuffer(try zlib.gzip(ByteBuffer())) }
        #expect(try zlib.expand(empty, .gzip, most: 0).readableBytes == 0)
    }
}
