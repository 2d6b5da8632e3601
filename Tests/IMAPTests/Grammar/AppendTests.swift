import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite("APPEND's many forms, and REPLACE")
struct AppendTests {
    private let small = CommandReader.Limits(line: 300, command: 600, message: 100)

    private func names(_ events: [CommandEvent]) -> [String] {
        events.map { event in
            switch event {
            case .command(let line): "\(line.verb.rawValue)"
            case .literalRequest(_, _, let octets): "+ \(octets)"
            case .appendBegin(_, let target, let message):
                "\(target.verb.rawValue) \(target.replaced.map { "\($0.highest)\($0.hasStar ? "*" : "") " } ?? "")\(target.mailbox.text) \(name(message))"
            case .appendBytes(let bytes): "bytes \(String(buffer: bytes))"
            case .appendText(_, let text): "text \(text.octets)\(text.synchronising ? "" : "+")"
            case .appendURL(_, let url): "url \(url)"
            case .appendNext(_, let message): "next \(name(message))"
            case .appendEnd: "end"
            case .syntaxError: "BAD"
            case .tooBig(_, let verb, let octets, _): "\(verb.rawValue) too big \(octets)"
            case .line, .lineTooLong: "line"
            }
        }
    }

    private func name(_ message: AppendMessage) -> String {
        let flags = message.flags == Flags() ? "" : "flagged "
        if message.isCatenated { return flags + "parts" }
        return flags
            + "\(message.isUTF8 ? "utf8 " : "")\(message.isBinary ? "~" : "")\(message.octets)\(message.synchronising ? "" : "+")"
    }

    private func accepting(_ reader: inout CommandReader) {
        reader.acceptsBinary = true
        reader.acceptsMultipleAppend = true
    }

    @Test(
        "is read, whole and byte by byte: RFC 3502, RFC 4469 §5, RFC 6855 §4, RFC 8508 §7",
        arguments: [
            (
                "APPEND x {1+}\r\na {1}\r\nb (\\Seen) {0+}\r\n\r\n",
                ["APPEND x 1+", "bytes a", "next 1", "bytes b", "next flagged 0+", "end"]
            ),
            ("APPEND x CATENATE (URL /a)\r\n", ["APPEND x parts", "url /a", "end"]),
            (
                "APPEND x (\\Draft) catenate (url \"/a b\" text {2}\r\nhi url /c)\r\n",
                [
                    "APPEND x flagged parts", "url /a b", "text 2", "bytes hi", "url /c", "end",
                ]
            ),
            (
                "APPEND x CATENATE (TEXT {1+}\r\na TEXT {1+}\r\nb)\r\n",
                ["APPEND x parts", "text 1+", "bytes a", "text 1+", "bytes b", "end"]
            ),
            ("APPEND {1+}\r\nx CATENATE (URL {2+}\r\n/a)\r\n", ["APPEND x parts", "url /a", "end"]),
            (
                "APPEND x CATENATE (TEXT {1+}\r\na URL {2}\r\n/b URL {2+}\r\n/c)\r\n",
                [
                    "APPEND x parts", "text 1+", "bytes a", "+ 2", "url /b", "url /c", "end",
                ]
            ),
            (
                "APPEND x CATENATE (URL /a) CATENATE (URL /b) {1+}\r\nc CATENATE (URL /d)\r\n",
                [
                    "APPEND x parts", "url /a", "next parts", "url /b", "next 1+", "bytes c", "next parts", "url /d",
                    "end",
                ]
            ),
            ("APPEND x UTF8 (~{1+}\r\na)\r\n", ["APPEND x utf8 ~1+", "bytes a", "end"]),
            (
                "APPEND x UTF8 (~{1+}\r\na) ~{1}\r\nb\r\n",
                ["APPEND x utf8 ~1+", "bytes a", "next ~1", "bytes b", "end"]
            ),
            ("REPLACE 4 Drafts (\\Seen) {1}\r\na\r\n", ["REPLACE 4 Drafts flagged 1", "bytes a", "end"]),
            ("UID REPLACE * {1}\r\nx {1+}\r\na\r\n", ["+ 1", "UID REPLACE 0* x 1+", "bytes a", "end"]),
            ("REPLACE 4 x CATENATE (URL /a)\r\n", ["REPLACE 4 x parts", "url /a", "end"]),
        ] as [(String, [String])])
    func forms(_ text: String, _ expected: [String]) {
        #expect(names(allEvents("a \(text)z NOOP\r\n", limits: small, prepare: accepting)) == expected + ["NOOP"])
    }

