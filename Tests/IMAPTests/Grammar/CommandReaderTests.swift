import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite struct CommandReaderTests {
    private let small = CommandReader.Limits(line: 300, command: 600, message: 100)

    private func names(_ events: [CommandEvent]) -> [String] {
        events.map { event in
            switch event {
            case .command(let line): "\(line.tag) \(line.verb.rawValue)"
            case .literalRequest(let tag, _, let octets): "+ \(tag) \(octets)"
            case .appendBegin(let tag, let target, let message):
                "\(tag) \(target.verb.rawValue) \(target.mailbox.text) "
                    + (message.isCatenated ? "parts" : "\(message.octets)\(message.synchronising ? "" : "+")")
            case .appendText(_, let text): "text \(text.octets)\(text.synchronising ? "" : "+")"
            case .appendURL(_, let url): "url \(url)"
            case .appendBytes(let bytes): "bytes \(String(buffer: bytes))"
            case .appendNext(let tag, let message): "\(tag) next \(message.octets)"
            case .appendEnd(let tag): "\(tag) end"
            case .syntaxError(let tag, let error): "\(tag?.value ?? "*") BAD \(error.text)"
            case .tooBig(let tag, let verb, let octets, let synchronising):
                "\(tag) \(verb.rawValue) too big \(octets)\(synchronising ? "" : "+")"
            case .line(let line): "line \(String(buffer: line))"
            case .lineTooLong: "line too long"
            }
        }
    }

    @Test("every verb is read, in any case: RFC 9051 §9", arguments: Verb.allCases.filter { !$0.addsMessage })
    func verbs(_ verb: Verb) {
        for name in [
            verb.rawValue, verb.rawValue.lowercased(),
            String(verb.rawValue.prefix(1)) + verb.rawValue.dropFirst().lowercased(),
        ] {
            let found = allEvents("A1 \(name) x\r\n")
            guard case .command(let line) = found.first else {
                Issue.record("\(found)")
                continue
            }
            #expect(found.count == 1 && line.verb == verb && line.tag == tag("A1"))
        }
    }

    @Test(
        "what is no command is BAD and the next line is read: RFC 9051 §7.1.3",
        arguments: [
            ("\r\n", "*"), (" NOOP\r\n", "*"), ("+ NOOP\r\n", "*"), ("a*b NOOP\r\n", "*"), ("a\r\n", "a"),
            ("a FROB\r\n", "a"), ("a \r\n", "a"),
            ("a UID\r\n", "a"), ("a UID NOOP\r\n", "a"), ("a NOOPNOOPNOOPNOOPNOOP\r\n", "a"), ("a NOOP\t\r\n", "a"),
            ("\u{0}\r\n", "*"), ("ä NOOP\r\n", "*"),
            (String(repeating: "x", count: 129) + " NOOP\r\n", "*"), ("a FROB {3+}\r\nxyz\r\n", "a"),
            ("a FROB {3}\r\n", "a"),
            ("a FROB {3+}\r\nxyz{4+}\r\nabcd\r\n", "a"), ("* FROB {3+}\r\na NOOP\r\n", "*"),
            ("a FETCH ~{3+}\r\nxyz\r\n", "a"),
        ])
    func errors(_ text: String, _ answered: String) {
        let found = names(allEvents(text + "z NOOP\r\n"))
        #expect(
            found.count == 2 && found.first?.hasPrefix(answered + " BAD ") == true && found.last == "z NOOP", "\(found)"
        )
    }

    @Test("a bare LF ends a line as CRLF does")
    func bareLF() throws {
        #expect(names(allEvents("a NOOP\nb LOGIN {1+}\nx {2}\nyz\n")) == ["a NOOP", "+ b 2", "b LOGIN"])
    }

    @Test("a synchronising literal is asked for, one with + is not: RFC 9051 §4.3, RFC 7888")
    func literals() {
        #expect(names(allEvents("a LOGIN {3}\r\nbob {4+}\r\nword\r\nb NOOP\r\n")) == ["+ a 3", "a LOGIN", "b NOOP"])
        #expect(names(allEvents("a LOGIN {0}\r\n {0+}\r\n\r\nb NOOP\r\n")) == ["+ a 0", "a LOGIN", "b NOOP"])
    }

    @Test("a literal that was turned down is not waited for; one that comes all the same is passed over")
    func refusal() {
        func refusing(_ event: CommandEvent, _ reader: inout CommandReader) {
            switch event {
            case .literalRequest, .appendBegin: reader.refuseLiteral()
            default: break
            }
        }
        #expect(names(allEvents("a LOGIN {3}\r\nb NOOP\r\n", react: refusing)) == ["+ a 3", "b NOOP"])
        #expect(names(allEvents("a APPEND x {3}\r\nb NOOP\r\n", react: refusing)) == ["a APPEND x 3", "b NOOP"])
        #expect(
            names(allEvents("a APPEND x {4+}\r\nabcd {3+}\r\nxyz\r\nb NOOP\r\n", react: refusing)) == [
                "a APPEND x 4+", "b NOOP",
            ])
        #expect(names(allEvents("a APPEND x {0+}\r\n\r\nb NOOP\r\n", react: refusing)) == ["a APPEND x 0+", "b NOOP"])
    }

    @Test("an APPEND given up half way swallows the rest of its message")
    func givenUp() {
        var reader = CommandReader(limits: .generous)
        var input = ByteBuffer(string: "a APPEND x {6}\r\n")
        _ = reader.next(&input)
        input.writeString("abc")
        #expect(reader.next(&input) == .appendBytes(ByteBuffer(string: "abc")))
        reader.refuseLiteral()
        input.writeString("def\r\nb NOOP\r\n")
        guard case .command(let line) = reader.next(&input) else { return #expect(Bool(false), "no command") }
        #expect(line.verb == .noop)
        #expect(reader.isIdle)
    }

    @Test(
        "a message is announced, streamed and ended: RFC 9051 §6.3.12",
        arguments: [
            ("a APPEND INBOX {5}\r\nhello\r\n", ["a APPEND INBOX 5", "bytes hello", "a end"]),
            ("a APPEND INBOX {5+}\r\nhello\r\n", ["a APPEND INBOX 5+", "bytes hello", "a end"]),
            ("a APPEND \"a b\" {0}\r\n\r\n", ["a APPEND a b 0", "a end"]),
            ("a APPEND {3+}\r\nfoo {1+}\r\nx\r\n", ["a APPEND foo 1+", "bytes x", "a end"]),
            ("a APPEND {3}\r\nfoo {1}\r\nx\r\n", ["+ a 3", "a APPEND foo 1", "bytes x", "a end"]),
            (
                "a APPEND &AOk- (\\Seen $x) \" 1-Feb-2020 03:04:05 -0130\" {1}\r\n\n\r\n",
                ["a APPEND é 1", "bytes \n", "a end"]
            ),
            (
                "a APPEND x {2}\r\nhi trailing\r\n",
                ["a APPEND x 2", "bytes hi", "a BAD Unexpected text behind the message"]
            ),
            (
                "a APPEND x {2}\r\nhi {2+}\r\nho\r\n",
                ["a APPEND x 2", "bytes hi", "a BAD Unexpected text behind the message"]
            ),
            ("a APPEND x foo {2+}\r\nhi\r\n", ["a BAD A flag list, a date or the message expected"]),
            (
                "a APPEND x {2+}\r\nhi{3+}\r\nabc\r\n",
                ["a APPEND x 2+", "bytes hi", "a BAD Unexpected text behind the message"]
            ),
            ("a APPEND x ~{2+}\r\nhi\r\n", ["a BAD A literal8 cannot stand here"]),
            ("a APPEND x (\\Seen {2+}\r\nhi\r\n", ["a BAD Atom expected"]),
            ("a APPEND x (\\Seen) \"30-Feb-2020 00:00:00 +0000\" {2+}\r\nhi\r\n", ["a BAD No such date and time"]),
            ("a APPEND x {101}\r\n", ["a APPEND too big 101"]),
            ("a APPEND x {101+}\r\n" + String(repeating: "m", count: 101) + "\r\n", ["a APPEND too big 101+"]),
            ("a APPEND x {99999999999999999999999}\r\n", ["a APPEND too big 9223372036854775807"]),
        ] as [(String, [String])])
    func append(_ text: String, _ expected: [String]) {
        #expect(names(allEvents(text + "z NOOP\r\n", limits: small)) == expected + ["z NOOP"])
    }

    @Test("what APPEND says of its message")
    func appendArguments() {
        let found = allEvents("a APPEND x (\\seen $Fwd \\Recent) \"17-Jul-1996 02:44:25 -0700\" {4+}\r\n")
        let message = AppendMessage(
            flags: Flags(system: .seen, keywords: [Keyword("$fwd")].compactMap(\.self)),
            date: Timestamp(rawValue: 837_596_665), octets: 4,
            synchronising: false)
        #expect(found == [.appendBegin(tag: tag("a"), target: AppendTarget(MailboxArgument("x")), message: message)])
    }

    @Test("a literal8 and several messages where they are accepted: RFC 3516 §4.4, RFC 3502")
    func extendedAppend() {
        let text = "a APPEND x ~{2+}\r\n\u{0}b (\\Seen) {3}\r\nabc {0+}\r\n\r\nz NOOP\r\n"
        let found = allEvents(
            text,
            prepare: { reader in
                reader.acceptsBinary = true
                reader.acceptsMultipleAppend = true
            })
        #expect(
            names(found) == ["a APPEND x 2+", "bytes \u{0}b", "a next 3", "bytes abc", "a next 0", "a end", "z NOOP"])
    }

    @Test("a line over the limit is BAD once and passed over, with what it announces")
    func longLines() {
        let long = String(repeating: "x", count: 400)
        #expect(names(allEvents("a NOOP \(long)\r\nb NOOP\r\n", limits: small)) == ["a BAD Line too long", "b NOOP"])
        #expect(names(allEvents("\(long) NOOP\r\nb NOOP\r\n", limits: small)) == ["* BAD Line too long", "b NOOP"])
        #expect(
            names(allEvents("a LOGIN \(long) {6+}\r\nc FROB\r\nb NOOP\r\n", limits: small)) == [
                "a BAD Line too long", "b NOOP",
            ])
        #expect(
            names(allEvents("a LOGIN {1+}\r\nx \(long)\r\nb NOOP\r\n", limits: small)) == [
                "a BAD Line too long", "b NOOP",
            ])
        let fits = "a NOOP " + String(repeating: "x", count: 292)
        #expect(names(allEvents(fits + "\r\n", limits: small)) == ["a NOOP"])
        #expect(names(allEvents(fits + "x\r\n", limits: small)) == ["a BAD Line too long"])
    }

    @Test("literals count to the command's limit together")
    func bigLiterals() {
        let part = String(repeating: "x", count: 250)
        #expect(names(allEvents("a LOGIN {601}\r\nb NOOP\r\n", limits: small)) == ["a LOGIN too big 601", "b NOOP"])
        #expect(
            names(
                allEvents(
                    "a SEARCH TEXT {250+}\r\n\(part) TEXT {250+}\r\n\(part) TEXT {250+}\r\n\(part)\r\nb NOOP\r\n",
                    limits: small))
                == ["a SEARCH too big 250+", "b NOOP"])
        #expect(
            names(
                allEvents(
                    "a SEARCH TEXT {250+}\r\n\(part) TEXT {250+}\r\n\(part) TEXT \(part)\r\nb NOOP\r\n", limits: small))
                == ["a BAD Command too long", "b NOOP"])
    }

    @Test("bare lines between commands: SASL and DONE")
    func bareLines() {
        let text =
            "a IDLE\r\nDONE\r\nb IDLE\r\n{5+}\r\nc IDLE\r\n\(String(repeating: "x", count: 60)){5+}\r\nd IDLE\r\n\r\ne NOOP\r\n"
        let found = allEvents(
            text,
            react: { event, reader in
                if case .command(let line) = event, line.verb == .idle { reader.expectLine(limit: 50) }
            })
        #expect(
            names(found) == [
                "a IDLE", "line DONE", "b IDLE", "line {5+}", "c IDLE", "line too long", "d IDLE", "line ", "e NOOP",
            ])
    }

    @Test("after reset nothing of what came before counts: RFC 9051 §6.2.1")
    func reset() {
        var reader = CommandReader()
        for start in ["a LOGIN {5+}\r\nab", "a NOO", "a APPEND x {5+}\r\n", "x\(String(repeating: "y", count: 9_000))"] {
            var input = ByteBuffer(string: start)
            while reader.next(&input) != nil {}
            #expect(!reader.isIdle)
            reader.reset()
            #expect(reader.isIdle && reader.gathered.capacity == 0)
        }
    }

    @Test("what is held stays within the limits however much comes: CVE-2025-61600's kind")
    func memory() {
        let limits = CommandReader.Limits.stranger
        let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 4_096)
        for start in [
            "", "a LOGIN {60000+}\r\n", "a LOGIN {99999999999+}\r\n", "a APPEND x {99999999999+}\r\n",
            "a FROB {9999999999+}\r\n",
        ] {
            var reader = CommandReader(limits: limits)
            var input = ByteBuffer(string: start)
            while reader.next(&input) != nil {}
            var most = 0
            for _ in 0..<1_000 {
                var input = chunk
                while reader.next(&input) != nil {}
                most = max(most, reader.gathered.storageCapacity)
            }
            #expect(most <= 4 * limits.command)
        }
        var reader = CommandReader(limits: limits)
        var most = 0
        for _ in 0..<10_000 {
            var input = ByteBuffer(string: "a LOGIN {60000+}\r\nabc")
            while reader.next(&input) != nil {}
            most = max(most, reader.gathered.readableBytes)
        }
        #expect(most <= limits.command + limits.line)
    }

    @Test("a command and its pieces do not print what they hold")
    func silence() throws {
        let found = allEvents("a LOGIN bob topsecret\r\n")
        guard case .command(let line) = found.first else { return #expect(Bool(false)) }
        let parsed = try line.parse()
        for text in [
            "\(line)", String(reflecting: line), "\(parsed)", String(reflecting: parsed), String(describing: found),
        ] {
            #expect(!text.contains("topsecret"))
        }
        let sasl = try command("AUTHENTICATE PLAIN AHRvcHNlY3JldAB0b3BzZWNyZXQ=")
        #expect(
            !"\(sasl)".contains("116")
                && sasl
                    == .authenticate(
                        mechanism: "PLAIN", initial: SASLResponse(bytes: Array("\0topsecret\0topsecret".utf8)))
        )
    }
}
