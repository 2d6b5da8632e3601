import MailModel
import Testing

@testable import IMAP

@Suite struct SearchTests {
    private static let day = CalendarDay(year: 1994, month: 2, day: 1) ?? CalendarDay(of: Timestamp(rawValue: 0))
    private static let keyword = Keyword("$Fwd")

    @Test(
        "every key: RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 5032, RFC 7162, RFC 8474, RFC 8514",
        arguments: [
            ("ALL", .all), ("answered", .flag(.answered)), ("DELETED", .flag(.deleted)), ("DRAFT", .flag(.draft)),
            ("FLAGGED", .flag(.flagged)),
            ("SEEN", .flag(.seen)), ("UNANSWERED", .not(.flag(.answered))), ("UNDELETED", .not(.flag(.deleted))),
            ("UNDRAFT", .not(.flag(.draft))),
            ("UNFLAGGED", .not(.flag(.flagged))), ("UNSEEN", .not(.flag(.seen))), ("NEW", .new), ("OLD", .old),
            ("RECENT", .recent),
            ("KEYWORD $Fwd", keyword.map { .keyword($0) }), ("UNKEYWORD $Fwd", keyword.map { .not(.keyword($0)) }),
            ("BCC x", .bcc("x")), ("CC x", .cc("x")),
            ("FROM \"a b\"", .from("a b")), ("TO {3}\r\na\r\n", .to("a\r\n")), ("SUBJECT \"\"", .subject("")),
            ("BODY x", .body("x")), ("TEXT x", .text("x")),
            ("HEADER Message-ID \"<x>\"", .header(field: "message-id", "<x>")), ("BEFORE 1-Feb-1994", .before(day)),
            ("ON \"01-feb-1994\"", .on(day)),
            ("SINCE 1-FEB-1994", .since(day)), ("SENTBEFORE 1-Feb-1994", .sentBefore(day)),
            ("SENTON 1-Feb-1994", .sentOn(day)),
            ("SENTSINCE 1-Feb-1994", .sentSince(day)), ("SAVEDBEFORE 1-Feb-1994", .savedBefore(day)),
            ("SAVEDON 1-Feb-1994", .savedOn(day)),
            ("SAVEDSINCE 1-Feb-1994", .savedSince(day)), ("SAVEDATESUPPORTED", .saveDateSupported),
            ("LARGER 5000000000", .larger(5_000_000_000)),
            ("SMALLER 0", .smaller(0)), ("OLDER 60", .older(60)), ("YOUNGER 4294967295", .younger(.max)),
            ("MODSEQ 0", .modSeq(.zero)),
            ("MODSEQ \"/flags/\\\\draft\" all 620", .modSeq(mod(620))), ("EMAILID M6", .emailID("M6")),
            ("THREADID T-_9", .threadID("T-_9")),
            ("UID 3:*", .uid(.spans((3, 0)))), ("UID $", .uid(.saved)), ("1:3,5", .sequence(.spans((1, 3), (5, 5)))),
            ("*", .sequence(.spans((0, 0)))),
            ("$", .sequence(.saved)), ("NOT SEEN", .not(.flag(.seen))),
            ("OR SEEN NOT (DELETED)", .or(.flag(.seen), .not(.flag(.deleted)))),
            ("(ALL)", .all), ("SEEN 1 TO x", .and([.flag(.seen), .sequence(.one(1)), .to("x")])),
            ("(SEEN (ALL OLD)) NEW", .and([.and([.flag(.seen), .and([.all, .old])]), .new])),
            ("RETURN (MIN) ALL", nil),
        ] as [(String, SearchKey?)])
    func keys(_ line: String, _ expected: SearchKey?) throws {
        guard let expected else { return }
        #expect(try command("SEARCH " + line) == .search(SearchArguments(key: expected), .sequence))
        #expect(try command("UID SEARCH " + line) == .search(SearchArguments(key: expected), .uid))
    }

