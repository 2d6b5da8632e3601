import MessageFormat
import NIOCore
import Testing

@Suite("What stands before a text is read with it as one message")
struct MessageHeadTests {
    private static let head = "Return-Path: <ann@remote.example>\r\nReceived: from a (b)\r\n\tby c with ESMTPS;\r\n\tFri, 2 Jan 2026 03:04:05 +0000\r\n"

    private static let multipart = [
        "From: Ann <ann@remote.example>", "Subject: parts", "Message-ID: <1@remote.example>", "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b", "", "preamble", "--b", "Content-Type: text/plain", "", "one", "two", "--b",
        "Content-Type: message/rfc822", "", "Subject: inner", "Content-Type: multipart/alternative; boundary=c", "", "--c", "", "plain", "--c",
        "Content-Type: text/html", "", "<p>x</p>", "--c--", "--b--", "",
    ].joined(separator: "\r\n")

    static let texts = [
        "", "\r\n", "\r\nbody\r\n", "Subject: x", "Subject: x\r\n", "Subject: x\r\n\r\n", "Subject: x\r\n\r\nbody", "Subject: folded\r\n\tvalue\r\n\r\nb\r\n",
        "From: a@b\r\nTo: c@d\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nReferences: <1@a> <2@b>\r\n\r\nline\r\nline\r\n", multipart,
        "Content-Type: multipart/mixed; boundary=b\r\n\r\nno delimiter\r\n", "Subject: bare\n\nlines\n",
        "X-Long: " + String(repeating: "x", count: 20_000) + "\r\n\r\nbody\r\n",
    ]

    private func scan(_ text: String) -> MessageOutline {
        var scanner = MessageScanner()
        scanner.consume(ByteBuffer(string: text))
        return scanner.finish()
    }

    @Test("an outline behind a head is that of both octets together", arguments: texts)
    func outline(text: String) throws {
        let head = try #require(MessageHead(Array(Self.head.utf8)))
        let whole = scan(Self.head + text)
        let encoded = try EncodedOutline(scan(text), behind: head)
        #expect(try encoded.decoded() == whole)
        try encoded.read { (reader) throws(OutlineCorrupt) in
            let top = try reader.head()
            #expect(top.size == whole.size && top.headerSize == whole.headerSize && top.lineCount == whole.lineCount)
            #expect(top.header.map { Array($0) } == whole.header.map { Array($0.readableBytesView) })
        }
    }

    @Test(
        "a head is whole fields, and none that an envelope or a structure is made of",
        arguments: [
            "", "Received: x", "Received: x\n", "\tfolded\r\n", "Received: x\r\n\r\n", "no field\r\n", ": x\r\n", "A: \0\r\n", "A: x\ry\r\n", "Subject: x\r\n",
            "content-TYPE: text/html\r\n", "Received: a\r\nFrom: b@c\r\n", "X: " + String(repeating: "y", count: MessageHead.most) + "\r\n",
        ])
    func notAHead(text: String) { #expect(MessageHead(Array(text.utf8)) == nil) }

    @Test("fields of trace and judgement are a head", arguments: [head, "Authentication-Results: mx; spf=pass\r\n", "Delivered-To: jürgen@bücher.example\r\n"])
    func heads(text: String) { #expect(MessageHead(Array(text.utf8))?.octets == Array(text.utf8)) }

    @Test("an outline that is cut anywhere is corrupt behind a head too")
    func corrupt() throws {
        let octets = Array(buffer: scan(Self.multipart).encode())
        for count in 0..<octets.count {
            #expect(throws: OutlineCorrupt.self) {
                var out: [UInt8] = []
                try octets[..<count].withUnsafeBytes { outline in
                    try Array(Self.head.utf8).withUnsafeBytes { try EncodedOutline.append(outline, behind: $0, to: &out) }
                }
                _ = try EncodedOutline(out[...], shift: Self.head.utf8.count).decoded()
            }
        }
    }
}
