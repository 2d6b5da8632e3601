import MailModel
import Testing

@testable import IMAP

@Suite struct AccessTests {
    private static let box = MailboxArgument("box")

    @Test(
        "access lists, quotas and annotations: RFC 4314 §7, RFC 9208 §7, RFC 5464 §5",
        arguments: [
            ("GETACL box", .access(.list, box)), ("MYRIGHTS {3}\r\nbox", .access(.ownRights, box)),
            ("SETACL box bob lr", .access(.change(.replace([.lookup, .read]), of: "bob"), box)),
            ("setacl box \"-bob@example.test\" +c", .access(.change(.add([.create, .deleteMailbox]), of: "-bob@example.test"), box)),
            ("SETACL box anyone -d", .access(.change(.remove([.deleteMessages, .expunge]), of: "anyone"), box)),
            ("SETACL box bob \"\"", .access(.change(.replace([]), of: "bob"), box)),
            ("DELETEACL box bob", .access(.delete("bob"), box)), ("LISTRIGHTS box bob", .access(.rights(of: "bob"), box)),
            ("GETQUOTA \"\"", .quota(.get(root: ""))), ("GETQUOTAROOT box", .quota(.root(of: box))),
            ("SETQUOTA r ()", .quota(.set(root: "r", []))),
            ("SETQUOTA r (storage 9 X 0)", .quota(.set(root: "r", [QuotaLimit("STORAGE", 9), QuotaLimit("X", 0)]))),
            ("GETMETADATA \"\" /shared/comment", .metadata(.get(["/shared/comment"], MetadataOptions()), MailboxArgument(""))),
            ("GETMETADATA box (/SHARED/a /private /shared/A)", .metadata(.get(["/shared/a", "/private"], MetadataOptions()), box)),
            (
                "GETMETADATA (DEPTH 1 MAXSIZE 7) box (/shared/a)",
                .metadata(.get(["/shared/a"], MetadataOptions(maxSize: 7, depth: .one)), box)
            ),
            ("GETMETADATA box (depth infinity) /shared/a", .metadata(.get(["/shared/a"], MetadataOptions(depth: .infinity)), box)),
            ("SETMETADATA box (/shared/a NIL /private/b {2+}\r\nxy)", .metadata(.set(["/shared/a": nil, "/private/b": [120, 121]]), box)),
            ("SETMETADATA box (/shared/a ~{2+}\r\nx\0)", .metadata(.set(["/shared/a": [120, 0]]), box)),
            (
                "LIST \"\" % RETURN (MYRIGHTS METADATA (/shared/a))",
                .list(
                    ListArguments(
                        reference: "", patterns: ["%"], returns: [.myRights, .metadata(["/shared/a"])], isExtended: true))
            ),
        ] as [(String, Command)])
    func commands(_ line: String, _ expected: Command) throws {
        #expect(try command(line) == expected)
    }

    @Test(
        "what breaks the grammar throws",
        arguments: [
            "GETACL", "GETACL box x", "SETACL box bob", "SETACL box bob q", "SETACL box bob +-l", "SETACL box \"\" l", "DELETEACL box",
            "GETQUOTA", "SETQUOTA r", "SETQUOTA r (STORAGE)", "SETQUOTA r (STORAGE x)", "SETQUOTA r (STORAGE 9223372036854775808)",
            "GETMETADATA box", "GETMETADATA box ()", "GETMETADATA box shared/a", "GETMETADATA box /shared/a/", "GETMETADATA (DEPTH 2) box /shared/a",
            "GETMETADATA (WIDTH 2) box /shared/a", "GETMETADATA box /shared//a", "GETMETADATA box \"/shared/\u{E4}\"",
            "SETMETADATA box ()", "SETMETADATA box (/shared/a)", "SETMETADATA box (/shared \"x\")", "SETMETADATA box (/shared/a x)",
            "SETMETADATA box (/shared/a NIL /SHARED/A NIL)", "SETMETADATA box (/private/vendor/a \"x\")", "SETMETADATA box (/shared/a {2+}\r\nx\0)",
            "SELECT ~{3+}\r\nbox", "LIST \"\" % RETURN (METADATA)",
        ])
    func broken(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }
}
