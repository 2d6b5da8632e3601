import MessageFormat
import NIOCore
import Testing

@Suite struct MessageLimitsTests {
    static func depth(_ part: Part) -> Int {
        switch part.content {
        case .leaf: 1
        case .multipart(let parts): 1 + (parts.map(depth).max() ?? 0)
        case .message(let embedded): 1 + depth(embedded.root)
        }
    }

    static func count(_ part: Part) -> Int {
        switch part.content {
        case .leaf: 1
        case .multipart(let parts): 1 + parts.map(count).reduce(0, +)
        case .message(let embedded): 1 + count(embedded.root)
        }
    }

    @Test("multiparts nested 200 deep are cut at 100, and what follows them is still found: CVE-2020-12100")
    func nestedMultiparts() {
        var text = "Content-Type: multipart/mixed; boundary=b0\n\n"
        for level in 1...200 { text += "--b\(level - 1)\nContent-Type: multipart/mixed; boundary=b\(level)\n\n" }
        text += "--b200\n\ndeepest\n--b0\nContent-Type: image/png\n\nlast\n--b0--\n"
        let outline = scan(lines: text)
        #expect(MessageLimitsTests.depth(outline.root) == 100)
        #expect(outline.root.children.map(\.mediaType) == ["multipart/mixed", "image/png"])
        #expect(message(text).latin(outline.root.children[1].bodyRange) == "last")
        let path = [Int](repeating: 1, count: 99)
        #expect(outline.part(at: path)?.mediaType == "application/octet-stream")
    }

    @Test("messages nested 200 deep are cut at 100: CVE-2020-12100")
    func nestedMessages() {
        let text = String(repeating: "Content-Type: message/rfc822\n\n", count: 200) + "Subject: deepest\n\nbody"
        let outline = scan(lines: text)
        #expect(MessageLimitsTests.depth(outline.root) == 100)
        #expect(outline.root.bodyRange.upperBound == outline.size)
    }

    @Test("of 20,000 parts 10,000 are told, the last one reaching to the end")
    func manyParts() {
        let text = MessageScannerTests.multipart(String(repeating: "--b\n\nx\n", count: 20_000) + "--b--\n")
        let bytes = message(text)
        let outline = scan(bytes, pieces: 1_000)
        #expect(outline == scan(bytes, pieces: 3))
        #expect(outline.root.children.count == 9_999)
        let last = outline.root.children.last
        #expect(last?.bodyRange.upperBound == outline.size)
        #expect(last.map { bytes.latin($0.bodyRange.lowerBound..<$0.bodyRange.lowerBound + 8) } == "x\r\n--b\r\n")
        #expect((try? MessageOutline(decoding: outline.encode())) == outline)
    }

    @Test("a header beyond the limit is cut, its offsets are not: CVE-2024-23185")
    func largeHeader() {
        var limits = MessageLimits()
        limits.headerOctets = 1_000
        let text =
            "Subject: first\n" + String(repeating: "X-Filler: \(String(repeating: "x", count: 60))\n", count: 200)
            + "From: lost@x\n\nbody\n"
        let bytes = message(text)
        let outline = scan(bytes, limits: limits)
        #expect(outline.envelope.subject == "first" && outline.envelope.from.isEmpty && outline.header == nil)
        #expect(bytes.latin(outline.root.bodyRange) == "body\r\n")
        var scanner = MessageScanner(limits: limits)
        scanner.consume(bytes)
        _ = scanner.finish()
        #expect(scanner.defects.contains(.headerTooLarge))
    }

    @Test("a header of up to 16 KiB is kept with the outline, a longer one is not")
    func keptHeader() {
        for (count, isKept) in [(16_384, true), (16_385, false)] {
            let text = "Subject: " + String(repeating: "x", count: count - 13) + "\r\n\r\n"
            let outline = scan(ByteBuffer(string: text), pieces: 999)
            #expect(outline.headerSize == count && (outline.header != nil) == isKept)
        }
    }

    @Test("fields, parameters and addresses beyond their limits are left out: CVE-2026-27859, CVE-2024-23184")
    func counts() {
        var limits = MessageLimits()
        limits.headerFields = 50
        limits.parameters = 20
        limits.addresses = 30
        let parameters = (0..<100).map { "; a\($0)=\($0)" }.joined()
        let addresses = String(repeating: "a@x,", count: 100)
        let text =
            "To: \(addresses)\nCc: late@x\nContent-Type: text/plain\(parameters)\n"
            + String(repeating: "X: y\n", count: 60) + "Subject: lost\n\n"
        let outline = scan(lines: text, limits: limits)
        #expect(outline.envelope.to.count == 30 && outline.envelope.cc.isEmpty)
        #expect(outline.root.parameters.count == 20 && outline.envelope.subject == nil)
    }

    @Test("what the scanner holds of a large body does not grow with it")
    func boundedMemory() {
        var scanner = MessageScanner()
        scanner.consume(message(MessageScannerTests.multipart("--b\n\n")))
        let piece = ByteBuffer(string: String(repeating: "-", count: 1 << 16))
        for _ in 0..<200 { scanner.consume(piece) }
        scanner.consume(message("\n--b--\n"))
        let outline = scanner.finish()
        #expect(outline.root.children.map(\.bodyRange.count) == [200 << 16])
        #expect(outline.encode().readableBytes < 1_000)
    }
}
