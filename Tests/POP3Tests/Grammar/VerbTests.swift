import POP3
import Testing

@Suite("POP3 verbs")
struct VerbTests {
    @Test("a verb has three or four letters: RFC 1939 §3")
    func lengths() {
        for verb in Verb.allCases { #expect((3...4).contains(verb.rawValue.count)) }
    }
}
