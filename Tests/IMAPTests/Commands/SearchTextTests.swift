@testable import IMAP
import Testing

@Suite("SearchText")
struct SearchTextTests {
    @Test(
        "a text is found as a part, without regard to case: RFC 9051 §6.4.4",
        arguments: [
            ("tea", "Come to TEA.", true), ("", "", true), ("x", "", false), ("aab", "aaaab", true), ("abab", "abacabab", true),
            ("abac", "ababab", false), ("GRÜSSE", "viele grüsse", true), ("e\u{301}", "caf\u{E9}", true), ("ΣΑΣ", "σας", false),
        ])
    func finds(needle: String, text: String, isThere: Bool) {
        #expect(SearchText(needle).isIn(text) == isThere)
    }

    @Test("as a plain search does")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let text = String((0..<20).map { _ in "ab".randomElement(using: &generator) ?? "a" })
            let needle = String((0..<Int.random(in: 1...5)).map { _ in "ab".randomElement(using: &generator) ?? "a" })
            #expect(SearchText(needle).isIn(text) == text.contains(needle))
        }
    }
}
