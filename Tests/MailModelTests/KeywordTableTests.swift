import MailModel
import Testing

@Suite("Many keywords")
struct KeywordTableTests {
    private func names(_ numbers: Range<Int>) -> [Keyword] { numbers.compactMap { Keyword("k\($0)") } }

    @Test("a place of a keyword that no message has is given to the next; the others keep theirs, however many there are")
    func places() throws {
        var table = KeywordTable(names(0..<59))
        #expect(table.isFullOfFirst && !table.isFull && !table.hasFurther && KeywordTable.capacity >= 1_000)
        let used = table.set(of: Flags(keywords: names(0..<50)))
        #expect(table.hasUnused(used))
        table.keep(used, and: names(58..<59))
        #expect(table.keywords == names(0..<50) + names(58..<59) && !table.isFullOfFirst)
        #expect(table.place(of: names(58..<59)[0]) == 58 && table.place(of: names(50..<51)[0]) == nil)
        let old = table
        #expect(table.admit(names(100..<108)).isEmpty && table.isFullOfFirst && table.place(of: names(100..<101)[0]) == 50)
        #expect(table.placesReused(since: old) == FlagSet() && old != table)
        #expect(table.placesReused(since: KeywordTable(names(0..<59))).places == Array(50..<58))
        #expect(table.admit(names(200..<202)).isEmpty && table.hasFurther && table.place(of: names(201..<202)[0]) == 60)
        let flags = Flags(system: .seen, keywords: names(200..<202) + names(3..<4))
        let found = table.bits(of: flags)
        #expect(found.further.places == [59, 60] && found.further.octets == [3] && table.flags(of: found.bits, found.further).keywords.count == 3)
        table.keep(FlagSet(), and: [])
        #expect(table.keywords.isEmpty && table.hasFurther, "once there may be rows about further places, that stays known")
        #expect(table.admit(names(0..<1)).isEmpty && table.place(of: names(0..<1)[0]) == 0)
    }

    @Test("all keywords of a mailbox are bounded in number and in octets")
    func bounds() throws {
        var table = KeywordTable()
        #expect(table.admit(names(0..<1_100)).count == 1_100 - KeywordTable.capacity && table.isFull)
        let long = try (1_000..<2_000).map { try #require(Keyword(String(repeating: "x", count: 96) + "\($0)")) }
        var wide = KeywordTable()
        #expect(wide.admit(long).count == 1_000 - KeywordTable.mostOctets / 100 && wide.isFull)
        wide.keep(FlagSet(), and: [])
        #expect(!wide.isFull && wide.admit(names(0..<10)).isEmpty)
    }

    @Test("sets of further keywords are as their places say, and come back from octets")
    func further() throws {
        var (a, b) = (FurtherKeywords(), FurtherKeywords())
        for place in [59, 64, 130, 1_082] { a.insert(place) }
        for place in [64, 1_082, 500] { b.insert(place) }
        #expect(a.places == [59, 64, 130, 1_082] && a.contains(130) && !a.contains(131) && !a.contains(3))
        #expect(FurtherKeywords(octets: a.octets) == a && a.octets.count == 128)
        #expect(FurtherKeywords(octets: Array(repeating: 1, count: 129)) == nil)
        var c = a
        c.subtract(b)
        #expect(c.places == [59, 130] && c.words.count == 2)
        c.subtract(a)
        #expect(c.isEmpty && c.octets == [] && FurtherKeywords(octets: [0, 0]) == c)
        for change in [FlagMask.Further(added: b), .init(removed: b), .init(removesAll: true, added: a), .init(removesAll: true)] {
            #expect(FlagMask.Further(octets: change.octets) == change)
        }
        #expect(FlagMask.Further(removed: b, added: a).applied(to: b) == a && FlagMask.Further(removesAll: true).applied(to: a).isEmpty)
        #expect(FlagMask.Further(octets: [0]) == nil && FlagMask.Further(octets: [2, 0]) == nil && FlagMask.Further(octets: [0, 9, 1]) == nil)
    }
}
