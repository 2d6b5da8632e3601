import FuzzEntries
import NIOCore
import POP3
import Testing

@Suite("Messages on their way to the client")
struct DotStufferTests {
    static let messages: [(String, String)] = [
        ("", ".\r\n"),
        (".", "..\r\n.\r\n"),
        ("a", "a\r\n.\r\n"),
        ("a\r\n", "a\r\n.\r\n"),
        (".\r\n.\r\n", "..\r\n..\r\n.\r\n"),
        ("..\r\na.b\r\n.c", "...\r\na.b\r\n..c\r\n.\r\n"),
        ("\r\n.\r\n", "\r\n..\r\n.\r\n"),
        // A bare LF would be a line's end to some clients: what follows it must not look like the response's end.
        ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
        ("\n\n", "\r\n\r\n.\r\n"),
        // A bare CR is no line's end.
        ("a\r.\r", "a\r.\r\r\n.\r\n"),
        ("a\r\r\n.", "a\r\r\n..\r\n.\r\n"),
        ("a\r\n\0.\r\n", "a\r\n\0.\r\n.\r\n"),
    ]

    @Test("lines that begin with a dot get one more, whatever the pieces: RFC 1939 §3", arguments: messages, [1, 2, 3, 1_000])
    func stuffs(_ message: (text: String, sent: String), _ size: Int) {
        let bytes = Array(message.text.utf8)
        var output = ByteBuffer()
        var stuffer = DotStuffer()
        for start in stride(from: 0, to: bytes.count, by: size) {
            stuffer.write(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]), to: &output)
        }
        stuffer.finish(&output)
        #expect(String(buffer: output) == message.sent)
    }

    @Test(
        "TOP: the header, the empty line and so many lines, whatever the pieces: RFC 1939 §7",
        arguments: [
            ("A: 1\r\nB: 2\r\n\r\nx\r\ny\r\n", 0, "A: 1\r\nB: 2\r\n\r\n"), ("A: 1\r\n\r\nx\r\ny\r\n", 1, "A: 1\r\n\r\nx\r\n"),
            ("A: 1\r\n\r\nx\r\ny", 2, "A: 1\r\n\r\nx\r\ny"), ("A: 1\r\n\r\n\r\n\r\nz", 2, "A: 1\r\n\r\n\r\n\r\n"), ("A: 1\r\n", 5, "A: 1\r\n"),
            ("\r\nbody\r\n", 0, "\r\n"), ("A: 1\n\nx\ny\n", 1, "A: 1\n\nx\n"), ("", 3, ""), ("A: 1\r\n \r\r\n\r\r\n\r\nx\r\n", 0, "A: 1\r\n \r\r\n\r\r\n\r\n"),
        ], [1, 2, 5, 1_000])
    func top(_ message: (text: String, lines: Int, shown: String), _ size: Int) {
        let bytes = Array(message.text.utf8)
        var top = TopLines(lines: message.lines)
        var shown = ByteBuffer()
        for start in stride(from: 0, to: bytes.count, by: size) where !top.isComplete {
            shown.writeImmutableBuffer(top.take(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)])))
        }
        #expect(String(buffer: shown) == message.shown)
    }

    @Test("no message, cut anywhere, ends a response early or is sent in two ways")
    func random() {
        var dice = Dice(state: 1_939)
        for _ in 0..<300 {
            let octets = (0..<Int.random(in: 0...60, using: &dice)).map { _ in "\r\n..\r\na\n".utf8.randomElement(using: &dice) ?? 0 }
            octets.withUnsafeBytes { fuzzPOP3Message($0) }
        }
    }
}

struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
