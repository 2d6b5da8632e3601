import NIOCore
import Testing

@testable import MessageFormat

@Suite("Texts that are looked into in parts")
struct TextWindowsTests {
    /// Words short and as long as words may be and longer, of scripts with spaces and without.
    static let folded: String = {
        var text = ""
        for round in 0..<6 {
            text += "TEA FOR \(round), \(String(repeating: "x", count: 94 + round)) - É\u{301}TÉ 日本語 日 本の茶a茶b "
            text += String(repeating: "long", count: 40 + round) + "... " + String(repeating: "字", count: 2 * round) + "\r\n"
        }
        return text
    }()

    private struct Words: Equatable {
        var words: Set<String> = []
        var hasLong = false

        mutating func add(_ text: [UInt8]) {
            text.withUnsafeBytes { octets in
                if SearchWords.forEach(in: octets, { words.insert(String(decoding: octets[$0], as: UTF8.self)) }) { hasLong = true }
            }
        }
    }

    /// A message of one text part.
    private func letter(_ text: [UInt8], _ type: String, _ encoding: String = "8bit") -> (MessageOutline, ByteBuffer) {
        var bytes = message("Content-Type: \(type)\nContent-Transfer-Encoding: \(encoding)\n\n")
        bytes.writeBytes(text)
        return (scan(bytes, pieces: 50), bytes)
    }

    private func windows(_ letter: (outline: MessageOutline, bytes: ByteBuffer), step: Int, overlap: Int = 0, limit: Int = 1 << 20) -> [[UInt8]] {
        var windows: [[UInt8]] = []
        SearchableText(letter.outline, limit: limit, overlap: overlap).forEach(
            readNow: { letter.bytes.getSlice(at: $0.lowerBound, length: min(step, $0.count)) ?? ByteBuffer() },
            visit: {
                windows.append($0)
                return true
            })
        return windows
    }

    @Test("windows have the words of the whole and no others", arguments: [1, 2, 3, 7, 50, 96, 97, 98, 331])
    func words(step: Int) {
        let letter = letter(Array(TextWindowsTests.folded.utf8), "text/plain; charset=utf-8")
        var whole = Words()
        var parted = Words()
        for window in windows(letter, step: 1 << 20) { whole.add(window) }
        let parts = windows(letter, step: step)
        for window in parts { parted.add(window) }
        #expect(parts.count > 4)
        #expect(parted == whole)
        #expect(whole.hasLong && whole.words.count > 20)
        // And no window but the last is much larger than what is read for it.
        #expect(parts.allSatisfy { $0.count < 6 * step + 400 })
    }

    @Test("whatever is no longer than the overlap and an octet is whole in a window", arguments: [1, 3, 10, 50, 200], [0, 1, 5, 60, 500])
    func overlap(step: Int, overlap: Int) {
        let letter = letter(Array(TextWindowsTests.folded.utf8), "text/plain; charset=utf-8")
        let whole = Array(windows(letter, step: 1 << 20).joined())
        let parts = windows(letter, step: step, overlap: overlap)
        for start in 0..<whole.count - overlap {
            let needle = Array(whole[start...start + overlap])
            let isThere = parts.contains { window in
                window.withUnsafeBytes { window in needle.withUnsafeBytes { SearchNeedle.holds(window, $0) } }
            }
            #expect(isThere, "\(start)")
            if !isThere { return }
        }
    }

    static let html = """
        <!DOCTYPE html><html><head><title>no <b> text</title><style>p { a: b }</STYLE >
        <script>if (a < b) { "</p>" } </script></head><!-- none --> <p class="x>y">Gr&uuml;&#xDF;e &amp; mehr &nosuch; &am <b>fe</b>tt<br/>neu
        <td>1</td><!--><3 a<<b>c</b> &#128512; &verylongentityname; <averylongtagnameofthirtyoctets z>x</averylongtagnameofthirtyoctets><script>open
        """

    @Test("tags come off a piece at a time as they come off the whole")
    func strips() {
        let html = Array(TextWindowsTests.html.utf8)
        let whole = html.withUnsafeBytes { HTMLText.stripped($0) }
        #expect(String(decoding: whole, as: UTF8.self).contains("Grüße & mehr &nosuch; &am fett neu"))
        for step in 1..<html.count {
            var stripper = HTMLText.Stripper()
            var text: [UInt8] = []
            var held: [UInt8] = []
            for start in stride(from: 0, to: html.count, by: step) {
                held += html[start..<min(html.count, start + step)]
                let used = held.withUnsafeBytes { stripper.strip($0, isLast: start + step >= html.count, into: &text) }
                held.removeFirst(used)
                #expect(held.count < 20)
            }
            #expect(held.isEmpty)
            #expect(text == whole, "\(step)")
        }
    }

