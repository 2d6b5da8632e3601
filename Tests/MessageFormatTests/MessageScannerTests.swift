import MessageFormat
import NIOCore
import Testing

@Suite struct MessageScannerTests {
    static func multipart(_ body: String, subtype: String = "mixed", boundary: String = "b") -> String {
        "From: a@x\nContent-Type: multipart/\(subtype); boundary=\"\(boundary)\"\n\n" + body
    }

    static let shapes: [(String, String)] = [
        ("", "text/plain"), ("\n", "text/plain"), ("\n\n", "text/plain"), ("Subject: header only\n", "text/plain"),
        ("Subject: no line end", "text/plain"), ("no header\nat all", "text/plain"),
        (multipart("--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n"), "mixed(text/plain text/html)"),
        (multipart("preamble\n--b\n\none\n--b--\nepilogue\n--b\nnot a part\n"), "mixed(text/plain)"),
        (multipart("--b\n\none\n--b  \t\n\ntwo\n--b-- \n"), "mixed(text/plain text/plain)"),
        (multipart("--b\n\nmissing end"), "mixed(text/plain)"), (multipart("--b\n\none\n--b--"), "mixed(text/plain)"),
        (multipart("--b\n--b\n\n--b--\n"), "mixed(text/plain text/plain)"),
        (multipart("--b"), "mixed(text/plain)"), (multipart("--b\n"), "mixed(text/plain)"),
        (multipart("--b\nContent-Type: text/html\n--b--\n"), "mixed(text/html)"),
        (multipart("--bb\n\nno delimiter\n--bb--\n"), "mixed(text/plain)"),
        (multipart("--bc\n\nno\n--b\n\nyes\n--b-x\nno\n--b--\n"), "mixed(text/plain)"),
        (multipart("", boundary: "b "), "mixed(text/plain)"),
        (
            multipart("--=?a?q?b?=\n\n1\n--=?a?q?b?=\nContent-Type: x/y\n\n2", boundary: "=?a?q?b?="),
            "mixed(text/plain x/y)"
        ),
        (multipart("--b\n\nx\n--b--\n", boundary: "b "), "mixed(text/plain)"),
        ("Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n", "mixed(text/plain)"),
        (
            multipart(
                "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\n1\n--bb\nContent-Type: text/html\n\n2\n--bb--\n\n--b\n\n3\n--b--\n"
            ),
            "mixed(alternative(text/plain text/html) text/plain)"
        ),
        (
            multipart("--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\ninner\n--b--\n--b--\n"),
            "mixed(alternative(text/plain))"
        ),
        (
            multipart(
                "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nleft open\n--b\nContent-Type: image/png\n\n3\n--b--\n"
            ),
            "mixed(alternative(text/plain) image/png)"
        ),
        (
            multipart("--b\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n--b--\n"),
            "mixed(message/rfc822<text/plain>)"
        ),
        (multipart("--b\nContent-Type: message/global\n\n--b--\n"), "mixed(message/global<text/plain>)"),
        (multipart("--b\nContent-Type: message/rfc822\n--b--\n"), "mixed(message/rfc822<text/plain>)"),
        (
            multipart("--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==\n--b--\n"),
            "mixed(message/rfc822)"
        ),
        (
            multipart("--b\n\nSubject: 1\n\nx\n--b\nContent-Type: text/plain\n\ny\n--b--\n", subtype: "digest"),
            "digest(message/rfc822<text/plain> text/plain)"
        ),
        (
            "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\ny",
            "message/rfc822<message/rfc822<text/plain>>"
        ),
        ("Content-Type: message/delivery-status\n\nx", "message/delivery-status"),
    ]

    @Test(
        "what messages are made of, broken ones too, for every way of cutting: RFC 2046 §5.1, §5.2", arguments: shapes)
    func shape(text: String, expected: String) {
        #expect(scan(lines: text).root.shape == expected)
        // Stored mail may come with bare LF.
        #expect(scan(ByteBuffer(string: text)).root.shape == expected)
    }

