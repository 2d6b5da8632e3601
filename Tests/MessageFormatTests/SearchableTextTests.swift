import MessageFormat
import NIOCore
import Testing

@Suite struct SearchableTextTests {
    static let text = """
        Subject: outer
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        gr=FCn
        --b
        Content-Type: application/octet-stream
        Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf

        not text
        --b
        Content-Type: message/rfc822

        Subject: =?utf-8?b?5pel5pys?=

        inner
        --b
        Content-Type: text/html; charset=x-nobody
        Content-Transfer-Encoding: x-nobody

        <p>odd
        --b--

        """

    static func texts(
        _ outline: MessageOutline, _ bytes: ByteBuffer, limit: Int = 1 << 20, step: Int = 1 << 20
    ) throws -> [String] {
        var texts: [String] = []
        try SearchableText(outline, limit: limit).forEach { (range: Range<Int>) throws in
            bytes.getSlice(at: range.lowerBound, length: min(step, range.count)) ?? ByteBuffer()
        } visit: {
            texts.append(String(decoding: $0, as: UTF8.self))
            return true
        }
        return texts
    }

    @Test("text parts and embedded headers, decoded, in order: RFC 9051 §6.4.4 BODY", arguments: [1, 3, 1_000])
    func bodies(step: Int) async throws {
        let bytes = message(SearchableTextTests.text)
        var texts: [String] = []
        try await SearchableText(scan(bytes, pieces: 50)).forEach { range async throws in
            bytes.getSlice(at: range.lowerBound, length: min(step, range.count)) ?? ByteBuffer()
        } visit: {
            texts.append(String(decoding: $0, as: UTF8.self))
            return true
        }
        #expect(texts == ["GRU\u{308}N", "RE\u{301}SUME\u{301}.PDF", "SUBJECT: 日本\r\n", "INNER", " ODD"])
    }

    @Test("reading stops when the visitor has found what it seeks, and when the limit is reached")
    func stops() throws {
        let bytes = message(SearchableTextTests.text)
        let outline = scan(bytes, pieces: 50)
        var reads = 0
        try SearchableText(outline).forEach(
            readNow: { range throws in
                reads += 1
                return bytes.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
            }, visit: { $0 != Casemap.folded("grün") })
        #expect(reads == 1)
        var texts: [String] = []
        SearchableText(outline, limit: 3).forEach(
            readNow: { bytes.getSlice(at: $0.lowerBound, length: $0.count) ?? ByteBuffer() },
            visit: {
                texts.append(String(decoding: $0, as: UTF8.self))
                return true
            })
        #expect(texts == ["GRU\u{308}"])
    }

    @Test("a reader that gives nothing ends a part, and what it throws is thrown")
    func failingReader() throws {
        let bytes = message(SearchableTextTests.text)
        let outline = scan(bytes, pieces: 50)
        var count = 0
        SearchableText(outline).forEach(
            readNow: { _ in ByteBuffer() },
            visit: {
                count += $0.isEmpty ? 1 : 0
                return true
            })
        #expect(count == 4)
        #expect(throws: OutlineCorrupt.self) {
            try SearchableText(outline).forEach(readNow: { _ in throw try #require(corruption()) }, visit: { _ in true })
        }
    }

    private func corruption() -> OutlineCorrupt? {
        do {
            _ = try MessageOutline(decoding: ByteBuffer())
            return nil
        } catch {
            return error
        }
    }

    @Test("header text is unfolded and decoded: RFC 9051 §6.4.4 TEXT, HEADER")
    func header() {
        var folded: [UInt8] = []
        let block = message("Subject: =?utf-8?q?gr=C3=BCn?=\n und\nodd line\nTo: a\n b \n\n")
        SearchableText.fold(header: block, into: &folded)
        #expect(folded == Casemap.folded("Subject: grün und\r\nodd line\r\nTo: a b\r\n"))
        #expect(SearchableText.anyField("to", of: block) { $0 == Array("A B".utf8) })
        #expect(!SearchableText.anyField("cc", of: block) { _ in true })
    }

    @Test(
        "an address is found as ENVELOPE tells it, whatever is written within: RFC 9051 §7.5.2, RFC 5322 §4.4",
        arguments: [
            "alice (c) . b@ example\r\n . test", "A <alice.b@example.test(x)>", "x@y, alice\r\n\t.\r\n\tb (c)@\r\n example.test",
            "G: \"alice.b\"@example.test;",
        ])
    func addresses(_ value: String) {
        let block = ByteBuffer(string: "From: z@z\r\nTo : q@q\r\nTO: \(value)\r\nCc: alice.c@example.test\r\n\r\n")
        for part in ["alice.b@example.test", "E.B@EXAMPLE.T", "", "@example"] {
            #expect(SearchableText.anyAddress("to", of: block) { SearchNeedle(part).isIn(folded: $0) }, "\(part)")
        }
        for part in ["alice.c@", "z@z", "(c)", "alice.b@example.test.x"] {
            #expect(!SearchableText.anyAddress("to", of: block) { SearchNeedle(part).isIn(folded: $0) }, "\(part)")
        }
    }
}
