import NIOCore
import Testing

@testable import MessageFormat

@Suite("Binary parts become base64 (RFC 2045 §6, RFC 3516 §4.4)")
struct BinaryRecoderTests {
    private func recoded(_ bytes: [UInt8], by size: Int) -> [UInt8] {
        var recoder = BinaryRecoder()
        var output = ByteBuffer()
        for start in stride(from: 0, to: bytes.count, by: size) {
            output.writeImmutableBuffer(
                recoder.recode(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)])))
        }
        output.writeImmutableBuffer(recoder.finish())
        return Array(output.readableBytesView)
    }

    private func expect(_ bytes: [UInt8], becomes text: String) {
        for size in [1, 2, 3, 7, 1_000_000] {
            #expect(String(decoding: recoded(bytes, by: size), as: UTF8.self) == text, "by \(size)")
        }
    }

    @Test("a message that is one binary part")
    func single() {
        expect(
            Array("Content-Type: a/b\r\ncontent-transfer-encoding:\r\n  BINARY\r\nX: y\r\n\r\n".utf8) + [
                0, 1, 2, 0xFF, 13, 10, 0,
            ],
            becomes: "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\nX: y\r\n\r\nAAEC/w0KAA==\r\n")
        expect(
            Array("Content-Transfer-Encoding: binary\r\n\r\nab\r\n".utf8),
            becomes: "Content-Transfer-Encoding: base64\r\n\r\nYWINCg==\r\n")
    }

    @Test("parts, messages within them, and what lies around them")
    func nested() {
        let message = """
            Content-Type: multipart/mixed; boundary="=b"
            Content-Transfer-Encoding: binary

            preamble
            --=b
            Content-Transfer-Encoding: binary

            one
            --=bb
            --=b \u{20}
            Content-Type: message/rfc822
            Content-Transfer-Encoding: binary

            Content-Type: multipart/digest; boundary=c

            --c

            Content-Transfer-Encoding: binary

            two

            --c--
            --=b

            plain --=b
            --=b--
            epilogue
            """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        let expected = """
            Content-Type: multipart/mixed; boundary="=b"
            Content-Transfer-Encoding: 8bit

            preamble
            --=b
            Content-Transfer-Encoding: base64

            b25lDQotLT1iYg==
            --=b \u{20}
            Content-Type: message/rfc822
            Content-Transfer-Encoding: 8bit

            Content-Type: multipart/digest; boundary=c

            --c

            Content-Transfer-Encoding: base64

            dHdvDQo=
            --c--
            --=b

            plain --=b
            --=b--
            epilogue
            """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        expect(Array(message.utf8), becomes: expected)
    }

    @Test(
        "what has no binary part stays as it is",
        arguments: [
            "", "x", "Subject: x\r\n\r\nbody\r\n", "Content-Transfer-Encoding: 8bit\n\n--b\n\u{E9}\n", "no header",
            "\r\n\r\n\r\n",
        ])
    func untouched(_ text: String) { expect(Array(text.utf8), becomes: text) }

    @Test("the octets that come out again are those that went in, of any length")
    func roundTrip() throws {
        var octets: [UInt8] = []
        for count in Array(0...130) + [5_000, 70_001] {
            while octets.count < count {
                octets.append(UInt8(truncatingIfNeeded: octets.count &* 167 &+ octets.count / 251))
            }
            octets = Array(octets.prefix(count))
            let head = Array(
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: binary\r\n\r\n".utf8
            )
            let message = recoded(head + octets + Array("\r\n--x--\r\n".utf8), by: 1_013)
            #expect(!message.contains(0))
            var scanner = MessageScanner()
            scanner.consume(ByteBuffer(bytes: message))
            let part = try #require(scanner.finish().part(at: [1]))
            #expect(part.encoding == "base64")
            var decoder = try #require(TransferDecoder("base64"))
            var decoded = ByteBuffer()
            decoder.decode(ByteBuffer(bytes: message[part.bodyRange]), into: &decoded)
            decoder.finish(into: &decoded)
            #expect(Array(decoded.readableBytesView) == octets, "\(count) octets")
            #expect(message[part.bodyRange].split(separator: 10).allSatisfy { $0.count <= 77 })
        }
    }

    @Test("a header without end is let by, in bounded memory")
    func endless() {
        let line = Array("X: y\r\n".utf8)
        let bytes = Array(repeating: line, count: 100_000).flatMap(\.self)
        #expect(recoded(bytes, by: 65_536) == bytes)
    }
}
