import FuzzEntries
import MailModel
import NIOCore
import SMTP
import Testing

@Suite struct ReplyReaderTests {
    /// Replies as `code|line|line`, then `!fault`.
    static func read(_ octets: [UInt8], piece: Int = .max) -> [String] {
        var reader = ReplyReader()
        var found: [String] = []
        var rest = octets[...]
        while true {
            do throws(ReplyReader.Fault) {
                while let reply = try reader.next() { found.append(([String(reply.code)] + reply.lines).joined(separator: "|")) }
            } catch {
                return found + ["!\(error)"]
            }
            guard !rest.isEmpty else { return reader.isAhead ? found + ["…"] : found }
            reader.feed(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
    }

    @Test(
        "replies: RFC 5321 §4.2, and what is taken beyond it",
        arguments: [
            ("250 ok\r\n", ["250|ok"]), ("250-a\r\n250-b\r\n250 c\r\n", ["250|a|b|c"]), ("250\r\n", ["250|"]), ("250-\r\n250 \r\n", ["250||"]),
            ("220 a\r\n221 b\r\n", ["220|a", "221|b"]), ("250 ok\n", ["250|ok"]), ("250-a\n250 b\r\n", ["250|a|b"]), ("250 a\rb\r\n", ["250|a\rb"]),
            ("250 a\r\r\n", ["250|a\r"]), ("599 x\r\n", ["599|x"]), ("250 a", ["…"]), ("250-a\r\n", ["…"]), ("250 ok\r\n2", ["250|ok", "…"]), ("", []),
            ("199 x\r\n", ["!noReply"]), ("600 x\r\n", ["!noReply"]), ("000 x\r\n", ["!noReply"]), ("25 x\r\n", ["!noReply"]), ("2500 x\r\n", ["!noReply"]),
            ("250+x\r\n", ["!noReply"]), ("\r\n", ["!noReply"]), ("\n", ["!noReply"]), ("hello\r\n", ["!noReply"]), ("-25 x\r\n", ["!noReply"]),
            ("250 ok\r\n\r\n", ["250|ok", "!noReply"]), ("250-a\r\n550 b\r\n", ["!mixedCodes"]), ("\u{FF12}50 x\r\n", ["!noReply"]),
            ("HTTP/1.1 400 Bad Request\r\n", ["!noReply"]), ("250 \u{0}\u{1B}[31m\r\n", ["250|\u{0}\u{1B}[31m"]),
        ])
    func replies(text: String, expected: [String]) {
        for piece in [1, 2, 3, .max] { #expect(Self.read(Array(text.utf8), piece: piece) == expected, "\(piece)") }
    }

    @Test("octets that are no text are no reason to fall")
    func noText() {
        let octets = Array("250 ".utf8) + [0xFF, 0xC3, 0x28, 0x80, 0xF0, 0x9F] + Array("\r\n".utf8)
        for piece in [1, 5, .max] { #expect(Self.read(octets, piece: piece).first?.hasPrefix("250|\u{FFFD}") == true) }
    }

    @Test("a line of 8 KiB is read, one octet more is not; with or without its end", arguments: [8 * 1024, 8 * 1024 + 1])
    func longLine(length: Int) {
        let line = Array("250 ".utf8) + [UInt8](repeating: 0x61, count: length - 6) + Array("\r\n".utf8)
        #expect(line.count == length)
        for piece in [1, 1_000, .max] { #expect((Self.read(line, piece: piece) == ["!tooLong"]) == (length > 8 * 1024)) }
        #expect(Self.read(Array(line.dropLast()) + [0x61, 0x61]) == ["!tooLong"])
    }

    @Test("1,000 lines are read, one more is not", arguments: [1_000, 1_001])
    func manyLines(count: Int) {
        let text = Array(String(repeating: "250-a\r\n", count: count - 1).utf8) + Array("250 a\r\n".utf8)
        for piece in [7, .max] { #expect((Self.read(text, piece: piece) == ["!tooLong"]) == (count > 1_000)) }
    }

    @Test("64 KiB in all; replies one behind the other have 64 KiB each")
    func large() {
        func reply(_ octets: Int) -> [UInt8] {
            let line = "250-" + String(repeating: "a", count: 1_018) + "\r\n"
            let rest = octets - 60 * 1_024
            return Array(String(repeating: line, count: 60).utf8) + Array(("250 " + String(repeating: "b", count: rest - 6) + "\r\n").utf8)
        }
        let most = reply(ReplyReader.mostOctets)
        #expect(most.count == ReplyReader.mostOctets)
        for piece in [999, .max] {
            #expect(Self.read(most + most, piece: piece).count == 2)
            #expect(Self.read(reply(ReplyReader.mostOctets + 1), piece: piece) == ["!tooLong"])
        }
    }

    @Test("after what was no reply nothing is read, however right it is")
    func final() {
        var reader = ReplyReader()
        reader.feed(ByteBuffer(string: "x\r\n250 ok\r\n"))
        #expect(throws: ReplyReader.Fault.noReply) { try reader.next() }
        reader.feed(ByteBuffer(string: "250 ok\r\n"))
        #expect(throws: ReplyReader.Fault.noReply) { try reader.next() }
        #expect(!reader.isAhead)
    }

    @Test(
        "the enhanced code stands apart where it is one of the reply's class: RFC 2034 §4",
        arguments: [
            ("5.1.1 No such user", 550, "5.1.1", "No such user"), ("2.1.5", 250, "2.1.5", ""), ("4.2.2 full", 550, nil, "4.2.2 full"),
            ("5.1.1.1 x", 550, nil, "5.1.1.1 x"), ("5.1 x", 550, nil, "5.1 x"), ("No 5.1.1", 550, nil, "No 5.1.1"), ("5.7.26  This", 550, "5.7.26", " This"),
        ])
    func status(line: String, code: Int, status: String?, text: String) {
        let remote = ServerReply(code: code, lines: [line, line]).remote
        #expect(remote.status?.description == status && remote.lines == [text, text] && remote.code == code)
    }

    @Test("nothing of it can be a line of its own where it is kept: TRAPS §1.19, CVE-2020-8794")
    func hostile() {
        let remote = ServerReply(
            code: 550, lines: ["a\rRCPT TO:<x@y>\u{0}\u{2028}\u{85}", String(repeating: "y", count: 8_000)] + Array(repeating: "z", count: 900)
        ).remote
        #expect(remote.lines.count == RemoteReply.mostLines)
        #expect(remote.lines.first == "a?RCPT TO:<x@y>???" && remote.lines[1].utf8.count == RemoteReply.mostOctets)
    }

    @Test("what a fuzzer calls, with replies cut and mixed by chance")
    func fuzz() {
        var state: UInt64 = 5_321
        func chance(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        let pieces = [
            "250", "-", " ", "\r\n", "\n", "\r", "550 5.1.1 no", "250-SIZE 10", "250 AUTH=LOGIN", "\u{0}", "é", "5.1.1", String(repeating: "x", count: 5_000),
        ]
        for _ in 0..<80 {
            let text = (0...chance(30)).map { _ in pieces[chance(pieces.count)] }.joined()
            Array(text.utf8).withUnsafeBytes { fuzzSMTPReply($0) }
        }
    }
}
