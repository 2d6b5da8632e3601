import MessageFormat
import NIOCore
import Testing

@testable import POP3

@Suite("POP3 command lines")
struct CommandLineTests {
    private func line(_ text: String) throws(SyntaxError) -> CommandLine { try CommandLine(ByteBuffer(string: text)) }

    @Test(
        "a keyword in any case, and the rest as it is: RFC 1939 §3",
        arguments: [
            ("NOOP", Verb.noop, ""), ("noop", .noop, ""), ("Retr 12", .retr, "12"), ("RETR  12 ", .retr, " 12 "), ("TOP 1 2", .top, "1 2"),
            ("PASS  open  sesame ", .pass, " open  sesame "), ("QUIT ", .quit, ""), ("LIST", .list, ""), ("utf8", .utf8, ""),
        ])
    func commands(_ text: String, _ verb: Verb, _ argument: String) throws {
        let command = try line(text)
        #expect(command.verb == verb)
        #expect(String(buffer: command.argument.rest) == argument)
    }

    @Test("what is no command", arguments: ["", " ", " NOOP", "NOO", "NOOPS", "NOOP1", "N\u{D6}OP", "CAPABILITY", "ＲＥＴＲ", "ſtat", "\t"])
    func unknown(_ text: String) {
        #expect(throws: SyntaxError.unrecognized) { try line(text) }
    }

    @Test("a bare CR, a bare LF or a NUL is no line", arguments: ["NO\rOP", "NOOP\r", "NOOP\n", "USER a\0b"])
    func controls(_ text: String) {
        #expect(throws: SyntaxError.notALine) { try line(text) }
    }

    @Test("message numbers: RFC 1939 §5", arguments: [("1", 1), (" 7", 7), ("007", 7), ("4294967295", 4_294_967_295), ("3 ", 3)])
    func numbers(_ text: String, _ number: Int) throws {
        #expect(try MessageNumber(ByteScanner(text)).value == number)
    }

    @Test(
        "what is no message number",
        arguments: [
            ("", SyntaxError.messageNumber), ("0", .messageNumber), ("x", .messageNumber), ("-1", .messageNumber), ("+1", .messageNumber),
            ("4294967296", .messageNumber), ("18446744073709551617", .messageNumber), ("1x", .argument), ("1.", .argument), ("1 2", .unexpectedArgument),
        ])
    func noNumbers(_ text: String, _ error: SyntaxError) {
        #expect(throws: error) { try MessageNumber(ByteScanner(text)) }
    }

    @Test("TOP's two numbers: RFC 1939 §7")
    func top() throws {
        let top = try TopArguments(ByteScanner("12 0"))
        #expect(top.message == 12 && top.lines == 0)
        #expect(try TopArguments(ByteScanner("1  99 ")).lines == 99)
        for (text, error) in [
            ("1", SyntaxError.missingArgument), ("1 ", .argument), ("0 1", .messageNumber), ("1 x", .argument), ("1 -1", .argument), ("1x 1", .missingArgument),
            ("1 1 1", .unexpectedArgument),
        ] {
            #expect(throws: error) { try TopArguments(ByteScanner(text)) }
        }
    }

    @Test("AUTH's mechanism and initial response: RFC 5034 §4")
    func auth() throws {
        #expect(try AuthArguments(ByteScanner("plain")).mechanism == "PLAIN")
        #expect(try AuthArguments(ByteScanner("PLAIN")).initialResponse == nil)
        #expect(try AuthArguments(ByteScanner("PLAIN =")).initialResponse == [])
        #expect(try AuthArguments(ByteScanner("PLAIN YWxpY2U=")).initialResponse == Array("alice".utf8))
        #expect(try AuthArguments(ByteScanner("X-Y-Z")).mechanism == "X-Y-Z")
        #expect(throws: SyntaxError.base64) { try AuthArguments(ByteScanner("PLAIN YWxp Y2U=")) }
        #expect(throws: SyntaxError.base64) { try AuthArguments(ByteScanner("PLAIN ===")) }
        #expect(throws: SyntaxError.mechanism) { try AuthArguments(ByteScanner(String(repeating: "X", count: 21))) }
    }
}

@Suite("POP3 lines")
struct LineReaderTests {
    private func lines(_ bytes: [UInt8], by size: Int, isInExchange: Bool = false) -> [String] {
        var reader = LineReader()
        var input = ByteBuffer()
        var found: [String] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            input.writeBytes(bytes[start..<min(start + size, bytes.count)])
            while let line = reader.next(&input, isInExchange) {
                switch line {
                case .line(let text): found.append(String(buffer: text))
                case .malformed: found.append("<malformed>")
                case .tooLong: found.append("<too long>")
                case .endless: found.append("<endless>")
                }
            }
            #expect(input.readableBytes <= POP3Settings.authLine)
        }
        return found
    }

    @Test("lines come out the same however they are cut: RFC 1939 §3", arguments: [1, 2, 3, 7, 2_048, 5_000, 1 << 20])
    func cuts(_ size: Int) {
        let long = String(repeating: "x", count: 2_046)
        let auth = "AUTH PLAIN " + String(repeating: "A", count: 12_288 - 13)
        let text = "NOOP\r\n\r\na\nb\rc\r\n\(long)\r\n\(long)x\r\nQUIT\r\n\(auth)\r\n\(auth)A\r\nauth x\r\nhalf"
        #expect(
            lines(Array(text.utf8), by: size) == [
                "NOOP", "", "<malformed>", "b\rc", long, "<too long>", "QUIT", auth, "<too long>", "auth x",
            ])
    }

    @Test("within AUTH a line may be longer: RFC 5034 §4")
    func exchange() {
        let response = String(repeating: "A", count: 12_286)
        #expect(lines(Array("\(response)\r\nA\(response)\r\n".utf8), by: 1_000, isInExchange: true) == [response, "<too long>"])
    }

    @Test("a line without end is not waited for, and nothing of it is kept")
    func endless() {
        #expect(lines(Array(repeating: UInt8(ascii: "x"), count: (1 << 20) + 20_000), by: 10_000).first == "<endless>")
        #expect(lines(Array(repeating: UInt8(ascii: "x"), count: (1 << 20) + 1) + Array("\r\n".utf8), by: 1 << 21) == ["<endless>"])
        #expect(lines(Array(repeating: UInt8(ascii: "x"), count: (1 << 20) - 2) + Array("\r\nNOOP\r\n".utf8), by: 4_096) == ["<too long>", "NOOP"])
    }
}
