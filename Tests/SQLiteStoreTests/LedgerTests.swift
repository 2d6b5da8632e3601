import Glibc
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Changes that are committed before their rows")
struct LedgerTests {
    private static let deleted = Flags(system: .deleted)

    /// A store with so many messages in INBOX, all on one body, that folds nothing by itself.
    private func filled(_ fixture: Fixture, _ count: Int) async throws -> (SQLiteStore, AccountID, MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: 3_600_000)
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(body, (0..<count).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        return (store, alice, inbox)
    }

    @Test("a STORE or EXPUNGE over a set commits one record, and a power cut right after it changes nothing of what was answered")
    func oneRecord() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 1_000)
        _ = try await store.change(flags: .add(Self.deleted), of: NumberSet(101...900), in: inbox, unchangedSince: nil)
        _ = try await store.change(flags: .remove(Self.deleted), of: NumberSet(201...300), in: inbox, unchangedSince: nil)
        _ = try await store.expunge(NumberSet(1...800), in: inbox)
        let expected = try await View(store, [inbox])
        let cut = try fixture.cut()
        let connection = try cut.connect()
        #expect(try connection.number("SELECT count(*) FROM ledger") == 3)
        #expect(try connection.number("SELECT count(*) FROM message") == 1_000)
        #expect(try connection.number("SELECT count(*) FROM message WHERE flags<>0") == 0)
        connection.close()
        let again = try cut.open()
        #expect(try await View(again, [inbox]) == expected)
        #expect(expected.tables[0].count == 400)
        #expect(try await again.check().isSound)
        await again.close()
        await store.close()
        #expect(try fixture.rowsOnDisk() == [400, 100, 1, 0], "a stop folds what waits")
    }

    @Test("flags of a few rows are changed where they lie, unless a record of the mailbox waits")
    func fewRows() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await filled(fixture, 100)
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...3), in: inbox, unchangedSince: nil)
        #expect(try fixture.cut().rowsOnDisk() == [100, 0, 1, 0])
        _ = try await store.change(flags: .add(Self.deleted), of: NumberSet(1...100), in: inbox, unchangedSince: nil)
        _ = try await store.change(flags: .replace(Flags()), of: NumberSet(2...2), in: inbox, unchangedSince: nil)
        let expected = try await View(store, [inbox])
        let cut = try fixture.cut()
        #expect(try cut.rowsOnDisk() == [100, 0, 1, 2])
        let again = try cut.open()
        #expect(try await View(again, [inbox]) == expected)
        await again.close()
        await store.close()
        #expect(try fixture.rowsOnDisk() == [100, 99, 1, 0])
    }

    @Test("rows of a deleted mailbox go behind the answer, with those that were expunged before and not folded")
    func deletedMailbox() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 50)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        _ = try await store.copy(NumberSet(1...50), from: inbox, to: work)
        _ = try await store.move(NumberSet(11...20), from: work, to: inbox)
        try await store.delete(mailbox: work)
        let cut = try fixture.cut()
        let again = try cut.open()
        #expect(try await again.open(inbox).snapshot.count == 60)
        #expect(try await again.check().isSound)
        await again.close()
        #expect(try cut.rowsOnDisk() == [60, 0, 1, 0])
        let connection = try cut.connect()
        #expect(try connection.number("SELECT messages FROM holder") == 60)
        connection.close()
        await store.close()
    }

    @Test("bodies that an older version had yet to release are released when the store is opened")
    func migration() async throws {
        let fixture = try Fixture()
        let connection = try Connection(path: fixture.folder + "/old.db", mode: .writer)
        try connection.execute(Schema.first)
        try connection.execute(
            """
            INSERT INTO segment VALUES (1, 300, 0);
            INSERT INTO body VALUES (1, 1, 0, 100, 64, 1, x''), (2, 1, 100, 90, 54, 1, x''), (3, 1, 190, 80, 44, 1, x'');
            INSERT INTO holder VALUES (1, 1, 2, x''), (2, 1, 1, x''), (3, 1, 1, x''), (3, 2, 1, x'');
            INSERT INTO release (mailbox, account, body) VALUES (1, 1, 1), (1, 1, 2), (1, 1, 3);
            """)
        try connection.execute(Schema.ledger)
        #expect(try connection.number("SELECT count(*) FROM body") == 2)
        #expect(try connection.number("SELECT dead FROM segment") == 90)
        #expect(try connection.number("SELECT sum(messages) FROM holder") == 2)
        #expect(try connection.number("SELECT value FROM meta WHERE key='last-body'") == 3)
        connection.close()
    }

    @Test("random changes, power cuts and folds in any order leave what was answered", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func random(seed: UInt64) async throws {
        var random = Dice(seed: seed)
        var fixture = try Fixture()
        var (store, alice, inbox) = try await filled(fixture, 60)
        let other = try await store.create(mailbox: try #require(MailboxName("other")), of: alice, specialUse: nil).id
        for step in 0..<160 {
            try await store.changeSomething(in: [inbox, other], step, &random)
            guard random.next() % 8 == 0 else { continue }
            let expected = try await View(store, [inbox, other])
            let cut = try fixture.cut()
            try cut.fold(rows: Int(random.next() % 3) * Int(random.next() % 40))
            let again = try cut.open()
            try #require(try await View(again, [inbox, other]) == expected, "seed \(seed), step \(step)")
            #expect(try await again.check().faults == [], "seed \(seed), step \(step)")
            if random.next() % 2 == 0 {
                await store.close()
                (store, fixture) = (again, cut)
            } else {
                await again.close()
                let live = Set(expected.tables.flatMap { $0.map(\.body) })
                #expect(try cut.rowsOnDisk().first == Int64(expected.tables.reduce(0) { $0 + $1.count }))
                #expect(try cut.rowsOnDisk()[2...] == [Int64(live.count), 0])
            }
        }
        await store.close()
    }
}
