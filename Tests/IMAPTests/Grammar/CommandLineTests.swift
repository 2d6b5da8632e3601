import MailModel
import Testing

@testable import IMAP

@Suite struct CommandLineTests {
    private static let box = MailboxArgument("box")

    @Test(
        "commands and their arguments: RFC 9051 §6",
        arguments: [
            ("CAPABILITY", .capability), ("NOOP", .noop), ("LOGOUT", .logout), ("STARTTLS", .startTLS),
            ("NAMESPACE", .namespace), ("IDLE", .idle),
            ("CHECK", .check), ("CLOSE", .close), ("UNSELECT", .unselect), ("EXPUNGE", .expunge),
            ("uid expunge 3:4", .uidExpunge(.spans((3, 4)))),
            ("ID NIL", .id([])), ("ID ()", .id([])),
            ("ID (\"name\" \"x\\\"y\" \"os\" NIL)", .id([IDField("name", "x\"y"), IDField("os", nil)])),
            ("AUTHENTICATE plain", .authenticate(mechanism: "PLAIN", initial: nil)),
            (
                "AUTHENTICATE SCRAM-SHA-256 =",
                .authenticate(mechanism: "SCRAM-SHA-256", initial: SASLResponse(bytes: []))
            ),
            (
                "AUTHENTICATE PLAIN AGEAYg==",
                .authenticate(mechanism: "PLAIN", initial: SASLResponse(bytes: [0, 97, 0, 98]))
            ),
            ("LOGIN a b", .login(LoginCredentials(user: "a", password: "b"))),
            ("LOGIN \"a b\" {3}\r\nc d", .login(LoginCredentials(user: "a b", password: "c d"))),
            ("LOGIN a \"\"", .login(LoginCredentials(user: "a", password: ""))),
            ("LOGIN a \"p\u{E4}ss\"", .login(LoginCredentials(user: "a", password: "p\u{E4}ss"))),
            ("LOGIN NIL ]", .login(LoginCredentials(user: "NIL", password: "]"))),
            ("ENABLE condstore IMAP4rev2", .enable(["CONDSTORE", "IMAP4REV2"])),
            ("SELECT inbox", .select(SelectArguments(MailboxArgument("inbox")))),
            ("EXAMINE box (CONDSTORE)", .examine(SelectArguments(box, condstore: true))),
            ("SELECT box (qresync (7 9))", .select(SelectArguments(box, resync: ResyncPoint(validity(7), mod(9))))),
            (
                "EXAMINE box (CONDSTORE QRESYNC (4294967295 9223372036854775807 5:2,9))",
                .examine(
                    SelectArguments(
                        box, condstore: true, resync: ResyncPoint(validity(.max), .max, knownUIDs: NumberSet([2...5, 9...9]))))
            ),
            (
                "SELECT box (QRESYNC (7 9 1:9 (1,3:4 2,8:9)))",
                .select(
                    SelectArguments(
                        box,
                        resync: ResyncPoint(
                            validity(7), mod(9), knownUIDs: NumberSet(1...9),
                            sample: .init(numbers: NumberSet([1...1, 3...4]), uids: NumberSet([2...2, 8...9])))))
            ),
            (
                "SELECT box (QRESYNC (7 9 (1 2)))",
                .select(
                    SelectArguments(
                        box, resync: ResyncPoint(validity(7), mod(9), sample: .init(numbers: NumberSet(1...1), uids: NumberSet(2...2)))))
            ),
            ("CREATE box", .create(CreateArguments(box))),
            (
                "CREATE box (USE (\\sent \\Foo \\Sent))",
                .create(CreateArguments(box, specialUses: [.sent], unknownUses: ["\\Foo"]))
            ),
            ("DELETE box", .delete(box)), ("RENAME box {3+}\r\nnew", .rename(from: box, to: MailboxArgument("new"))),
            ("SUBSCRIBE box", .subscribe(box)), ("UNSUBSCRIBE box", .unsubscribe(box)),
            ("STATUS box (MESSAGES uidnext SIZE MESSAGES)", .status(box, [.messages, .uidNext, .size])),
            ("LSUB \"\" %", .lsub(reference: "", pattern: "%")),
            ("LSUB a/ \"*x\"", .lsub(reference: "a/", pattern: "*x")),
            ("COPY 1:* box", .copy(.spans((1, 0)), to: box, .sequence)),
            ("UID COPY $ box", .copy(.saved, to: box, .uid)),
            ("MOVE 3 box", .move(.one(3), to: box, .sequence)),
            ("UID MOVE 5,7 box", .move(.spans((5, 5), (7, 7)), to: box, .uid)),
        ] as [(String, Command)])
    func commands(_ line: String, _ expected: Command) throws {
        #expect(try command(line) == expected)
    }

