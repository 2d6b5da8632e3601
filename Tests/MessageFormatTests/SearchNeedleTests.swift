import MessageFormat
import Testing

@Suite struct SearchNeedleTests {
    @Test(
        "a text is found as a part, without regard to case: RFC 9051 §6.4.4, RFC 5051 §2",
        arguments: [
            ("tea", "Come to TEA.", true), ("", "", true), ("x", "", false), ("aab", "aaaab", true), ("abab", "abacabab", true),
            ("abac", "ababab", false), ("GRÜßE", "viele grüße", true), ("e\u{301}", "caf\u{E9}", true), ("ΣΑΣ", "σας", true),
            ("strasse", "Straße", false), ("cafe", "Café", true), ("한글", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}", true),
            ("ﾊﾟ", "パ", true), ("ＡＢＣ", "abc", true), ("\u{1C4}", "\u{1C6}", true), ("中文", "简体中文。", true),
        ])
    func finds(needle: String, text: String, isThere: Bool) {
        #expect(SearchNeedle(needle).isIn(text) == isThere)
    }

    @Test("as a plain search does")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let text = String((0..<20).map { _ in "ab".randomElement(using: &generator) ?? "a" })
            let needle = String((0..<Int.random(in: 1...5)).map { _ in "ab".randomElement(using: &generator) ?? "a" })
            #expect(SearchNeedle(needle).isIn(text) == text.contains(needle))
        }
    }

    private func words(_ text: String) -> (words: [String], hasLong: Bool) {
        let folded = Casemap.folded(text)
        var words: [String] = []
        let hasLong = folded.withUnsafeBytes { bytes in
            SearchWords.forEach(in: bytes) { words.append(String(decoding: bytes[$0], as: UTF8.self)) }
        }
        return (words, hasLong)
    }

    @Test(
        "text parts into words; of scripts without spaces into pairs of neighbours",
        arguments: [
            ("Come, to-tea 4!", ["COME", "TO", "TEA", "4"]), ("", []), ("…", []), ("日本語です", ["日本", "本語", "語て", "て\u{3099}", "\u{3099}す"]),
            ("日", ["日"]), ("ABC日本x", ["ABC", "日本", "X"]), ("пример текста", ["ПРИМЕР", "ТЕКСТА"]), ("😀", ["😀"]),
        ] as [(String, [String])])
    func parts(text: String, expected: [String]) {
        #expect(words(text).words == expected)
        #expect(!words(text).hasLong)
    }

    @Test("what is too long for a word is said, not kept")
    func long() {
        let (found, hasLong) = words("a " + String(repeating: "x", count: SearchWords.longest + 1) + " b")
        #expect(found == ["A", "B"])
        #expect(hasLong)
    }

    @Test("whatever is in a text, its words by the needle's clauses are there: else an index would lose it")
    func clauses() {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("abé ,.日本語한x9-ßñ😀\u{301}ﬁ№") + [" ", " "]
        for _ in 0..<3_000 {
            let text = String((0..<Int.random(in: 1...30, using: &generator)).map { _ in letters.randomElement(using: &generator) ?? " " })
            let folded = Casemap.folded(text)
            let list = "\n" + words(text).words.map { $0 + "\n" }.joined()
            let scalars = Array(text.unicodeScalars)
            let low = Int.random(in: 0..<scalars.count, using: &generator)
            let high = Int.random(in: low..<scalars.count, using: &generator)
            var cut = String.UnicodeScalarView()
            cut.append(contentsOf: scalars[low...high])
            let needle = SearchNeedle(String(cut))
            #expect(needle.isIn(folded: folded))
            let all = needle.clauses.allSatisfy { clause in
                Array(list.utf8).withUnsafeBytes { list in clause.pattern.withUnsafeBytes { WordList.find($0, in: list, from: 0) != nil } }
            }
            #expect(all, "\(text) has \(String(cut))")
            let other = SearchNeedle(String((0..<2).map { _ in letters.randomElement(using: &generator) ?? "a" }))
            guard other.isOneWord else { continue }
            let isListed = Array(list.utf8).withUnsafeBytes { list in
                other.clauses[0].pattern.withUnsafeBytes { WordList.find($0, in: list, from: 0) != nil }
            }
            #expect(isListed == other.isIn(folded: folded), "\(text): \(other.octets)")
        }
    }
}
