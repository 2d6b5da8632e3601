import MessageFormat
import NIOCore
import Testing

@testable import SMTP

@Suite struct TextEncoderTests {
    static func encode(_ text: String, dots: Bool, piece: Int) -> String {
        var encoder = TextEncoder(doublesDots: dots)
        var output = ByteBuffer()
        var rest = ByteBuffer(string: text)
        while let slice = rest.readSlice(length: min(piece, rest.readableBytes)), slice.readableBytes > 0 { encoder.encode(slice, into: &output) }
        encoder.finish(into: &output)
        return String(buffer: output)
    }

    @Test(
        "every line ends in CRLF and dots are doubled, wherever the text is cut: RFC 5321 §2.3.8, §4.5.2; TRAPS §1.18",
        arguments: [
            ("", ""), ("a\r\n", "a\r\n"), ("a", "a\r\n"), ("a\n", "a\r\n"), ("a\r", "a\r\n"), ("\r\n", "\r\n"), (".", "..\r\n"), (".\r\n", "..\r\n"),
            ("a\r\n.b\r\n", "a\r\n..b\r\n"), ("a.b\r\n", "a.b\r\n"), ("a\n.\nb", "a\r\n..\r\nb\r\n"), ("a\r.\rb", "a\r\n..\r\nb\r\n"),
            ("a\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            ("a\r\n.\r\nMAIL FROM:<x@y>\r\n", "a\r\n..\r\nMAIL FROM:<x@y>\r\n"), ("a\r\r\nb", "a\r\n\r\nb\r\n"), ("a\n\r\nb", "a\r\n\r\nb\r\n"),
            ("\r\r\n.\n\r", "\r\n\r\n..\r\n\r\n"),
            ("..\r\n...\r\n", "...\r\n....\r\n"),
        ])
    func texts(text: String, encoded: String) {
        for piece in [1, 2, 3, 1_000] {
            #expect(Self.encode(text, dots: true, piece: piece) == encoded + ".\r\n", "\(piece)")
            let plain = Self.encode(text, dots: false, piece: piece)
            #expect(plain == Self.encode(text, dots: false, piece: 1))
            #expect(plain.utf8.count <= encoded.utf8.count && !plain.replacing("\r\n", with: "").utf8.contains { $0 == 0x0D || $0 == 0x0A })
        }
    }

    @Test("no text of CR, LF, dots and letters ends before its end, or has a bare CR or LF")
    func allShort() {
        let letters = ["\r", "\n", ".", "x"]
        for number in 0..<4_096 {
            let text = (0..<6).map { letters[number >> (2 * $0) & 3] }.joined()
            let encoded = Self.encode(text, dots: true, piece: 1)
            #expect(encoded == Self.encode(text, dots: true, piece: 4))
            #expect(encoded.hasSuffix(".\r\n") && !("\r\n" + encoded.dropLast(2)).contains("\r\n.\r\n"))
            let rest = encoded.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
            #expect(rest.allSatisfy { $0.last == 0x0D && !$0.dropLast().contains(0x0D) })
        }
    }

    @Test(
        "a header is ASCII or is not, wherever it is cut; what is behind it does not matter",
        arguments: [
            ("A: b\r\n\r\nü", HeaderCheck.Finding.ascii), ("A: b\n\nü", .ascii), ("\r\nü", .ascii), ("A: ü\r\n\r\n", .notASCII), ("A: b\r\n", .unfinished),
            ("A: b\r\n \r\nB: ü\r\n", .notASCII), ("", .unfinished),
        ])
    func headers(text: String, finding: HeaderCheck.Finding) {
        var (whole, single) = (HeaderCheck(), HeaderCheck())
        whole.feed(ByteBuffer(string: text))
        for octet in text.utf8 { single.feed(ByteBuffer(bytes: [octet])) }
        #expect(whole.finding == finding && single.finding == finding)
    }

    @Test(
        "xtext and original recipients: RFC 3461 §4, §4.2",
        arguments: [
            ("rfc822;a@b.example", true), ("rfc822;a+2Bb@x", true), ("utf-8;a@x", true), ("rfc822;", true), (";a", false), ("rfc822", false),
            ("rfc822;a b", false),
            ("rfc822;a+2b", false), ("rfc822;a=b", false), ("rfc822;a+", false), ("rfc 822;a", false), ("rfc822;a\r\nRSET", false), ("rfc822;ü", false),
            ("rfc822;" + String(repeating: "a", count: 500), false),
        ])
    func originals(text: String, isRight: Bool) { #expect(XText.isOriginalRecipient(text) == isRight) }

    @Test("PLAIN's line: RFC 4616")
    func plain() {
        #expect(LoginLine.plain(user: "alice", password: "x") == "AUTH PLAIN AGFsaWNlAHg=")
        #expect(LoginLine.plain(user: "tim", password: "tanstaaftanstaaf") == "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm")
        #expect(LoginLine.plain(user: "a\u{0}b", password: "x") == nil && LoginLine.answer("") == "" && LoginLine.answer("ü") == "w7w=")
    }
}