    @Test(
        "offsets, sizes and line counts of a multipart: RFC 2046 §5.1.1, the line end before a delimiter is the delimiter's"
    )
    func offsets() {
        let bytes = message(MessageScannerTests.multipart("pre\n--b\nX: y\n\none\ntwo\n--b\n\n\n--b--\nepilogue\n"))
        let outline = scan(bytes)
        let parts = outline.root.children
        #expect(outline.size == bytes.readableBytes && outline.lineCount == 14)
        #expect(bytes.latin(outline.root.headerRange).hasSuffix("\"b\"\r\n\r\n"))
        #expect(
            outline.headerSize == outline.root.headerRange.count && outline.root.bodyRange.upperBound == outline.size)
        #expect(outline.header.map { String(buffer: $0) } == bytes.latin(outline.root.headerRange))
        #expect(bytes.latin(parts[0].headerRange) == "X: y\r\n\r\n")
        #expect(bytes.latin(parts[0].bodyRange) == "one\r\ntwo")
        #expect(parts[0].lineCount == 1)
        #expect(bytes.latin(parts[1].headerRange) == "\r\n")
        #expect(bytes.latin(parts[1].bodyRange) == "")
    }

    @Test("bare LF ends lines as CRLF does, and delimiters take only the line end that is there")
    func bareLineFeeds() {
        let bytes = ByteBuffer(string: MessageScannerTests.multipart("--b\n\none\r\n--b\n\ntwo\r\r\n--b\n\n\r\n--b--"))
        let parts = scan(bytes).root.children
        #expect(parts.map { bytes.latin($0.bodyRange) } == ["one", "two\r", ""])
    }

    @Test("an embedded message has ranges, lines and an envelope of its own: RFC 9051 §7.5.2")
    func embedded() {
        let bytes = message(
            MessageScannerTests.multipart(
                "--b\nContent-Type: message/rfc822\n\nSubject: in\nFrom: i@x\n\n1\n2\n\n--b--\n"))
        let part = scan(bytes).root.children[0]
        let inner = part.embedded
        #expect(bytes.latin(part.bodyRange) == "Subject: in\r\nFrom: i@x\r\n\r\n1\r\n2\r\n")
        #expect(part.lineCount == 5)
        #expect(inner.map { bytes.latin($0.headerRange) } == "Subject: in\r\nFrom: i@x\r\n\r\n")
        #expect(inner.map { bytes.latin($0.root.bodyRange) } == "1\r\n2\r\n")
        #expect(inner?.root.lineCount == 2)
        #expect(inner?.envelope.subject == "in")
        #expect(inner?.envelope.from == [EnvelopeAddress(mailbox: "i", host: "x")])
    }

    @Test("a header that a delimiter cuts off ends before that delimiter's line end")
    func cutHeader() {
        let bytes = message(MessageScannerTests.multipart("--b\nContent-Type: message/rfc822\n\nSubject: cut\n--b--\n"))
        let part = scan(bytes).root.children[0]
        #expect(part.embedded?.envelope.subject == "cut")
        #expect(bytes.latin(part.bodyRange) == "Subject: cut")
        #expect(part.embedded?.root.bodyRange.isEmpty == true)
    }

    @Test("a multipart without parts has one empty text part, for BODYSTRUCTURE needs one: RFC 9051 §9 body-type-mpart")
    func emptyMultipart() {
        let part = scan(lines: "Content-Type: multipart/mixed\n\nno boundary\n").root.children[0]
        #expect(part.bodyRange.isEmpty && part.headerRange.isEmpty && part.lineCount == 0)
        #expect(part.mediaType == "text/plain" && part.encoding == "7bit")
    }

    @Test("a leaf that says multipart or message is told as octets: RFC 9051 §9 body-type-basic")
    func structureType() {
        let part = scan(lines: "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nx").root
        #expect(part.structureType == ("application", "octet-stream"))
        #expect(scan(lines: "Content-Type: message/rfc822\n\nx").root.structureType == ("message", "rfc822"))
    }

    @Test("very long lines, NULs and 8-bit octets in headers and bodies are counted, not held")
    func awkwardOctets() {
        let long = String(repeating: "x", count: 300_000)
        let bytes = ByteBuffer(
            latin:
                "Subject: \u{0}gr\u{FC}n \(long)\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--\(long)\r\n\u{0}\r\n--b--\r\n"
        )
        let outline = scan(bytes)
        #expect(outline.header == nil)
        #expect(outline.envelope.subject == "grün " + long)
        #expect(outline.root.children.map(\.bodyRange.count) == [300_002 + 3])
    }

    @Test("a delimiter longer than a line may be is none: RFC 5322 §2.1.1")
    func longBoundary() {
        let fits = String(repeating: "b", count: 900)
        let long = String(repeating: "b", count: 1_200)
        for (boundary, count) in [(fits, 2), (long, 1)] {
            let outline = scan(
                lines: MessageScannerTests.multipart(
                    "--\(boundary)\n\n1\n--\(boundary)\n\n2\n--\(boundary)--\n", boundary: boundary))
            #expect(outline.root.children.count == count)
        }
        let padded = scan(
            lines: MessageScannerTests.multipart("--b\n\n1\n--b\(String(repeating: " ", count: 2_000))\n\n2\n--b--\n"))
        #expect(padded.root.children.count == 1)
    }
}