    @Test(
        "what breaks the grammar throws",
        arguments: [
            "SELECT box (QRESYNC)", "SELECT box (QRESYNC (7))", "SELECT box (QRESYNC (0 9))", "SELECT box (QRESYNC (7 0))",
            "SELECT box (QRESYNC (7 9223372036854775808))", "SELECT box (QRESYNC (7 9 *))", "SELECT box (QRESYNC (7 9 $))",
            "SELECT box (QRESYNC (7 9 1:* (1 1)))", "SELECT box (QRESYNC (7 9 1:5 (1:2 1)))", "SELECT box (QRESYNC (7 9 1:5 (1)))",
            "SELECT box (QRESYNC (7 9) QRESYNC (7 9))", "SELECT box (QRESYNC (7 9 1:5", "SELECT box (QRESYNC (7 9 ))",
            "NOOP x", "NOOP ", "CAPABILITY {1+}\r\nx", "LOGIN", "LOGIN a", "LOGIN a b c", "LOGIN  a b", "LOGIN a \"b",
            "LOGIN a \"b\\c\"", "LOGIN a b\"c",
            "LOGIN a {3}\r\na\0b", "LOGIN (a) b", "LOGIN a* b", "LOGIN a {1+}\r\nb{1+}\r\nc", "LOGIN \"a\"b c",
            "AUTHENTICATE", "AUTHENTICATE PLAIN A",
            "AUTHENTICATE PLAIN AGEAYh==", "AUTHENTICATE PLAIN ===", "AUTHENTICATE PLAIN AA=A",
            "AUTHENTICATE PLAIN AAA= x", "ENABLE", "ENABLE \"x\"", "SELECT", "SELECT a b", "SELECT a ()",
            "SELECT a (QRESYNC)", "SELECT a*b", "CREATE box (USE \\Sent)", "CREATE box (USE (Sent))", "STATUS box",
            "STATUS box ()", "STATUS box (FOO)",
            "STATUS box MESSAGES", "RENAME a", "LSUB a", "ID (\"a\")", "ID (\"a\" b)", "ID x", "COPY 0 a", "COPY 1: a",
            "COPY 1,,2 a", "COPY 4294967296 a",
            "COPY a b", "COPY $,1 a", "COPY 1:2:3 a", "UID EXPUNGE", "UID EXPUNGE 1 2", "APPEND x", "APPEND",
            "ID (\"\(String(repeating: "x", count: 31))\" NIL)",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }

    @Test("octets that are no UTF-8 are no text")
    func notUTF8() throws {
        for line in [
            Array("t LOGIN \"".utf8) + [0xC3, 0x28] + Array("\" x\r\n".utf8),
            Array("t SELECT {1+}\r\n".utf8) + [0xFF] + Array("\r\n".utf8),
        ] {
            guard case .command(let read) = events(line).first else { return #expect(Bool(false)) }
            #expect(throws: SyntaxError.self) { try read.parse() }
        }
    }

    @Test(
        "an astring can be an atom, quoted, or either literal, wherever it stands: RFC 9051 §4.3",
        arguments: [
            "LOGIN ‹user› ‹word›", "SELECT ‹box›", "EXAMINE ‹box› (CONDSTORE)", "CREATE ‹box›", "DELETE ‹box›",
            "RENAME ‹box› ‹other›", "SUBSCRIBE ‹box›",
            "UNSUBSCRIBE ‹box›", "LIST ‹ref› ‹pat›", "LIST () ‹ref› (‹pat› ‹two›) RETURN (CHILDREN)",
            "LSUB ‹ref› ‹pat›", "STATUS ‹box› (UNSEEN)",
            "COPY 1 ‹box›", "UID MOVE 1 ‹box›",
            "SEARCH CHARSET ‹utf-8› SUBJECT ‹x› OR FROM ‹y› NOT (TEXT ‹z› HEADER ‹X-A› ‹b›) 1:2",
            "FETCH 1 BODY[HEADER.FIELDS (‹From› ‹To›)]<0.5>",
        ])
    func everyForm(_ template: String) throws {
        func filled(_ form: (Substring) -> String) -> String {
            template.split(separator: "‹").enumerated().map { index, piece in
                guard index > 0, let end = piece.firstIndex(of: "›") else { return String(piece) }
                return form(piece[..<end]) + piece[piece.index(after: end)...]
            }.joined()
        }
        let expected = try command(filled { String($0) })
        #expect(try command(filled { "\"\($0)\"" }) == expected)
        #expect(try command(filled { "{\($0.utf8.count)}\r\n\($0)" }) == expected)
        #expect(try command(filled { "{\($0.utf8.count)+}\r\n\($0)" }) == expected)
    }

    @Test("a mailbox's name is read as the connection's mode says: RFC 3501 §5.1.3, RFC 9051 §5.1")
    func names() throws {
        func name(_ written: String, _ mode: TextMode) throws -> MailboxArgument? {
            try command("DELETE \(written)", mode).arguments as? MailboxArgument
        }
        #expect(try name("&AOk-t&AOk-", .ascii)?.text == "été")
        #expect(try name("&AOk-t&AOk-", .utf8)?.text == "&AOk-t&AOk-")
        #expect(try name("\"été\"", .utf8)?.text == "été")
        #expect(try name("\"été\"", .ascii)?.text == "été")
        #expect(try name("A&-B", .ascii)?.text == "A&B")
        #expect(try name("\"a//b\"", .ascii) == MailboxArgument("a//b"))
        #expect(MailboxArgument("a//b").name == nil && MailboxArgument("inbox").name == .inbox)
    }

    @Test("a base64 line of SASL is strict, and * cancels: RFC 9051 §6.2.2")
    func sasl() {
        func line(_ text: String) -> SASLLine { SASLLine(.init(string: text)) }
        #expect(line("*") == .cancelled)
        #expect(line("") == .response(SASLResponse(bytes: [])))
        #expect(line("AGEAYg==") == .response(SASLResponse(bytes: [0, 97, 0, 98])))
        #expect(line("+/8=") == .response(SASLResponse(bytes: [0xFB, 0xFF])))
        for bad in [
            "=", "A", "AA", "AAA", "A===", "====", "AGEAYg", "AG EAYg==", "AGEAYh==", "AA=A", "AAAA=", "AAAA====",
            "-_8=", "**",
        ] {
            #expect(line(bad) == .malformed, "\(bad)")
        }
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let text = written { $0.writeContinuation(base64: bytes) }
            #expect(line(String(text.dropFirst(2).dropLast(1))) == .response(SASLResponse(bytes: bytes)), "\(text)")
        }
    }
}
