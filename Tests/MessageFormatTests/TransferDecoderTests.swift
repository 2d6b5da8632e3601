import MessageFormat
import NIOCore
import Testing

@Suite struct TransferDecoderTests {
    static let table: [(String, String, String)] = [
        ("7bit", "a=3D\r\n", "a=3D\r\n"), ("BINARY", "\u{0}\u{FF}", "\u{0}\u{FF}"), ("8Bit", "", ""),
        ("base64", "SGVsbG8=", "Hello"), ("base64", "SGVs\r\nbG8=\r\n", "Hello"), ("base64", "SGVsbG8", "Hello"),
        ("base64", "SGVsbA==SGk=", "HellHi"), ("base64", "S!G*V sbG8=", "Hello"), ("base64", "A", ""),
        ("base64", "====", ""),
        ("base64", "////", "\u{FF}\u{FF}\u{FF}"), ("Base64", "SG=k", "H"), ("base64", "", ""),
        ("quoted-printable", "a=3Db", "a=b"), ("quoted-printable", "a=3db=C3=A4", "a=b\u{C3}\u{A4}"),
        ("quoted-printable", "soft=\r\nbreak", "softbreak"), ("quoted-printable", "soft=\nbreak", "softbreak"),
        ("quoted-printable", "soft= \t\r\nbreak", "softbreak"),
        ("quoted-printable", "blanks \t \r\nnext", "blanks\r\nnext"),
        ("quoted-printable", "a \tb", "a \tb"), ("quoted-printable", "=ZZ=4", "=ZZ=4"), ("quoted-printable", "a=", "a"),
        ("quoted-printable", "= x", "= x"), ("quoted-printable", "==3D", "=="), ("quoted-printable", "=4=41", "=4A"),
        ("quoted-printable", "end  ", "end"), ("quoted-printable", "=20\r\n", " \r\n"),
        ("quoted-printable", "=\rx", "x"),
    ]

    @Test("decodes, whatever the cutting: RFC 2045 §6.7, §6.8", arguments: table)
    func decodes(encoding: String, text: String, expected: String) throws {
        let input = ByteBuffer(latin: text)
        for size in [1, 2, 3, max(1, input.readableBytes)] {
            var decoder = try #require(TransferDecoder(encoding))
            var output = ByteBuffer()
            var rest = input
            while rest.readableBytes > 0, let piece = rest.readSlice(length: min(size, rest.readableBytes)) {
                decoder.decode(piece, into: &output)
            }
            decoder.finish(into: &output)
            #expect(output.latin(0..<output.readableBytes) == expected, "in pieces of \(size)")
        }
    }

    @Test(
        "an encoding nobody knows is said to be so: RFC 9051 §6.4.5 UNKNOWN-CTE",
        arguments: ["x-uuencode", "base-64", "gzip"])
    func unknown(encoding: String) {
        #expect(TransferDecoder(encoding) == nil)
        #expect(!TransferDecoder.isKnown(encoding))
        #expect(TransferDecoder.decoded(ByteBuffer(string: "a"), encoding: encoding) == nil)
    }

    @Test("a run of blanks without end is not held back without end")
    func blanks() throws {
        let blanks = ByteBuffer(repeating: 0x20, count: 100_000)
        for size in [1_000, 100_000] {
            var decoder = try #require(TransferDecoder("quoted-printable"))
            var output = ByteBuffer()
            var rest = blanks
            while let piece = rest.readSlice(length: size) { decoder.decode(piece, into: &output) }
            #expect(output.readableBytes == 99_000)
        }
    }
}
