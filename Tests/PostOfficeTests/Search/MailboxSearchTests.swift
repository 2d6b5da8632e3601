import MailModel
import PostOffice
import Storage
import Testing

@Suite("A search of a mailbox")
struct MailboxSearchTests {
    private static let day = CalendarDay(of: Timestamp(rawValue: 86_400))

    /// 0: seen, of the first day. 1: flagged, of the second. 2: with a keyword, of the third.
    private func house() async throws -> SearchHouse {
        let house = try await SearchHouse()
        let red = try #require(Keyword("red"))
        try await house.deliver(
            "From: Ada <ada@example.org>\r\nSubject: tea\r\nDate: Thu, 1 Jan 1970 23:00:00 -0200\r\n\r\nthe kettle\r\n", flags: Flags(system: .seen), at: 10)
        try await house.deliver(
            "From: Bo <bo@example.org>\r\nSubject: kettle\r\nDate: Fri, 2 Jan 1970 12:00:00 +0000\r\n\r\nnothing\r\n", flags: Flags(system: .flagged),
            at: 86_400)
        try await house.deliver("Subject: more\r\nX-Mark:\r\n\r\nbiscuits, biscuits and more of them\r\n", flags: Flags(keywords: [red]), at: 172_800)
        return house
    }

    @Test(
        "each condition finds what it says",
        arguments: [
            (.all, [0, 1, 2]), (.nothing, []), (.and([]), [0, 1, 2]), (.not(.flags(.seen)), [1, 2]),
            (.or(.flags(.seen), .flags(.flagged)), [0, 1]), (.and([.not(.flags(.seen)), .not(.flags(.flagged))]), [2]),
            (.uids(NumberSet(2...9)), [1, 2]), (.places([0..<1, 2..<3]), [0, 2]), (.places([]), []),
            (.received(DaySpan.on(day).inUTC), [1]), (.received(DaySpan.before(day).inUTC), [0]), (.received(DaySpan.since(day).inUTC), [1, 2]),
            // The zone that the field names counts: the first is of the first day, though it is the second in UTC.
            (.sent(.before(day)), [0]), (.sent(.on(day)), [1]), (.sent(.since(day)), [1]), (.not(.sent(.since(day))), [0, 2]),
            (.size(0..<1_000_000), [0, 1, 2]), (.size(100..<105), []), (.changed(since: .zero), [0, 1, 2]),
            (.saved(Timestamp(rawValue: 1_000)..<Timestamp(rawValue: 1_001)), [0, 1, 2]), (.saved(Timestamp.earliest..<Timestamp(rawValue: 1_000)), []),
            (.field("subject", holds: "KETTLE"), [1]), (.field("x-mark", holds: ""), [2]), (.addresses("from", hold: "bo@example"), [1]),
            (.body("kettle"), [0]), (.text("kettle"), [0, 1]), (.not(.text("kettle")), [2]), (.body(""), [0, 1, 2]),
            (.and([.flags(.flagged), .body("nothing")]), [1]), (.approximate(.text("ketle")), [0, 1]),
        ] as [(SearchQuery, [Int])])
    func conditions(query: SearchQuery, expected: [Int]) async throws {
        #expect(try await house().places(query) == expected, "\(query)")
    }

    @Test("a keyword, a message and its conversation are found by name")
    func names() async throws {
        let house = try await house()
        #expect(try await house.places(.keyword(try #require(Keyword("red")))) == [2])
        #expect(try await house.places(.keyword(try #require(Keyword("blue")))) == [])
        let second = try #require(try await house.search(.uids(NumberSet(2...2))).found.first)
        #expect(try await house.places(.message(second.row.body)) == [1])
        let particulars = try await house.mailroom.particulars(of: NumberSet(2...2), in: house.inbox())
        #expect(try await house.places(.thread(try #require(particulars.first).thread)) == [1])
    }

    @Test("what was found approximately has a score, and an exact word the best: RFC 6203 §4")
    func scores() async throws {
        let found = try await house().search(.approximate(.or(.text("kettle"), .text("biscuit")))).found
        #expect(found.map(\.place) == [0, 1, 2])
        #expect(found.allSatisfy { (1...100).contains($0.relevancy) })
        #expect(found[0].relevancy > found[2].relevancy)
    }

