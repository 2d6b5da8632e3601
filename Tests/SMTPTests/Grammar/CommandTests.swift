import MessageFormat
import NIOCore
import Testing

@testable import SMTP

@Suite struct CommandTests {
    @Test(
        "a verb in any case, its argument, and white space at the end: RFC 5321 §2.4, §4.1.1",
        arguments: [
            ("NOOP", Verb.noop, ""), ("noop", .noop, ""), ("NoOp  ", .noop, ""), ("NOOP \t", .noop, ""), ("NOOP what ever ", .noop, "what ever"),
            ("EHLO  x", .ehlo, "x"), ("mail FROM:<>", .mail, "FROM:<>"), ("STARTTLS", .startTLS, ""), ("auth PLAIN", .auth, "PLAIN"),
            ("NOOP\tx", .noop, "x"), ("QUIT x", .quit, "x"), ("mail \t FROM:<>", .mail, "FROM:<>"),
        ])
    func lines(_ text: String, _ verb: Verb, _ argument: String) throws {
        let line = try CommandLine(ByteBuffer(string: text))
        #expect(line.verb == verb)
        #expect(String(buffer: line.argument.rest) == argument)
    }

    @Test(
        "what is no command",
        arguments: [
            ("", SyntaxError.unrecognized), (" NOOP", .unrecognized), ("NOOPX", .unrecognized), ("GET / HTTP/1.1", .foreign),
            ("NO", .unrecognized), ("NOOP a\rb", .notALine), ("NOOP a\nb", .notALine), ("NOOP a\0b", .notALine), ("\r", .notALine),
            ("Subject: x", .foreign), ("post /", .foreign), ("CONNECT a:25 HTTP/1.1", .foreign), ("HEAD / HTTP/1.0", .foreign), ("PUT /", .foreign),
            ("OPTIONS *", .foreign), ("PRI * HTTP/2.0", .foreign), ("Host:", .foreign), ("X-Y: z\0", .foreign), ("\u{16}\u{3}\u{1}", .foreign), ("{", .foreign),
            ("220 x", .foreign), ("ünknown", .foreign), ("GETX", .unrecognized), ("BOGUS a:b", .unrecognized),
        ])
    func noCommand(_ text: String, _ error: SyntaxError) {
        #expect(throws: error) { try CommandLine(ByteBuffer(string: text)) }
    }

    @Test("every verb is found by its word, and has its row in the table", arguments: Verb.allCases)
    func verbs(_ verb: Verb) throws {
        #expect(try CommandLine(ByteBuffer(string: "\(verb.word)")).verb == verb)
        #expect(VerbRule.table.filter { $0.verb == verb }.count == 1)
        #expect(VerbRule.of(verb)?.verb == verb)
    }

    @Test(
        "MAIL's parameters: RFC 1870 §6, RFC 6152 §3, RFC 6531 §3.4, RFC 4954 §5",
        arguments: [
            ("SIZE=0", [MailParameter.size(0)]), ("size=1234 BODY=8BITMIME", [.size(1234), .body(.eightBitMIME)]),
            (" BODY=7bit  SMTPUTF8", [.body(.sevenBit), .smtpUTF8]), ("AUTH=<> SIZE=99999999999999999999", [.auth, .size(.max)]),
            ("AUTH=e+3Dmc2@example.com", [.auth]), ("body=binarymime", [.body(.binaryMIME)]),
        ])
    func parameters(_ text: String, _ parameters: [MailParameter]) throws {
        #expect(try MailCommand(ByteScanner("FROM:<a@b.example> " + text)).parameters == parameters)
    }

    @Test(
        "MAIL's parameters that are none",
        arguments: [
            ("SIZE", SyntaxError.parameter), ("SIZE=", .parameter), ("SIZE=-1", .parameter), ("SIZE=1x", .parameter), ("SIZE=1 SIZE=2", .parameter),
            ("SIZE=999999999999999999999", .parameter), ("BODY", .parameter), ("BODY=BINARY", .parameter), ("BODY=BINARYMIME BODY=7BIT", .parameter),
            ("SMTPUTF8=1", .parameter),
            ("RETURN=HDRS", .unknownParameter), ("X", .unknownParameter), ("=1", .parameter), ("-X=1", .parameter), ("SIZE=1=2", .parameter),
            ("AUTH", .parameter), ("SMTPUTF8 SMTPUTF8", .parameter), ("BODY=8BITMIME BODY=7BIT", .parameter),
        ])
    func badParameters(_ text: String, _ error: SyntaxError) {
        #expect(throws: error) { try MailCommand(ByteScanner("FROM:<a@b.example> " + text)) }
    }

    @Test(
        "RCPT's parameters that are none",
        arguments: [("NOTIFY=NEVER", SyntaxError.parameter), (" X=1", .unknownParameter), (" SIZE=1", .unknownParameter), (" NOTIFY", .parameter)])
    func rcptParameters(_ text: String, _ error: SyntaxError) {
        #expect(throws: error) { try RcptCommand(ByteScanner("TO:<a@b.example>" + text)) }
    }

    @Test(
        "BDAT's size and LAST: RFC 3030 §2",
        arguments: [("0", 0, false), ("12 LAST", 12, true), ("12  last", 12, true), ("9223372036854775807", Int.max, false)])
    func chunk(_ text: String, _ octets: Int, _ isLast: Bool) throws {
        let command = try BdatCommand(ByteScanner(text))
        #expect(command.octets == octets && command.isLast == isLast)
    }

    @Test("BDAT without a size that can be read", arguments: ["", "x", "-1", "1x", "1 LASTx", "1LAST", "9223372036854775808", "1 2", "1 LAST x"])
    func badChunk(_ text: String) {
        #expect(throws: SyntaxError.chunkSize) { try BdatCommand(ByteScanner(text)) }
    }

    @Test("AUTH's mechanisms and initial responses: RFC 4954 §4")
    func auth() throws {
        #expect(try AuthCommand(ByteScanner("plain")).initialResponse == nil)
        #expect(try AuthCommand(ByteScanner("PLAIN =")).initialResponse == [])
        #expect(try AuthCommand(ByteScanner("LOGIN YWxpY2U=")).initialResponse == Array("alice".utf8))
        #expect(try AuthCommand(ByteScanner("scram-sha-256")).mechanism == "SCRAM-SHA-256")
        #expect(throws: SyntaxError.mechanism) { try AuthCommand(ByteScanner(String(repeating: "X", count: 21))) }
        // A dotless i is no I.
        #expect(throws: SyntaxError.mechanism) { try AuthCommand(ByteScanner("pla\u{131}n")) }
    }

    @Test("base64 as RFC 4648 §4 has it", arguments: [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YWJjZA==", "abcd")])
    func base64(_ text: String, _ octets: String) throws {
        #expect(try AuthResponse(ByteBuffer(string: text)) == .octets(Array(octets.utf8)))
    }

    @Test(
        "what is no base64",
        arguments: ["Y", "YQ", "YQ=", "Y===", "YR==", "YWJ=", "YQ==YQ==", "Y Q=", "YQ\u{0}=", "====", "=", "!!!!", "YWJj\u{20AC}"])
    func badBase64(_ text: String) {
        #expect(throws: SyntaxError.base64) { try AuthResponse(ByteBuffer(string: text)) }
    }

    @Test("a reply can hold no line end, whatever it is made of")
    func replies() {
        var output = ByteBuffer()
        Reply(550, "5.1.1", "no\r\n250 yes\0\u{7F}").write(to: &output)
        #expect(String(buffer: output) == "550 5.1.1 no??250 yes??\r\n")
    }
}
