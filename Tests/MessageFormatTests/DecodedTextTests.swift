import MessageFormat
import NIOCore
import Testing

@Suite struct DecodedTextTests {
    static let text = """
        Subject: outer
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        gr=FCn
        --b
        Content-Type: application/octet-stream

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
        try DecodedText(outline, limit: limit).forEach { (range: Range<Int>) throws in
            bytes.getSlice(at: range.lowerBound, length: min(step, range.count)) ?? ByteBuffer()
        } visit: {
            texts.append($0)
            return true
        }
        return texts
    }

    @Test("text parts and embedded headers, decoded, in order: RFC 9051 §6.4.4 BODY", arguments: [1, 3, 1_000])
    func bodies(step: Int) async throws {
        let bytes = message(DecodedTextTests.text)
        var texts: [String] = []
        try await DecodedText(scan(bytes, pieces: 50)).forEach { range async throws in
            bytes.getSlice(at: range.lowerBound, length: min(step, range.count)) ?? ByteBuffer()
        } visit: {
            texts.append($0)
            return true
        }
        #expect(texts == ["grün", "Subject: 日本\r\n", "inner", "<p>odd"])
    }

    @Test("reading stops when the visitor has found what it seeks, and when the limit is reached")
    func stops() throws {
        let bytes = message(DecodedTextTests.text)
        let outline = scan(bytes, pieces: 50)
        var reads = 0
        try DecodedText(outline).forEach(
            readNow: { range throws in
                reads += 1
                return bytes.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
            }, visit: { !$0.contains("grün") })
        #expect(reads == 1)
        var texts: [String] = []
        DecodedText(outline, limit: 3).forEach(
            readNow: { bytes.getSlice(at: $0.lowerBound, length: $0.count) ?? ByteBuffer() },
            visit: {
                texts.append($0)
                return true
            })
        #expect(texts == ["grün"])
    }

    @Test("a reader that gives nothing ends a part, and what it throws is thrown")
    func failingReader() throws {
        let bytes = message(DecodedTextTests.text)
        let outline = scan(bytes, pieces: 50)
        var count = 0
        DecodedText(outline).forEach(
            readNow: { _ in ByteBuffer() },
            visit: {
                count += $0.isEmpty ? 1 : 0
                return true
            })
        #expect(count == 4)
        #expect(throws: OutlineCorrupt.self) {
            try DecodedText(outline).forEach(readNow: { _ in throw try #require(corruption()) }, visit: { _ in true })
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
        #expect(
            DecodedText.header(message("Subject: =?utf-8?q?gr=C3=BCn?=\n und\nodd line\n\n"))
                == "Subject: grün und\r\nodd line\r\n")
    }
}