    @Test("old rows are searched as the caller has them, by the flags of now, and what has gone since is still among them")
    func oldRows() async throws {
        let house = try await house()
        let inbox = try await house.inbox()
        let rows = inbox.handle.snapshot
        _ = try await house.mailroom.change(.add(Flags(system: .deleted)), of: NumberSet(1...2), in: inbox)
        _ = try await house.mailroom.expunge(NumberSet(1...1), in: inbox)
        try await house.deliver("Subject: later\r\n\r\n")
        #expect(try await house.search(.all, of: rows, in: inbox).found.map(\.row.uid.rawValue) == [1, 2, 3])
        #expect(try await house.search(.flags(.deleted), of: rows, in: inbox).found.map(\.place) == [1])
        #expect(try await house.search(.body("kettle"), of: rows, in: inbox).found.map(\.place) == [0])
    }

    @Test("a step ends where texts must be read, however many messages there are, and the order is kept")
    func steps() async throws {
        let house = try await SearchHouse()
        for number in 0..<300 {
            try await house.deliver("Subject: s\r\n\r\n\(number % 3 == 0 ? "three" : "other")\r\n", flags: number % 2 == 0 ? Flags(system: .seen) : Flags())
        }
        let inbox = try await house.inbox()
        var knowledge = SearchKnowledge()
        var search = try await house.mailroom.search(.or(.flags(.seen), .body("three")), of: inbox.handle.snapshot, in: inbox, &knowledge)
        var places: [Int] = []
        var searched = [0]
        while let step = try await search.next() {
            places += step.found.map(\.place)
            #expect(search.searched > searched.last ?? 0 && search.searched - (searched.last ?? 0) <= 256)
            searched.append(search.searched)
        }
        #expect(places == (0..<300).filter { $0 % 2 == 0 || $0 % 3 == 0 })
        #expect(searched.count > 2 && searched.last == 300)
    }

    @Test("one that cannot be read is left out and named; what the others are does not hang on it")
    func unreadable() async throws {
        let house = try await house()
        let body = try #require(try await house.search(.uids(NumberSet(2...2))).found.first).row.body
        house.store.fail(body, outline: false, with: .corrupt("a flipped bit"))
        let (found, unreadable) = try await house.search(.not(.body("kettle")))
        #expect(found.map(\.place) == [2])
        #expect(unreadable.map(\.row.body) == [body] && unreadable.map(\.fault) == [.corrupt("a flipped bit")])
        #expect(try await house.search(.flags(.flagged)).unreadable.isEmpty, "its text was not asked for")
    }

    @Test("what is wrong with more than messages ends the search")
    func ends() async throws {
        let house = try await house()
        let inbox = try await house.inbox()
        let rows = inbox.handle.snapshot
        let bob = try await house.store.add(account: AccountName("bob@example.test"), passwordHash: "-")
        let stranger = Principal(account: bob.id, name: bob.name)
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await house.mailroom.open(try #require(MailboxName("other")), of: stranger) }
        house.store.fail([.read], with: .closed)
        await #expect(throws: StorageFault.closed) { try await house.search(.body("kettle"), of: rows, in: inbox) }
    }
}

@Suite("Which mailboxes are searched: RFC 7377 §2.2")
struct SearchScopeTests {
    @Test("each scope has its mailboxes, each once, in order of name")
    func scopes() async throws {
        let house = try await SearchHouse()
        func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }
        for text in ["a", "a/b", "a/b/c", "d"] { _ = try await house.mailroom.create(name(text), of: house.alice) }
        try await house.mailroom.subscribe(name("d"), of: house.alice)
        let inbox = try await house.inbox()
        func names(_ scopes: SearchScope...) async throws -> [String] {
            try await house.mailroom.mailboxes(in: scopes, of: house.alice).map(\.name.value)
        }
        #expect(try await names(.mailbox(inbox.id)) == ["INBOX"])
        #expect(try await names(.inboxes) == ["INBOX"])
        let subscribed = try await names(.subscribed)
        #expect(subscribed.contains("d") && !subscribed.contains("a"))
        #expect(try await names(.named([name("a"), name("none")])) == ["a"])
        #expect(try await names(.withChildren([name("a")])) == ["a", "a/b"])
        #expect(try await names(.subtree([name("a")])) == ["a", "a/b", "a/b/c"])
        #expect(try await names(.subtree([name("a")]), .named([name("a/b"), name("d")]), .named([name("d")])) == ["a", "a/b", "a/b/c", "d"])
        #expect(try await Set(names(.personal)).isSuperset(of: ["INBOX", "a", "a/b", "a/b/c", "d"]))
        #expect(try await names().isEmpty)
    }
}