    @Test("return options and charset: RFC 9051 §6.4.4, RFC 4731, RFC 5182")
    func options() throws {
        func search(_ line: String) throws -> SearchArguments? {
            try command("SEARCH " + line).arguments as? SearchArguments
        }
        #expect(try search("RETURN () ALL")?.returns == .all)
        #expect(try search("RETURN (MIN max COUNT SAVE) ALL")?.returns == [.min, .max, .count, .save])
        #expect(try search("RETURN (ALL) CHARSET utf-8 SUBJECT {3+}\r\né!")?.key == .subject("é!"))
        #expect(try search("CHARSET iso-8859-1 ALL")?.charset == "ISO-8859-1")
        #expect(
            try search("CHARSET klingon SUBJECT x")
                == SearchArguments(charset: "KLINGON", isCharsetSupported: false, key: .subject("")))
        #expect(try search("SUBJECT \"é\"")?.key == .subject("é"))
        let latin = Array("t SEARCH CHARSET ISO-8859-1 TEXT {1+}\r\n".utf8) + [0xE9] + Array("\r\n".utf8)
        guard case .command(let line) = events(latin).first, let arguments = try line.parse().arguments as? SearchArguments else {
            return #expect(Bool(false))
        }
        #expect(arguments.key == .text("é"))
    }

    @Test(
        "what SEARCH cannot be",
        arguments: [
            "", "FOO", "()", "(ALL", "ALL)", "ALL  ALL", "NOT", "OR ALL", "KEYWORD", "KEYWORD \\Seen",
            "BEFORE 30-Feb-1994", "BEFORE 1-Foo-1994", "BEFORE 1-Feb-94",
            "BEFORE \"1-Feb-1994", "LARGER -1", "LARGER 9223372036854775808", "OLDER 0", "OLDER 4294967296", "UID x",
            "HEADER a", "HEADER a:b c", "HEADER \"\" c",
            "MODSEQ", "MODSEQ \"/flags/x\" foo 1", "MODSEQ 9223372036854775808", "EMAILID \"x\"",
            "EMAILID \(String(repeating: "x", count: 256))",
            "RETURN ALL", "RETURN (FOO) ALL", "RETURN (MIN)", "CHARSET UTF-8", "CHARSET UTF-8 CHARSET UTF-8 ALL", "1:",
            "1,", "1.2", "$1", "FUZZY",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command("SEARCH " + line) }
    }

    @Test("nesting and number of keys are bounded")
    func bounds() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "ALL" + String(repeating: ")", count: depth)
        }
        #expect(try command("SEARCH " + nested(31)) == command("SEARCH ALL"))
        #expect(throws: SyntaxError.self) { try command("SEARCH " + nested(32)) }
        _ = try command("SEARCH " + String(repeating: "NOT ", count: 31) + "ALL")
        #expect(throws: SyntaxError.self) { try command("SEARCH " + String(repeating: "NOT ", count: 32) + "ALL") }
        #expect(throws: SyntaxError.self) { try command("SEARCH " + String(repeating: "NOT ", count: 12_000) + "ALL") }
        #expect(throws: SyntaxError.self) { try command("SEARCH " + String(repeating: "OR ALL ", count: 40) + "ALL") }
        #expect(throws: SyntaxError.self) { try command("SEARCH " + String(repeating: "(", count: 30_000)) }
        _ = try command("SEARCH " + Array(repeating: "ALL", count: 1_000).joined(separator: " "))
        #expect(throws: SyntaxError.self) {
            try command("SEARCH " + Array(repeating: "ALL", count: 1_001).joined(separator: " "))
        }
    }

    @Test("days compare as days")
    func days() {
        #expect(CalendarDay(of: Timestamp(rawValue: 760_060_800 - 1)) < SearchTests.day)
        #expect(CalendarDay(of: Timestamp(rawValue: 760_060_800)) == SearchTests.day)
        #expect(CalendarDay(of: Timestamp(rawValue: 760_060_800 - 1), offset: 60) == SearchTests.day)
        #expect(CalendarDay(year: 2023, month: 2, day: 29) == nil)
    }
}
