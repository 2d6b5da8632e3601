import MailModel
import Testing

@testable import IMAP

@Suite struct ListTests {
    @Test(
        "LIST, plain and extended: RFC 9051 §6.3.9, RFC 5258, RFC 5819",
        arguments: [
            ("\"\" *", ListArguments(reference: "", patterns: ["*"])),
            ("\"\" \"\"", ListArguments(reference: "", patterns: [""])),
            ("&AOk- %/&AOk-*", ListArguments(reference: "é", patterns: ["%/é*"])),
            ("() \"\" a]b", ListArguments(reference: "", patterns: ["a]b"], isExtended: true)),
            (
                "(SUBSCRIBED recursivematch) \"\" %",
                ListArguments(
                    selection: [.subscribed, .recursiveMatch], reference: "", patterns: ["%"], isExtended: true)
            ),
            (
                "(SPECIAL-USE) \"\" (a \"b c\")",
                ListArguments(selection: [.specialUse], reference: "", patterns: ["a", "b c"], isExtended: true)
            ),
            ("\"\" % RETURN ()", ListArguments(reference: "", patterns: ["%"], isExtended: true)),
            (
                "\"\" % return (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE CHILDREN)",
                ListArguments(
                    reference: "", patterns: ["%"],
                    returns: [.subscribed, .children, .status([.messages, .unseen]), .specialUse], isExtended: true)
            ),
        ])
    func list(_ line: String, _ expected: ListArguments) throws {
        #expect(try command("LIST " + line) == .list(expected))
    }

    @Test(
        "what LIST cannot be",
        arguments: [
            "\"\"", "\"\" () ", "\"\" (a", "(RECURSIVEMATCH) \"\" *", "(REMOTE RECURSIVEMATCH) \"\" *", "(FOO) \"\" *",
            "\"\" * RETURN", "\"\" * RETURN (FOO)",
            "\"\" * RETURN (STATUS)", "\"\" * RETURN (STATUS (MESSAGES) STATUS (UNSEEN))", "\"\" * FOO ()", "a* *",
            "\"\" ()",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command("LIST " + line) }
    }

    @Test(
        "wildcards: RFC 9051 §6.3.9",
        arguments: [
            ("", "*", "a/b/c", true), ("", "%", "a", true), ("", "%", "a/b", false), ("", "a/%", "a/b", true),
            ("", "a/%", "a", false), ("", "a%", "a", true),
            ("", "a*", "a/b", true), ("", "*b", "a/b", true), ("", "%b", "a/b", false), ("", "%/%", "a/b", true),
            ("", "%/%", "a/b/c", false),
            ("", "%*", "a/b", true), ("", "*%", "a/b", true), ("", "%%", "ab", true), ("", "%%", "a/b", false),
            ("", "a%c%e", "abcde", true),
            ("", "a%c%e", "abcdef", false), ("a/", "%", "a/b", true), ("a/", "*", "ab", false), ("a", "b", "ab", true),
            ("", "x", "x", true),
            ("", "X", "x", false), ("", "inbox", "INBOX", true), ("", "iNb%", "INBOX", true),
            ("", "inbox/x", "INBOX/x", true), ("", "inbox/X", "INBOX/x", false),
            ("", "inbox", "INBOXES", false), ("", "é%", "été", true), ("", "e\u{301}%", "été", true),
            ("", "*a*b*c*", "xxaxxbxxcxx", true),
            ("", "*a*b*c*", "xxcxxbxxaxx", false), ("", "", "a", false), ("", "%a%a%a%a%", "aaaa", true),
            ("", "%a%a%a%a%a%", "aaaa", false),
        ])
    func pattern(_ reference: String, _ pattern: String, _ name: String, _ expected: Bool) throws {
        #expect(MailboxPattern(reference: reference, pattern).matches(try #require(MailboxName(name))) == expected)
    }

    @Test("the matcher agrees with a plain recursive one, across word borders too")
    func oracle() throws {
        func plain(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
            guard let first = pattern.first else { return name.isEmpty }
            if first == UInt8(ascii: "*") || first == UInt8(ascii: "%") {
                if plain(pattern.dropFirst(), name) { return true }
                guard let next = name.first, first == UInt8(ascii: "*") || next != UInt8(ascii: "/") else {
                    return false
                }
                return plain(pattern, name.dropFirst())
            }
            return name.first == first && plain(pattern.dropFirst(), name.dropFirst())
        }
        var random = Seeded(7)
        for round in 0..<3_000 {
            let pad = round % 3 == 0 ? String(repeating: "q", count: 50 + round % 30) : ""
            let pattern =
                pad
                + String(
                    (0..<Int.random(in: 0...10, using: &random)).map { _ in "ab/*%".randomElement(using: &random) ?? "a"
                    })
            let text =
                pad
                + String(
                    (0..<Int.random(in: 1...10, using: &random)).map { _ in "ab/".randomElement(using: &random) ?? "a" }
                )
            guard let name = MailboxName(text) else { continue }
            let expected = plain(Array(pattern.utf8)[...], Array(name.value.utf8)[...])
            #expect(MailboxPattern(pattern).matches(name) == expected, "\(pattern) \(name)")
        }
    }

    /// A matcher that tries every way of dividing the name among the wildcards would not end; the limit says so.
    @Test("a hostile pattern costs no more than its length", .timeLimit(.minutes(20)))
    func hostile() throws {
        let pattern = MailboxPattern(String(repeating: "%a", count: 500) + "b")
        let name = try #require(
            MailboxName(String(repeating: "a", count: 250) + "/" + String(repeating: "a", count: 250)))
        for _ in 0..<100 { #expect(!pattern.matches(name)) }
        #expect(!MailboxPattern(String(repeating: "a", count: 3_000)).matches(.inbox))
    }
}

/// A repeatable source of chance (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
