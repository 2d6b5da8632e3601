import MailModel
import Testing

@Suite("User and account names")
struct UserNameTests {
    @Test(
        "names that are allowed, kept as typed (S63-S68)",
        arguments: [
            "john.doe", "user_123", "admin-2024", "a", "A", "_", "__", "a.b.c", "0", "_leading", "trailing_", String(repeating: "x", count: 64),
        ])
    func allowed(text: String) throws {
        #expect(try UserName(text).spelling == text)
        #expect(try UserName(text[...]).description == text)
    }

    @Test(
        "names that are not, and the log line that says why (S80, S81)",
        arguments: [
            ("", .length(0), "Invalid username length: 0"),
            (String(repeating: "x", count: 65), .length(65), "Invalid username length: 65"),
            (".user", .edge, "Invalid username: it begins or ends with '.' or '-'"),
            ("user.", .edge, "Invalid username: it begins or ends with '.' or '-'"),
            ("-user", .edge, "Invalid username: it begins or ends with '.' or '-'"),
            ("user-", .edge, "Invalid username: it begins or ends with '.' or '-'"),
            ("user..name", .consecutiveDots, "Invalid username: consecutive dots"),
            ("user@#$%", .character("@"), "Invalid character in username: @ (0x40)"),
            ("us er", .character(" "), "Invalid character in username:   (0x20)"),
            ("us\ner", .character("\n"), "Invalid character in username: ? (0xA)"),
            ("us\u{0}er", .character("\u{0}"), "Invalid character in username: ? (0x0)"),
            ("us\u{7F}er", .character("\u{7F}"), "Invalid character in username: ? (0x7F)"),
            ("us\u{202E}er", .character("\u{202E}"), "Invalid character in username: ? (0x202E)"),
            ("us/er", .character("/"), "Invalid character in username: / (0x2F)"),
            ("jörg", .character("ö"), "Invalid character in username: ö (0xF6)"),
            ("\u{130}", .character("\u{130}"), "Invalid character in username: \u{130} (0x130)"),
        ] as [(String, UserName.Fault, String)])
    func refused(text: String, fault: UserName.Fault, line: String) {
        #expect(throws: fault) { try UserName(text) }
        #expect(fault.logLine == line)
    }

    @Test("no control character reaches a log line")
    func controls() throws {
        for value in UInt32(0)...0x9F {
            let line = UserName.Fault.character(try #require(Unicode.Scalar(value))).logLine
            #expect(line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "0x\(String(value, radix: 16))")
        }
    }

    @Test("two names that differ in case are the same account's")
    func folded() throws {
        #expect(try UserName("John.Doe") == UserName("john.doe"))
        #expect(try Set([UserName("A"), UserName("a"), UserName("b")]).count == 2)
        #expect(try UserName("John.Doe").folded == "john.doe")
    }

    @Test("an account is NAME@DOMAIN, or a bare NAME of the default domain")
    func accounts() throws {
        let domain = try #require(Domain("example.org"))
        #expect(try AccountName("Alice@EXAMPLE.org").description == "Alice@example.org")
        #expect(try AccountName("alice", defaultDomain: domain) == AccountName("ALICE@example.org"))
        #expect(try AccountName("alice@other.example", defaultDomain: domain).domain.value == "other.example")
        #expect(try AccountName("Alice@Example.org").folded == "alice@example.org")
    }

    @Test(
        "what is no account name",
        arguments: [
            ("alice", .domain), ("alice@", .domain), ("@example.org", .user(.length(0))), ("", .user(.length(0))),
            ("alice@[127.0.0.1]", .domain), ("alice@a@b", .domain), ("al ice@example.org", .user(.character(" "))),
            ("alice@example.org\r\n", .domain),
        ] as [(String, AccountName.Fault)])
    func notAccounts(text: String, fault: AccountName.Fault) {
        #expect(throws: fault) { try AccountName(text) }
    }
}