    @Test(
        "is BAD, and passed over with what it announces",
        arguments: [
            ("APPEND x\r\n", ["BAD"]), ("APPEND\r\n", ["BAD"]), ("APPEND x CATENATE ()\r\n", ["BAD"]),
            ("APPEND x CATENATE (URL)\r\n", ["BAD"]),
            ("APPEND x CATENATE (URL /a\r\n", ["BAD"]), ("APPEND x CATENATE (URL /a  URL /b)\r\n", ["BAD"]),
            ("APPEND x CATENATE (TEXT ~{1+}\r\na)\r\n", ["BAD"]), ("APPEND x CATENATE (TEXT foo)\r\n", ["BAD"]),
            ("APPEND x CATENATE (FOO {1+}\r\na)\r\n", ["BAD"]), ("APPEND x CATENATE {1+}\r\na\r\n", ["BAD"]),
            (
                "APPEND x CATENATE (TEXT {1+}\r\na URL /b {1+}\r\nc)\r\n",
                ["APPEND x parts", "text 1+", "bytes a", "BAD"]
            ),
            ("APPEND x CATENATE (TEXT {1+}\r\na\r\n", ["APPEND x parts", "text 1+", "bytes a", "BAD"]),
            ("APPEND x UTF8 ({1+}\r\na)\r\n", ["BAD"]),
            ("APPEND x UTF8 (~{1+}\r\na\r\n", ["APPEND x utf8 ~1+", "bytes a", "BAD"]),
            ("REPLACE x INBOX {1+}\r\na\r\n", ["BAD"]), ("REPLACE 0 INBOX {1+}\r\na\r\n", ["BAD"]),
            ("REPLACE 1:2 INBOX {1+}\r\na\r\n", ["BAD"]),
            ("REPLACE 1 x {1+}\r\na {1+}\r\nb\r\n", ["REPLACE 1 x 1+", "bytes a", "BAD"]),
            (
                "APPEND x CATENATE (URL {601+}\r\n" + String(repeating: "u", count: 601) + ")\r\n",
                ["APPEND too big 601"]
            ),
            ("APPEND x CATENATE (TEXT {101}\r\n", ["APPEND too big 101"]),
        ] as [(String, [String])])
    func errors(_ text: String, _ expected: [String]) {
        #expect(names(allEvents("a \(text)z NOOP\r\n", limits: small, prepare: accepting)) == expected + ["NOOP"])
    }

