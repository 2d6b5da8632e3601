import Glibc
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Large mailboxes are opened by the ends of their blocks")
struct DirectoryTests {
    private static let never = 3_600_000

    private func filled(_ fixture: Fixture, _ count: Int) async throws -> (SQLiteStore, AccountID, MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, largeMailbox: 1)
        for number in 0..<(count / 1_000) {
            let body = try await Fixture.stage(Fixture.message(number), in: store)
            _ = try await store.place(body, (0..<1_000).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        }
        return (store, alice, inbox)
    }

    private func rows(_ snapshot: MailboxSnapshot, of store: SQLiteStore) async throws -> [MessageRow] {
        try await store.withRows {
            var rows: [MessageRow] = []
            try snapshot.forEach { _, row in
                rows.append(row)
                return true
            }
            return rows
        }
    }

    @Test("after a start only the last block's rows are read, and then those that are asked for")
    func lazy() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await filled(fixture, 3_000)
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...1_700), in: inbox, unchangedSince: nil)
        let expected = try await rows(store.open(inbox).snapshot, of: store)
        await store.close()
        store = try fixture.open(foldAfter: Self.never, largeMailbox: 1)
        let snapshot = try await store.open(inbox).snapshot
        #expect(snapshot.count == 3_000 && snapshot.blocks.count == 6)
        #expect(snapshot.blocks.map(\.isAtHand) == [false, false, false, false, false, true])
        #expect(throws: RowsNotAtHand.self) { try snapshot.firstUnseen }
        #expect(snapshot.blocks.map(\.isAtHand) == [false, false, false, false, false, true], "who only looks has nothing read")
        #expect(try await store.withRows { try snapshot.firstUnseen } == 1_700)
        #expect(snapshot.blocks.map(\.isAtHand) == [false, false, false, true, false, true])
        #expect(try await store.withRows { try snapshot.row(at: 700) } == expected[700])
        let uid = try #require(UID(rawValue: 513))
        #expect(try snapshot.lowerBound(uid) == 512 && snapshot.index(of: uid) == 512)
        #expect(snapshot.blocks.map(\.isAtHand) == [false, true, false, true, false, true])
        _ = try await store.change(flags: .add(Flags(system: .flagged)), of: NumberSet(1_100...1_100), in: inbox, unchangedSince: nil)
        #expect(snapshot.blocks.map(\.isAtHand) == [false, true, true, true, false, true], "the writer reads what it changes")
        #expect(try await rows(snapshot, of: store) == expected)
        await store.close()
    }

    @Test("a directory that does not fit the rows is told, and gives no wrong row")
    func wrong() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await filled(fixture, 3_000)
        _ = try await store.open(inbox)
        await store.close()
        try fixture.tamper("DELETE FROM message WHERE mailbox=\(inbox.rawValue) AND uid=700")
        store = try fixture.open(foldAfter: Self.never, largeMailbox: 1)
        let snapshot = try await store.open(inbox).snapshot
        await #expect {
            try await store.withRows { try snapshot.row(at: 600) }
        } throws: { error in
            guard case StorageFault.corrupt(let cause) = error else { return false }
            return cause.contains("mailbox \(inbox.rawValue), rows 513 to 1024")
        }
        #expect(try await store.withRows { try snapshot.row(at: 1_500) }?.uid.rawValue == 1_501)
        await #expect(throws: StorageFault.self) {
            _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(600...600), in: inbox, unchangedSince: nil)
        }
        #expect(try await store.check().faults.contains { $0.contains("directory") })
        await store.close()
    }

    @Test(
        "a row whose numbers cannot be is damage that names mailbox and UID, not a row that is not there",
        arguments: [
            "mod_seq=-1", "size=-5", "size=\(1 << 40)", "body=-7",
        ])
    func impossible(assignment: String) async throws {
        for largeMailbox in [1, Int.max] {
            let fixture = try Fixture()
            var (store, _, inbox) = try await filled(fixture, 1_000)
            _ = try await store.open(inbox)
            await store.close()
            try fixture.tamper("UPDATE message SET \(assignment) WHERE mailbox=\(inbox.rawValue) AND uid=300")
            store = try fixture.open(foldAfter: Self.never, largeMailbox: largeMailbox)
            await #expect {
                let snapshot = try await store.open(inbox).snapshot
                _ = try await store.withRows { try snapshot.row(at: 299) }
            } throws: { error in
                guard case StorageFault.corrupt(let cause) = error else { return false }
                return cause.contains("mailbox \(inbox.rawValue), UID 300")
            }
            #expect(try await store.check().faults.contains { $0.contains("mailbox \(inbox.rawValue), UID 300") })
            await store.close()
        }
    }

    @Test("random changes, starts and power cuts: as if every row had been read", arguments: [1, 2, 3, 4] as [UInt64])
    func random(seed: UInt64) async throws {
        var random = Dice(seed: seed)
        var fixture = try Fixture()
        var (store, alice, inbox) = try await filled(fixture, 2_000)
        let other = try await store.create(mailbox: try #require(MailboxName("other")), of: alice, specialUse: nil).id
        _ = try await store.copy(NumberSet(1...1_500), from: inbox, to: other)
        for round in 0..<12 {
            for step in 0..<Int(random.next() % 4) { try await store.changeSomething(in: [inbox, other], 100 * round + step, &random) }
            // As a stop or as a power cut leaves it; and a copy that reads every row.
            if random.next() % 3 > 0 { await store.close() }
            let copy = try fixture.cut()
            let twin = try fixture.cut()
            let plain = try twin.open(foldAfter: Self.never, largeMailbox: .max)
            let new = try copy.open(foldAfter: Self.never, largeMailbox: 1)
            let snapshot = try await new.open(inbox).snapshot
            let expected = try await View(plain, [inbox, other])
            try #require(snapshot.count == expected.tables[0].count, "seed \(seed), round \(round)")
            for _ in 0..<5 where snapshot.count > 0 {
                let index = Int(random.next() % UInt64(snapshot.count))
                let row = try #require(try await new.withRows { try snapshot.row(at: index) })
                #expect(row == expected.tables[0][index])
                #expect(try await new.withRows { try snapshot.index(of: row.uid) } == index)
            }
            for step in 0..<Int(random.next() % 4) {
                var again = random
                try await plain.changeSomething(in: [inbox, other], 100 * round + 50 + step, &again)
                try await new.changeSomething(in: [inbox, other], 100 * round + 50 + step, &random)
            }
            try #require(try await View(new, [inbox, other]) == View(plain, [inbox, other]), "seed \(seed), round \(round)")
            #expect(try await new.check().faults == [], "seed \(seed), round \(round)")
            await plain.close()
            #expect(access(twin.folder, F_OK) == 0)
            await store.close()
            (store, fixture) = (new, copy)
        }
        await store.close()
    }
}
