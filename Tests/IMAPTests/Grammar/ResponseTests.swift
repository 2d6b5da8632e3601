import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite struct ResponseTests {
    private static let keyword = [Keyword("$Fwd"), Keyword("Junk")].compactMap(\.self)
    private static func uid(_ value: UInt32) -> UID { UID(rawValue: value) ?? .first }
    private static let validity = UIDValidity(rawValue: 38_505)

    @Test("status lines: RFC 9051 §7.1")
    func status() {
        #expect(
            written { $0.writeResponse(tag("a1"), .ok, .readWrite, "Selected") } == "a1 OK [READ-WRITE] Selected\r\n")
        #expect(written { $0.writeResponse(nil, .bad, "Bad") } == "* BAD Bad\r\n")
        #expect(written { $0.writeResponse(nil, .no, "a\r\nb\0é") } == "* NO a??b??\r\n")
        #expect(written { $0.writeResponse(nil, .no, "") } == "* NO -\r\n")
        #expect(written { $0.writeBye("Bye", .unavailable) } == "* BYE [UNAVAILABLE] Bye\r\n")
        #expect(written { $0.writeContinuation("go on") } == "+ go on\r\n")
        #expect(written { $0.writeContinuation(base64: Array("hello".utf8)) } == "+ aGVsbG8=\r\n")
        #expect(written { $0.writeContinuation(base64: []) } == "+ \r\n")
        #expect(written { $0.writeCapabilities(["IMAP4rev2", "IDLE"]) } == "* CAPABILITY IMAP4rev2 IDLE\r\n")
        #expect(written { $0.writeEnabled([]) } == "* ENABLED\r\n")
        #expect(written { $0.writeID([], .ascii) } == "* ID NIL\r\n")
        #expect(
            written { $0.writeID([IDField("name", "M"), IDField("os", nil)], .ascii) }
                == "* ID (\"name\" \"M\" \"os\" NIL)\r\n")
    }

    @Test("codes with data: RFC 9051 §7.1")
    func codes() throws {
        let validity = try #require(ResponseTests.validity)
        func code(_ code: ResponseCode) -> String { written { $0.write(code) } }
        #expect(
            code(.appendUID(validity, NumberSet([UID(rawValue: 3), UID(rawValue: 4)].compactMap(\.self))))
                == "APPENDUID 38505 3:4")
        let source = [1, 2, 3, 7].map { ResponseTests.uid($0) }
        let target = [5, 6, 9, .max].map { ResponseTests.uid($0) }
        #expect(code(.copyUID(validity, source: source, target: target)) == "COPYUID 38505 1:3,7 5:6,9,4294967295")
        #expect(code(.badCharset([])) == "BADCHARSET")
        #expect(code(.badCharset(["UTF-8", "US-ASCII"])) == "BADCHARSET (UTF-8 US-ASCII)")
        #expect(code(.capability(["IMAP4rev1", "ID"])) == "CAPABILITY IMAP4rev1 ID")
        #expect(code(.highestModSeq(.max)) == "HIGHESTMODSEQ 9223372036854775807")
        #expect(code(.modified(NumberSet([7...7, 9...11]))) == "MODIFIED 7,9:11")
        #expect(
            code(.permanentFlags([.seen, .deleted], ResponseTests.keyword, canCreate: true))
                == "PERMANENTFLAGS (\\Deleted \\Seen $Fwd Junk \\*)")
        #expect(code(.permanentFlags([], [], canCreate: false)) == "PERMANENTFLAGS ()")
        #expect(code(.uidNext(.last)) == "UIDNEXT 4294967295")
        #expect(code(.uidValidity(validity)) == "UIDVALIDITY 38505")
        #expect(code(.unseen(4)) == "UNSEEN 4")
        #expect(code(.unknownCTE) == "UNKNOWN-CTE")
        #expect(code(.appendLimit(nil)) == "APPENDLIMIT NIL" && code(.appendLimit(5)) == "APPENDLIMIT 5")
        #expect(code(.mailboxID(MailboxID(rawValue: 6))) == "MAILBOXID (F6)")
    }

    @Test("texts are quoted where they can be, otherwise literals: RFC 9051 §4.3")
    func strings() {
        func string(_ text: String?, _ mode: TextMode = .ascii) -> String { written { $0.writeNString(text, mode) } }
        #expect(string(nil) == "NIL")
        #expect(string("") == "\"\"")
        #expect(string("NIL") == "\"NIL\"")
        #expect(string("a\"b\\") == "\"a\\\"b\\\\\"")
        #expect(string("é") == "{2}\r\né")
        #expect(string("é", .utf8) == "\"é\"")
        #expect(string("a\r\nb", .utf8) == "{4}\r\na\r\nb")
        #expect(string("a\0b") == "{3}\r\na?b")
        #expect(string("\u{1}") == "{1}\r\n\u{1}")
        #expect(string(String(repeating: "x", count: 1_001)).hasPrefix("{1001}\r\nxx"))
        #expect(written { $0.writeHeaderText("é", .ascii) } == "\"=?utf-8?q?=C3=A9?=\"")
        #expect(written { $0.writeHeaderText("é", .utf8) } == "\"é\"")
        #expect(written { $0.writeAString("a]b", .ascii) } == "a]b")
        #expect(written { $0.writeAString("nil", .ascii) } == "\"nil\"")
        #expect(written { $0.writeAString("a b", .ascii) } == "\"a b\"")
        #expect(written { $0.writeAString("", .ascii) } == "\"\"")
        for number in [0, 7, 10, 99, 100, Int.max] { #expect(written { $0.writeDecimal(number) } == "\(number)") }
        #expect(written { $0.writeDecimal(UInt64.max) } == "18446744073709551615")
    }

    @Test("mailboxes: RFC 9051 §7.3")
    func mailboxes() throws {
        let sent = try #require(MailboxName("Gesendet/Jänner &"))
        #expect(
            written {
                $0.writeListing(MailboxListing(sent, [.hasNoChildren, .subscribed], specialUse: .sent), .list, .ascii)
            }
                == "* LIST (\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Gesendet/J&AOQ-nner &-\"\r\n")
        #expect(
            written { $0.writeListing(MailboxListing(sent), .lsub, .utf8) }
                == "* LSUB () \"/\" \"Gesendet/Jänner &\"\r\n")
        #expect(
            written {
                $0.writeListing(
                    MailboxListing(.inbox, [.nonExistent], hasSubscribedChild: true, oldName: "inBox x"), .list, .ascii)
            }
                == "* LIST (\\NonExistent) \"/\" INBOX (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (\"inBox x\"))\r\n")
        #expect(written { $0.writeHierarchyRoot() } == "* LIST (\\Noselect) \"/\" \"\"\r\n")
        #expect(
            written {
                $0.writeStatus(
                    .inbox,
                    [(.messages, .number(3)), (.mailboxID, .mailboxID(MailboxID(rawValue: 1))), (.appendLimit, .none)],
                    .ascii)
            }
                == "* STATUS INBOX (MESSAGES 3 MAILBOXID (F1) APPENDLIMIT NIL)\r\n")
        #expect(
            written {
                $0.writeNamespaces(
                    personal: [Namespace(prefix: "")], shared: [Namespace(prefix: "Öff/"), Namespace(prefix: "b/")],
                    .ascii)
            }
                == "* NAMESPACE ((\"\" \"/\")) NIL ((\"&ANY-ff/\" \"/\")(\"b/\" \"/\"))\r\n")
        #expect(written { $0.writeFlagsLine([.seen], ResponseTests.keyword) } == "* FLAGS (\\Seen $Fwd Junk)\r\n")
    }

    @Test("the selected mailbox: RFC 9051 §7.3.4-§7.5.1, RFC 7162")
    func messages() {
        #expect(written { $0.writeExists(0) } == "* 0 EXISTS\r\n")
        #expect(written { $0.writeRecent(2) } == "* 2 RECENT\r\n")
        #expect(written { $0.writeExpunge(44) } == "* 44 EXPUNGE\r\n")
        #expect(written { $0.writeVanished(NumberSet([1...3]), earlier: true) } == "* VANISHED (EARLIER) 1:3\r\n")
        #expect(written { $0.writeVanished(NumberSet()) }.isEmpty)
        #expect(written { $0.writeSearch(NumberSet([2...4, 9...9])) } == "* SEARCH 2 3 4 9\r\n")
        #expect(written { $0.writeSearch(NumberSet([2...2]), modSeq: mod(9)) } == "* SEARCH 2 (MODSEQ 9)\r\n")
        #expect(written { $0.writeSearch(NumberSet(), modSeq: mod(9)) } == "* SEARCH\r\n")
        let result = ExtendedSearchResult(min: 2, max: 9, all: NumberSet([2...4, 9...9]), count: 4, modSeq: mod(7))
        #expect(
            written { $0.writeExtendedSearch(result, tag: tag("a"), .uid) }
                == "* ESEARCH (TAG \"a\") UID MIN 2 MAX 9 COUNT 4 ALL 2:4,9 MODSEQ 7\r\n")
        #expect(
            written { $0.writeExtendedSearch(ExtendedSearchResult(all: NumberSet()), tag: tag("a"), .sequence) }
                == "* ESEARCH (TAG \"a\")\r\n")
    }

    @Test("one FETCH, item by item: RFC 9051 §7.5.2")
    func fetch() {
        let table = KeywordTable(ResponseTests.keyword)
        let flags = table.bits(of: Flags(system: [.seen, .answered], keywords: [ResponseTests.keyword[1]])).bits
        let text = written { output in
            // Too little room at first: it is written twice.
            output.writeText(about: 20) { text in
                var fetch = FetchResponse(12, &text)
                fetch.flags(flags, table, isRecent: true, &text)
                fetch.uid(.last, &text)
                fetch.internalDate(Timestamp(rawValue: 837_596_665), &text)
                fetch.size(4_286, &text)
                fetch.modSeq(mod(5), &text)
                fetch.emailID(BodyID(rawValue: 8), &text)
                fetch.threadID(nil, &text)
                fetch.saveDate(nil, &text)
                fetch.preview("hé", .ascii, &text)
                fetch.binarySize([1, 2], 77, &text)
                let fields = FetchItem.section(
                    BodySection(path: [1], .headerFields(["From", "X(", "B"])), peek: true, partial: Partial(offset: 5, count: 9))
                fetch.literal(named: FetchResponse.name(of: fields), octets: 3, &text)
                text.write("abc")
                fetch.literal(named: FetchResponse.name(of: .binary([2], peek: false, partial: nil)), octets: 1, isBinary: true, &text)
                text.write(UInt8(0))
                fetch.none(named: FetchResponse.name(of: .section(BodySection(path: [9], .mime), peek: false, partial: nil)), &text)
                fetch.literal(named: FetchResponse.name(of: .rfc822Header), octets: 0, &text)
                fetch.end(&text)
            }
        }
        #expect(
            text
                == "* 12 FETCH (FLAGS (\\Answered \\Seen \\Recent Junk) UID 4294967295 INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 4286 "
                + "MODSEQ (5) EMAILID (M8) THREADID NIL SAVEDATE NIL PREVIEW {3}\r\nhé BINARY.SIZE[1.2] 77 "
                + "BODY[1.HEADER.FIELDS (From \"X(\" B)]<5> {3}\r\nabc BINARY[2] ~{1}\r\n\0 BODY[9.MIME] NIL RFC822.HEADER {0}\r\n)\r\n"
        )
    }

    @Test(
        "a date is written as it is read: RFC 9051 §9 date-time",
        arguments: [0, 86_399, 837_596_665, 951_782_400, 1_900_000_001, -1])
    func dates(_ seconds: Int64) throws {
        let moment = Timestamp(rawValue: seconds)
        let text = written { $0.writeText(about: 0) { $0.writeDateTime(moment) } }
        #expect(text.utf8.count == 28)
        let found = allEvents("a APPEND x \(text) {1+}\r\n")
        guard case .appendBegin(_, _, let message) = found.first else { return #expect(Bool(false), "\(text)") }
        #expect(message.date == moment)
    }

    @Test("flags whose keyword is unknown to the table are left out")
    func strayBits() {
        #expect(
            written { $0.writeText(about: 0) { $0.writeFlags(FlagBits(rawValue: .max), KeywordTable()) } }
                == "(\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        let full = KeywordTable((0..<70).compactMap { Keyword("k\($0)") })
        #expect(written { $0.writeText(about: 0) { $0.writeFlags(FlagBits(rawValue: 1 << 63), full) } } == "(k58)")
    }

    @Test("object ids come back, and no others: RFC 8474")
    func objects() {
        #expect(BodyID(objectID: BodyID(rawValue: 77).objectID)?.rawValue == 77)
        #expect(ThreadID(objectID: ThreadID(rawValue: .max).objectID)?.rawValue == .max)
        for bad in ["", "M", "T1", "m1", "M01", "M+1", "M1x", "M9223372036854775808"] {
            #expect(BodyID(objectID: bad) == nil)
        }
    }

    @Test("every mailbox name that is written can be read: both modes")
    func names() throws {
        var random = Seeded(11)
        let characters: [Character] = ["a", "&", "\"", "\\", "é", "日", "😀", "/", "*", "%", " ", "(", "]", "{", "~"]
        for _ in 0..<500 {
            let text = String(
                (0..<Int.random(in: 1...9, using: &random)).map { _ in characters.randomElement(using: &random) ?? "a" }
            )
            guard let name = MailboxName(text) else { continue }
            for mode in [TextMode.ascii, .utf8] {
                let line = written { $0.writeMailbox(name, mode) }
                if mode == .ascii { #expect(line.utf8.allSatisfy { $0 < 0x80 }) }
                #expect(try command("DELETE \(line)", mode) == .delete(MailboxArgument(name.value)))
            }
        }
    }
}
