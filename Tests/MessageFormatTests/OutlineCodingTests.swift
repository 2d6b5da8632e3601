import MessageFormat
import NIOCore
import Testing

@Suite struct OutlineCodingTests {
    static let messages = MessageScannerTests.shapes.map(\.0) + EnvelopeTestTexts.all + [PartNumberingTests.example]

    @Test("an outline survives its encoding, and no beginning of it is one", arguments: messages)
    func roundTrip(text: String) throws {
        let outline = scan(message(text), pieces: 100)
        let encoded = outline.encode()
        #expect(try MessageOutline(decoding: encoded) == outline)
        for length in 0..<encoded.readableBytes {
            let cut = encoded.getSlice(at: 0, length: length) ?? ByteBuffer()
            #expect(throws: OutlineCorrupt.self) { try MessageOutline(decoding: cut) }
        }
        var longer = encoded
        longer.writeInteger(UInt8(0))
        #expect(throws: OutlineCorrupt.self) { try MessageOutline(decoding: longer) }
    }

    @Test("changed octets are refused or read as another outline, never trapped on")
    func mutated() {
        var random = SplitMix(state: 51)
        let encoded = scan(message(PartNumberingTests.example), pieces: 100).encode()
        var refused = 0
        for _ in 0..<1_000 {
            var octets = Array(encoded.readableBytesView)
            for _ in 0...random.below(3) { octets[random.below(octets.count)] = UInt8(random.below(256)) }
            if (try? MessageOutline(decoding: ByteBuffer(bytes: octets))) == nil { refused += 1 }
        }
        #expect(refused > 250)
    }

    @Test(
        "lengths and counts beyond the octets that are there, and depth, are refused",
        arguments: [
            [UInt8](repeating: 0xFF, count: 64), [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0, 0, 0, 0] + [UInt8](repeating: 0xFE, count: 8) + [0x7F], [0x80, 0], [],
        ] as [[UInt8]])
    func claims(octets: [UInt8]) {
        #expect(throws: OutlineCorrupt.self) { try MessageOutline(decoding: ByteBuffer(bytes: octets)) }
    }

    @Test("the outline of a small message is small")
    func size() {
        let outline = scan(lines: "From: a@x\nTo: b@y\nSubject: hi\nMessage-ID: <1@x>\n\nbody\n")
        #expect(outline.encode().readableBytes < 260)
    }
}

enum EnvelopeTestTexts {
    static let all = [
        "From: a@x\nSender: s@x\nReply-To: r@x\nTo: G: a@x;, <@r:b@y>\nDate: 1 Jan 2020 00:00 -0330\n\n日本\n",
        "Date: 1 Jan 1900 00:00 +0000\nContent-Disposition: attachment; filename*=utf-8''%C3%A4\nContent-Language: de\n\nx",
    ]
}

/// A generator whose numbers are the same on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
}
