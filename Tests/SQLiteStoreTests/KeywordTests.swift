import Glibc
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Keywords beyond those of a row's word")
struct KeywordTests {
    private static let never = 3_600_000

    private func names(_ numbers: Range<Int>) -> [Keyword] { numbers.compactMap { Keyword("k\($0)") } }
    private func flags(_ numbers: Range<Int>) -> Flags { Flags(keywords: names(numbers)) }

    private func filled(
        _ fixture: Fixture, _ count: Int, largeMailbox: Int = 4_096, copiedAtOnce: Int = 2_000
    ) async throws -> (SQLiteStore, AccountID, MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, largeMailbox: largeMailbox, copiedAtOnce: copiedAtOnce)
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(body, (0..<count).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        return (store, alice, inbox)
    }

    private func change(_ change: FlagChange, _ uids: ClosedRange<UInt32>, in mailbox: MailboxID, _ store: SQLiteStore) async throws {
        _ = try await store.change(flags: change, of: NumberSet(uids), in: mailbox, unchangedSince: nil)
    }

    private func names(_ uid: UInt32, in mailbox: MailboxID, _ store: SQLiteStore) async throws -> Set<String> {
        let snapshot = try await store.open(mailbox).snapshot
        let uid = try #require(UID(rawValue: uid))
        return Set(try await store.withRows { try snapshot.flags(of: try #require(try snapshot.row(uid))) }.keywords.map(\.spelling))
    }

    private func numbers(_ sql: String..., of fixture: Fixture) throws -> [Int64] {
        let connection = try fixture.connect()
        defer { connection.close() }
        return try sql.map { try connection.number("SELECT \($0)") ?? -1 }
    }

    @Test("a mailbox of 59 keywords or fewer writes no row beside its messages', and a change of flags commits what it did before")
    func commonCase() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 100)
        try await change(.add(flags(0..<59)), 1...100, in: inbox, store)
        try await change(.replace(flags(3..<5)), 1...50, in: inbox, store)
        let cut = try fixture.cut()
        #expect(try numbers("count(*) FROM further", "count(*) FROM keyword", "count(further) FROM ledger", "count(*) FROM ledger", of: cut) == [0, 0, 0, 2])
        await store.close()
        #expect(try numbers("count(*) FROM further", "count(*) FROM keyword", of: fixture) == [0, 0])
    }

    @Test("rows written by a delivery and by a STORE: as many as before, and one more where the mailbox's keywords change")
    func counts() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 20)
        func written(_ body: () async throws -> Void) async throws -> Int64 {
            let before = try await store.change { try $0.connection.number("SELECT total_changes()") ?? 0 }
            try await body()
            return try await store.change { try $0.connection.number("SELECT total_changes()") ?? 0 } - before
        }
        let seen = Flags(system: .seen)
        // Of a delivery: body, holder, message, reference, log, account, mailbox, segment.
        let first = try await written { _ = try await Fixture.place(Fixture.message(50), in: store, inbox) }
        #expect(first == 8)
        // Of a STORE: its rows or its record, log, account, mailbox.
        #expect(try await written { try await change(.add(seen), 1...3, in: inbox, store) } == 6)
        #expect(try await written { try await change(.add(flags(0..<2)), 1...3, in: inbox, store) } == 7)
        #expect(try await written { try await change(.remove(flags(0..<1)), 1...3, in: inbox, store) } == 6)
        #expect(try await written { try await change(.add(flags(0..<59)), 1...2, in: inbox, store) } == 6)
        #expect(try await written { _ = try await Fixture.place(Fixture.message(51), in: store, inbox, flags: flags(3..<7)) } == 8)
        // Beyond: the two texts of keywords, and a row beside each message's.
        #expect(try await written { try await change(.add(flags(59..<60)), 1...2, in: inbox, store) } == 5 + 2 + 2)
        #expect(try await written { try await change(.add(flags(59..<60)), 3...3, in: inbox, store) } == 4 + 1)
        #expect(try await written { _ = try await Fixture.place(Fixture.message(52), in: store, inbox, flags: flags(3..<7)) } == 8)
        #expect(try await written { try await change(.add(flags(59..<60)), 4...20, in: inbox, store) } == 4, "one record")
        await store.close()
    }

    @Test("a record of many messages' further keywords is laid over rows until it is folded, and says the same after")
    func ledger() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 300)
        try await change(.add(flags(0..<70)), 1...100, in: inbox, store)
        try await change(.remove(flags(60..<65)), 50...300, in: inbox, store)
        try await change(.add(flags(69..<72)), 90...200, in: inbox, store)
        try await change(.replace(flags(71..<72)), 1...20, in: inbox, store)
        try await change(.replace(Flags()), 21...30, in: inbox, store)
        let expected = try await View(store, [inbox])
        #expect(expected.further[0].count == 20 + 70 + 100 && expected.keywords[0].hasFurther)
        for rows in [0, 1, 130, 450, 10_000] {
            let cut = try fixture.cut()
            try cut.fold(rows: rows)
            let again = try cut.open()
            #expect(try await View(again, [inbox]) == expected, "\(rows) rows folded")
            #expect(try await again.check().faults == [])
            await again.close()
            #expect(try numbers("count(*) FROM further", "count(*) FROM ledger", of: cut) == [190, 0])
        }
        _ = try await store.remove(NumberSet(1...120), from: inbox)
        await store.close()
        #expect(try numbers("count(*) FROM further", "count(*) FROM message", of: fixture) == [80, 180], "what is expunged goes from both")
    }

    @Test("rows about a deleted mailbox's keywords go with its messages")
    func deleted() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 20)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        try await change(.add(flags(0..<65)), 1...20, in: inbox, store)
        _ = try await store.copy(NumberSet(1...20), from: inbox, to: work)
        try await store.delete(mailbox: work)
        await store.close()
        #expect(try numbers("count(*) FROM further", "count(*) FROM keyword", "count(*) FROM message", of: fixture) == [20, 1, 20])
    }

    @Test("a place is given to another keyword only when nobody looks at a version in which it means the one before")
    func heldVersions() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 3)
        let handle = try await store.open(inbox)
        try await change(.add(flags(0..<59)), 1...1, in: inbox, store)
        var held: MailboxSnapshot? = handle.snapshot
        try await change(.remove(flags(10..<20)), 1...1, in: inbox, store)
        try await change(.add(flags(100..<101)), 2...2, in: inbox, store)
        #expect(handle.snapshot.keywords.place(of: names(100..<101)[0]) == 59, "beside the first, for an earlier version is held")
        #expect(try #require(held).flags(of: try #require(try held?.row(at: 0))).keywords == names(0..<59))
        held = nil
        try await change(.add(flags(101..<103)), 2...2, in: inbox, store)
        #expect(handle.snapshot.keywords.place(of: names(101..<102)[0]) == 10)
        #expect(try await names(2, in: inbox, store) == ["k100", "k101", "k102"])
        #expect(try await names(1, in: inbox, store) == (names(0..<10) + names(20..<59)).spellings)
        // The very version that others look at now counts too: what was taken off within the same batch is not given anew.
        try await change(.add(flags(110..<118)), 2...2, in: inbox, store)
        let seen = handle.snapshot
        #expect(seen.keywords.isFullOfFirst && seen.keywords.place(30)?.spelling == "k30")
        let (gone, new) = (flags(30..<31), try #require(Keyword("new")))
        let answer = try await store.change { transaction in
            _ = try transaction.change(flags: .remove(gone), of: NumberSet(1...1), in: inbox, unchangedSince: nil)
            return try transaction.table(for: [new], in: inbox).table
        }
        #expect(answer.place(of: new) == 60)
        await store.close()
    }

    @Test("places wait while a large copy into the mailbox is under way, and its rows mean what they meant")
    func largeCopy() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 60, copiedAtOnce: 10)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        try await change(.add(flags(0..<59)), 1...30, in: inbox, store)
        try await change(.add(flags(200..<210)), 31...60, in: inbox, store)
        let beginning = try await store.change {
            try $0.begin(copyOf: NumberSet(1...60), from: inbox, to: work, flags: .all, isMove: false, most: 10)
        }
        guard case .begun(let copy) = beginning else { throw StorageFault.closed }
        var rows = LargeCopy.Rows()
        for step in copy.steps {
            let first = copy.first + UInt32(rows.copies.count)
            rows.append(try await store.change { try $0.add(step, to: copy, first: first) })
            // Meanwhile others come, with keywords that no shown row has.
            _ = try await Fixture.place(Fixture.message(Int(first % 1_000)), in: store, work, flags: flags(Int(first % 1_000) + 300..<Int(first % 1_000) + 302))
        }
        try await change(.add(flags(400..<401)), 5...5, in: inbox, store)
        let done = rows
        guard case .done(let copied) = try await store.change({ try $0.end(copy, done, since: copy.since, most: 10) }) else { throw StorageFault.closed }
        #expect(copied.target.count == 60)
        #expect(try await names(copied.target[0].rawValue, in: work, store) == names(0..<59).spellings)
        #expect(try await names(copied.target[4].rawValue, in: work, store) == (names(0..<59) + names(400..<401)).spellings)
        #expect(try await names(copied.target[59].rawValue, in: work, store) == names(200..<210).spellings)
        let expected = try await View(store, [work])
        #expect(try await store.check().faults == [])
        await store.close()
        let again = try fixture.open()
        #expect(try await View(again, [work]) == expected)
        await again.close()
    }

    @Test("a mailbox that is opened by its blocks knows which keywords are in use, and their messages' further ones when it reads them")
    func distant() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await filled(fixture, 1_200, largeMailbox: 1)
        try await change(.add(flags(0..<58)), 1...1, in: inbox, store)
        try await change(.add(flags(58..<63)), 2...700, in: inbox, store)
        try await change(.remove(flags(0..<40)), 1...1, in: inbox, store)
        _ = try await store.open(inbox)
        let expected = try await View(store, [inbox])
        await store.close()
        store = try fixture.open(foldAfter: Self.never, largeMailbox: 1)
        let handle = try await store.open(inbox)
        #expect(handle.snapshot.blocks.map(\.isAtHand) == [false, false, true])
        #expect(handle.snapshot.used?.places == Array(40..<63))
        try await change(.add(flags(500..<510)), 1_200...1_200, in: inbox, store)
        #expect(handle.snapshot.blocks.map(\.isAtHand) == [false, false, true] && handle.snapshot.keywords.place(of: names(500..<501)[0]) == 0)
        let now = try await View(store, [inbox])
        #expect(now.further == expected.further && now.tables[0].dropLast() == expected.tables[0].dropLast())
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("`store check` tells rows about keywords without a message, keywords that the mailbox does not know, and lost names")
    func check() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await filled(fixture, 5)
        try await change(.add(flags(0..<65)), 1...2, in: inbox, store)
        await store.close()
        try fixture.tamper("INSERT INTO further VALUES (\(inbox.rawValue), 77, x'01'), (\(inbox.rawValue), 3, x'00000001')")
        store = try fixture.open()
        let faults = try await store.check().faults
        #expect(faults.contains { $0.contains("keywords of 1 messages that are not there") } && faults.contains { $0.contains("places [83]") })
        await store.close()
        try fixture.tamper("DELETE FROM further WHERE uid IN (3, 77); DELETE FROM keyword")
        store = try fixture.open()
        #expect(try await store.check().faults.contains { $0.contains("place 59 on are lost") })
        let lost = (59..<65).map { "$Lost-\($0)" }
        #expect(try await names(1, in: inbox, store) == names(0..<59).spellings.union(lost), "no other keyword takes their places")
        await store.close()
    }

    @Test("an octet string of further keywords that cannot be is told as damage, not as no keywords")
    func corrupt() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await filled(fixture, 3)
        try await change(.add(flags(0..<65)), 1...2, in: inbox, store)
        await store.close()
        try fixture.tamper("UPDATE further SET bits=zeroblob(500) WHERE uid=2")
        store = try fixture.open()
        await #expect {
            _ = try await store.open(inbox)
        } throws: { error in
            guard case StorageFault.corrupt(let cause) = error else { return false }
            return cause.contains("further keywords of UID 2")
        }
        await store.close()
    }

    @Test("the catalogue leaves out flags that may mean either of two keywords, and says again what it said")
    func catalogue() throws {
        let row = CatalogueRow(
            uid: .first, flags: FlagBits(rawValue: 0b110_0001), modSeq: .zero, body: BodyID(rawValue: 1), internalDate: Fixture.now, saveDate: Fixture.now,
            thread: 1)
        var further = FurtherKeywords()
        for place in [59, 70] { further.insert(place) }
        var messages = CatalogueMessages(uidNext: 2, modSeq: .zero, keywords: KeywordTable(names(0..<80)), rows: [row])
        let plain = messages.encode()
        messages.further = [.first: further]
        #expect(CatalogueMessages(messages.encode()) == messages && CatalogueMessages(plain)?.further == [:])
        var holes = KeywordTable(names(0..<80))
        holes.keep(FlagSet(bits: row.flags, further: further), and: [])
        messages.keywords = holes
        #expect(CatalogueMessages(messages.encode()) == messages)
        var reused = FlagSet()
        reused.insert(place: 0)
        reused.insert(place: 70)
        #expect(messages.forget(FlagSet()) && !messages.forget(reused))
        #expect(messages.rows[0].flags.rawValue == 0b100_0001 && messages.further[.first]?.places == [59])
    }

    @Test("commands with a thousand new keywords each leave a bounded table and a sound store")
    func flood() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 3)
        let handle = try await store.open(inbox)
        for round in 0..<30 {
            try await change(.replace(flags(round * 1_000..<round * 1_000 + 1_000)), 2...2, in: inbox, store)
            try await change(.replace(Flags()), 2...2, in: inbox, store)
        }
        #expect(handle.snapshot.keywords.places.count <= KeywordTable.capacity)
        #expect(handle.snapshot.keywords.keywords.reduce(0) { $0 + $1.spelling.utf8.count } <= KeywordTable.mostOctets)
        #expect(try await store.check().faults == [])
        await store.close()
    }
}

extension Sequence<Keyword> {
    fileprivate var spellings: Set<String> { Set(map(\.spelling)) }
}
