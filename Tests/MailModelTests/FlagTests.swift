import MailModel
import Testing

@Suite("Flags, keywords and identifiers")
struct FlagTests {
    @Test(
        "keywords are atoms, compared without case: RFC 9051 §2.3.2",
        arguments: ["$Forwarded", "NonJunk", "a", "x[1", "a/b+c", String(repeating: "k", count: 100)])
    func keywords(text: String) {
        #expect(Keyword(text)?.spelling == text)
        #expect(Keyword(text) == Keyword(text.uppercased()) && Keyword(text)?.hashValue == Keyword(text.lowercased())?.hashValue)
    }

    @Test(
        "what is no keyword",
        arguments: [
            "", "\\Seen", "a b", "a(b", "a)b", "a{b", "a%b", "a*b", "a\"b", "a\\b", "a]b", "a\rb", "a\nb", "a\u{0}b", "a\u{7F}", "ä",
            String(repeating: "k", count: 101),
        ])
    func notKeywords(text: String) {
        #expect(Keyword(text) == nil)
    }

    @Test("a keyword keeps its bit; flags go into bits and come back")
    func table() throws {
        var table = KeywordTable()
        let (red, green, blue) = (try #require(Keyword("red")), try #require(Keyword("green")), try #require(Keyword("blue")))
        #expect(table.add([red, green, red]) && table.keywords == [red, green])
        let bits = table.bits(of: Flags(system: [.seen, .draft], keywords: [green, blue]))
        #expect(bits.unknown == [blue] && bits.bits.rawValue == 0b101_0001 && bits.bits.system == [.seen, .draft])
        #expect(table.add([try #require(Keyword("BLUE")), try #require(Keyword("RED"))]))
        #expect(table.keywords.map(\.spelling) == ["red", "green", "BLUE"])
        #expect(table.flags(of: bits.bits) == Flags(system: [.seen, .draft], keywords: [green]))
        #expect(bits.bits.contains(.seen) && !bits.bits.contains(.deleted))
    }

    @Test("a full table takes nothing more, all or none")
    func full() throws {
        let many = (0..<KeywordTable.capacity + 10).compactMap { Keyword("k\($0)") }
        #expect(KeywordTable(many).keywords.count == KeywordTable.capacity && KeywordTable(many).isFull)
        var table = KeywordTable(Array(many.prefix(KeywordTable.capacity - 1)))
        #expect(!table.isFull && !table.add(Array(many.suffix(2))) && table.keywords.count == KeywordTable.capacity - 1)
        #expect(table.add([many[0], many[KeywordTable.capacity - 1]]) && table.isFull && table.add([many[3]]))
        let all = table.bits(of: Flags(system: [.seen, .answered, .flagged, .deleted, .draft], keywords: table.keywords))
        #expect(all.bits.rawValue == .max && all.unknown.isEmpty && table.flags(of: all.bits, all.further).keywords.count == KeywordTable.capacity)
        #expect(all.further.words == Array(repeating: .max, count: FurtherKeywords.mostWords) && table.flags(of: all.bits).keywords.count == 59)
    }

    @Test("each system flag has a name and a bit of its own")
    func system() {
        #expect(Set(SystemFlags.named.map(\.name)) == ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"])
        #expect(SystemFlags(SystemFlags.named.map(\.flag)).rawValue == 0x1F)
    }

    @Test("UIDs, UIDVALIDITY and ModSeqs keep to their ranges: RFC 9051 §2.3.1.1, RFC 7162 §3.1.1")
    func identifiers() throws {
        #expect(UID(rawValue: 0) == nil && UIDValidity(rawValue: 0) == nil)
        #expect(UID.first.rawValue == 1 && UID.last.rawValue == .max && UID.last.successor == .last && UID.first.successor.rawValue == 2)
        #expect(UID.first < UID.last && UID.last.description == "4294967295")
        #expect(ModSeq(rawValue: UInt64(Int64.max)) == .max && ModSeq(rawValue: UInt64(Int64.max) + 1) == nil)
        #expect(ModSeq.zero.successor.rawValue == 1 && ModSeq.max.successor == .max && ModSeq.zero < .max)
        #expect(ModSeq.max.description == "9223372036854775807")
        #expect(try #require(UIDValidity(rawValue: 1)) < #require(UIDValidity(rawValue: 2)))
        #expect(AccountID(rawValue: 1) < AccountID(rawValue: 2) && MailboxID(rawValue: 1) < MailboxID(rawValue: 2))
        #expect(BodyID(rawValue: 1) < BodyID(rawValue: 2) && ThreadID(rawValue: 1) < ThreadID(rawValue: 2))
    }

    @Test("text comes into normal form C; ASCII stays as it is")
    func normalForm() {
        #expect(Array("e\u{301}".normalizedC.unicodeScalars) == ["\u{E9}"])
        #expect(Array("\u{212B}".normalizedC.unicodeScalars) == ["\u{C5}"])
        #expect(Array("\u{1112}\u{1161}\u{11AB}".normalizedC.unicodeScalars) == ["\u{D55C}"])
        #expect("plain\r\n\u{0}".normalizedC.utf8.elementsEqual("plain\r\n\u{0}".utf8))
    }
}
