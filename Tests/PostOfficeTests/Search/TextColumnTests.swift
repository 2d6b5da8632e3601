import Testing

@testable import PostOffice

@Suite("What texts are sorted by")
struct TextColumnTests {
    @Test("keys of texts compare as the texts do: RFC 5255 §4")
    func keys() {
        var column = TextColumn()
        let texts = ["", "a", "a\u{0}", "a\u{0}b", "a\u{0}\u{0}", "a\u{1}", "ab", "b", "A", "é", "\u{10FFFF}", String(repeating: "x", count: 300)]
        for text in texts { column.append(text) }
        for a in texts.indices {
            for b in texts.indices {
                #expect((column.compare(a, b) < 0) == column.key(at: a).lexicographicallyPrecedes(column.key(at: b)))
            }
        }
    }

    @Test("of very many messages less of each text counts: a table is bounded")
    func bounded() {
        var column = TextColumn(most: 16)
        column.append(String(repeating: "x", count: 20) + "a")
        column.append(String(repeating: "x", count: 20) + "b")
        column.append("y")
        #expect(column.compare(0, 1) == 0)
        #expect(column.compare(1, 2) < 0)
    }
}