    @Test(
        "charsets are read a piece at a time as they are read whole",
        arguments: [
            ("utf-8", Array("aé日😀\u{FFFD}".utf8) + [0xE2, 0x82, 0x41, 0xF0, 0x9F, 0xC3, 0xA9, 0x80, 0x80, 0x80, 0x80, 0x80, 0xF0, 0x9F, 0x98]),
            ("us-ascii", Array("abc é".utf8)), ("us-ascii", Array("abc é".utf8) + [0xE9, 0x80, 0x81]), ("x-nobody", [0x61, 0xE9, 0xC3]),
            ("x-nobody", Array("aé".utf8)), ("iso-8859-1", [0x61, 0xE4, 0x80, 0x81]), ("shift_jis", [0x61, 0x82, 0xA0, 0x82, 0xA2, 0x82]),
            ("iso-2022-jp", [0x61, 0x1B, 0x24, 0x42, 0x24, 0x22, 0x24, 0x24, 0x1B, 0x28, 0x42, 0x62, 0x1B, 0x24]),
            ("iso-2022-kr", [0x1B, 0x24, 0x29, 0x43, 0x61, 0x0E, 0x47, 0x51, 0x47, 0x51, 0x0F, 0x62]),
            ("euc-jp", [0x61, 0xFF, 0xA4, 0xA2, 0x62, 0xA4]), ("gb18030", [0x81, 0x30, 0x81, 0x30, 0x61, 0x81, 0x30]),
            ("utf-16", [0xFF, 0xFE, 0xE4, 0x00, 0x3D, 0xD8, 0x00, 0xDE, 0x41]), ("utf-7", Array("a+ZeU-b+".utf8)),
            ("hz-gb-2312", Array("a~{VPVP~}~~b~\nc~{VP".utf8) + [0x0A] + Array("~x~".utf8)), ("big5", [0xA4, 0xA4, 0xFF, 0x61, 0xA4]),
        ] as [(String, [UInt8])])
    func charsets(label: String, octets: [UInt8]) {
        let whole = Charset.decode(octets, label: label) ?? octets.withUnsafeBytes { HeaderText.string($0) }
        for step in 1...octets.count {
            let letter = letter(octets, "text/plain; charset=\(label)")
            // With all of it in the overlap there is one window.
            #expect(windows(letter, step: step, overlap: .max) == [Casemap.folded(whole)], "\(step)")
            var decoder = Charset.TextDecoder(label)
            if decoder.isUnsure { decoder.settle(isUTF8: String(validating: octets, as: UTF8.self) != nil) }
            var decoded: [UInt8] = []
            var held: [UInt8] = []
            for start in stride(from: 0, to: octets.count, by: step) {
                held += octets[start..<min(octets.count, start + step)]
                let used = held.withUnsafeBytes { decoder.decode($0, isLast: start + step >= octets.count, into: &decoded) }
                held.removeFirst(used)
            }
            #expect(String(decoding: decoded, as: UTF8.self) == whole, "\(step)")
        }
    }

    @Test("a large text that is UTF-8 only at first is read as ISO 8859-1 throughout", arguments: ["us-ascii", "x-nobody"])
    func unsure(label: String) {
        let line = Array("grün und blau \r\n".utf8)
        var octets = (0..<40_000).flatMap { _ in line }
        #expect(windows(letter(octets, "text/plain; charset=\(label)"), step: 1 << 20).first?.starts(with: Casemap.folded("grün")) == true)
        octets.append(0xFF)
        let texts = windows(letter(octets, "text/plain; charset=\(label)"), step: 1 << 20)
        #expect(texts.count > 1 && texts[0].starts(with: Casemap.folded("grÃ¼n")))
        #expect(texts.last?.suffix(2) == Casemap.folded("ÿ")[...].suffix(2))
        #expect(texts.allSatisfy { $0.count < 1 << 20 })
    }

    @Test("a decoded text is bounded whatever it is cut into")
    func limit() {
        let octets = [UInt8](repeating: UInt8(ascii: "a"), count: 10_000)
        let lines = octets.enumerated().map { $0.offset % 50 == 0 ? 0x20 : $0.element }
        let count = windows(letter(lines, "text/plain"), step: 100, limit: 1_000).reduce(0) { $0 + $1.count }
        #expect((1_000...1_100).contains(count))
    }
}