    @Test("given up at any of its events, the rest is passed over", arguments: 0..<9)
    func givenUp(_ place: Int) {
        let text =
            "a APPEND x CATENATE (URL /a TEXT {2+}\r\nhi URL {2+}\r\n/b URL /c) {2+}\r\nho CATENATE (URL /d)\r\nz NOOP\r\n"
        for size in [1, 1_000] {
            var seen = 0
            var found = events(text, by: size, prepare: accepting) { event, reader in
                if case .appendBytes = event, size == 1 { return }
                if seen == place { reader.refuseLiteral() }
                seen += 1
            }
            guard case .command(let line) = found.popLast() else { return #expect(Bool(false), "\(found)") }
            #expect(line.verb == .noop)
            if place < 4 { #expect(!found.contains { if case .appendEnd = $0 { true } else { false } }) }
        }
    }

    @Test("a client that waits for leave and is turned down is not waited for")
    func turnedDown() {
        let text = "a APPEND x CATENATE (URL /a TEXT {2}\r\nz NOOP\r\n"
        for place in 0..<3 {
            var seen = 0
            let found = allEventsOnce(text) { _, reader in
                if seen == place { reader.refuseLiteral() }
                seen += 1
            }
            #expect(names(found).last == "NOOP")
        }
    }

    private func allEventsOnce(_ text: String, react: (CommandEvent, inout CommandReader) -> Void) -> [CommandEvent] {
        events(text, prepare: accepting, react: react)
    }

    @Test("parts in one line are bounded")
    func bounded() {
        let parts = String(repeating: "URL /a ", count: 5_000)
        #expect(
            names(events("a APPEND x CATENATE (\(parts)URL /b)\r\nz NOOP\r\n", prepare: accepting)) == ["BAD", "NOOP"])
    }
}

@Suite("IMAP URLs")
struct IMAPURLTests {
    @Test(
        "name a mailbox, a message and a part: RFC 5092 §5-§7",
        arguments: [
            ("/INBOX/;UID=7", "- INBOX - 7 whole 0 -"), ("/INBOX;UIDVALIDITY=3/;UID=7", "- INBOX 3 7 whole 0 -"),
            ("/gray%20council/;uid=20/;section=1.2", "- gray council - 20 1.2 0 -"), (";UID=1", "- - - 1 whole 0 -"),
            ("/;UID=1/;PARTIAL=3", "- - - 1 whole 3 -"), ("/Entw%C3%BCrfe/;UID=1", "- Entw\u{FC}rfe - 1 whole 0 -"),
            ("/a/b/;UID=4294967295/;SECTION=1.MIME/;PARTIAL=1.2", "- a/b - 4294967295 1.mime 1 2"),
            ("imap://minbari.example.org/gray/;UID=2", "@minbari.example.org gray - 2 whole 0 -"),
            (
                "IMAP://mic%20hael;AUTH=*@MINBARI.example.org:143/gray/;UID=2",
                "mic hael@minbari.example.org gray - 2 whole 0 -"
            ),
        ])
    func good(_ text: String, _ expected: String) throws {
        let url = try #require(IMAPURL(text))
        let path = url.section.path.map(String.init).joined(separator: ".")
        let section =
            url.section.specifier == .whole ? (path.isEmpty ? "whole" : path) : "\(path).\(url.section.specifier)"
        let server = url.server.map { "\($0.user ?? "")@\($0.host)" } ?? "-"
        let found =
            "\(server) \(url.mailbox?.description ?? "-") \(url.uidValidity.map { "\($0.rawValue)" } ?? "-") \(url.uid.rawValue) \(section) \(url.offset) \(url.count.map(String.init) ?? "-")"
        #expect(found == expected)
    }

    @Test(
        "or are none: URLAUTH's, searches, mailboxes, other schemes",
        arguments: [
            "", "/", "/INBOX", ";UID=0", ";UID=", ";UID=x", "/INBOX/;UID=4294967296", "/INBOX;UIDVALIDITY=0/;UID=1",
            "/INBOX;FOO=1/;UID=1",
            "/%zz/;UID=1", "/%ff/;UID=1", "/a%00b/;UID=1", "/a%0db/;UID=1", "/INBOX/;UID=1/;SECTION=FOO",
            "/INBOX/;UID=1/;SECTION=1]x",
            "/INBOX/;UID=1/;PARTIAL=", "/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX/;UID=1/;PARTIAL=1.2.3",
            "/INBOX/;UID=1/;PARTIAL=1/;SECTION=1",
            "/INBOX/;UID=1/;SECTION=1/;URLAUTH=user+x:internal:00", "/INBOX/;UID=1/x", "http://example.org/;UID=1",
            "imap://host", "imap:/INBOX/;UID=1",
            "imap://host/;UID=1", "/INBOX?SUBJECT%20x/;UID=1;", String(repeating: ";", count: 1_000),
        ])
    func bad(_ text: String) {
        #expect(IMAPURL(text) == nil)
    }
}
