import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("The change log is pruned")
struct PruningTests {
    private static let never = 3_600_000
    private static let day: Int64 = 86_400

    private final class Clock: Sendable {
        private let seconds = Mutex(Fixture.now.rawValue)
        var now: Timestamp { Timestamp(rawValue: seconds.withLock { $0 }) }
        func advance(by more: Int64) { seconds.withLock { $0 += more } }
    }

    private func open(_ fixture: Fixture, _ kept: ChangesKept, _ clock: Clock) throws -> SQLiteStore {
        var options = SQLiteStore.Options(freeFloor: 0, foldAfter: Self.never)
        options.changes = kept
        let master = try #require(MasterKey(Fixture.key))
        return try SQLiteStore.open(fixture.folder, masterKey: master, options: options, clock: { clock.now }, log: Logger(label: "test"))
    }

    private func withAlice(_ fixture: Fixture) async throws -> (AccountID, MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice()
        await store.close()
        return (alice, inbox)
    }

    private func floor(_ store: SQLiteStore, _ account: AccountID) async throws -> ModSeq {
        guard case .older(let floor, _) = try await store.changes(of: account, since: .zero, most: 1) else { return .zero }
        return floor
    }

    private func numbers(_ fixture: Fixture, _ sql: String...) throws -> [Int64] {
        let connection = try fixture.connect(.reader)
        defer { connection.close() }
        return try sql.map { try connection.number("SELECT count(*) FROM \($0)") ?? -1 }
    }

    @Test("what is older than the days that are kept goes, and nothing younger, though the server rests and starts anew")
    func byTime() async throws {
        let fixture = try Fixture()
        let (alice, inbox) = try await withAlice(fixture)
        let clock = Clock()
        var store = try open(fixture, ChangesKept(days: 3, rows: 1_000_000), clock)
        var days: [ModSeq] = []
        for day in 0..<8 {
            days.append(try await Fixture.place(Fixture.message(day), in: store, inbox).modSeq)
            try await store.pruneChanges()
            // Twice a day is as good as once.
            try await store.pruneChanges()
            let floor = try await floor(store, alice)
            #expect(floor == (day < 3 ? .zero : days[day - 3]), "day \(day)")
            #expect(try await store.rest(of: alice, since: floor).changes.count >= min(day, 3))
            clock.advance(by: Self.day)
            guard day % 3 == 2 else { continue }
            await store.close()
            store = try open(fixture, ChangesKept(days: 3, rows: 1_000_000), clock)
        }
        clock.advance(by: 30 * Self.day)
        try await store.pruneChanges()
        #expect(try await floor(store, alice) == days[7])
        #expect(try await store.rest(of: alice, since: days[7]).changes.isEmpty)
        #expect(try await store.check().faults == [])
        await store.close()
        #expect(try numbers(fixture, "change WHERE kind<>4", "change_time") == [0, 0])
    }

    @Test("more rows than are kept go, also where ModSeqs are far apart")
    func byNumber() async throws {
        let fixture = try Fixture()
        let (alice, inbox) = try await withAlice(fixture)
        let clock = Clock()
        let store = try open(fixture, ChangesKept(days: 30, rows: 10), clock)
        var placed: [ModSeq] = []
        for number in 0..<25 {
            placed.append(try await Fixture.place(Fixture.message(number), in: store, inbox).modSeq)
            if number == 20 {
                // As a copy of very many messages leaves it.
                try await store.change { transaction in
                    var entry = try transaction.account(alice)
                    entry.modSeq = ModSeq(rawValue: entry.modSeq.rawValue + LargeCopy.roomOfModSeqs) ?? .zero
                    transaction.staged.accounts[alice] = entry
                }
            }
        }
        try await store.pruneChanges()
        #expect(try await floor(store, alice) == placed[14])
        #expect(try await store.rest(of: alice, since: placed[14]).changes.map(\.modSeq) == Array(placed[15...]))
        try await store.pruneChanges()
        #expect(try await floor(store, alice) == placed[14])
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("a power cut between any two steps leaves a sound log, which the next round goes on with")
    func powerCuts() async throws {
        let fixture = try Fixture()
        let (first, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never)
        var store = first
        for number in 0..<3 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        let start = try await store.highest(of: alice)
        _ = try await store.remove(NumberSet(1...2), from: inbox)
        try await store.settle()
        await store.close()
        // Many rows, in between what stays.
        try fixture.tamper(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9000)
            INSERT INTO change SELECT \(alice.rawValue), \(start.rawValue) + 1 + i, 9, 0, x'', NULL FROM n;
            UPDATE account SET mod_seq=mod_seq+9000;
            """)
        store = try fixture.open(foldAfter: Self.never)
        let highest = try await store.highest(of: alice)
        try await store.change { try $0.raiseFloor(of: alice, to: highest, directories: []) }
        var (steps, left, before) = (0, true, Int64.max)
        while left {
            let cut = try fixture.cut()
            let again = try cut.open(foldAfter: Self.never)
            #expect(try await again.changes(of: alice, since: start, most: 9) == .older(floor: highest, highest: highest))
            #expect(try await again.expunged(since: start, in: inbox) == NumberSet(1...2))
            #expect(try await again.check().faults == [])
            let rows = try numbers(cut, "change")[0]
            #expect(rows < before && before - rows <= 2 * Int64(Transaction.prunedAtOnce) || steps == 0)
            before = rows
            try await again.pruneChanges()
            await again.close()
            #expect(try numbers(cut, "change WHERE kind NOT IN (3,4)", "change WHERE kind=3", "departed", "change_floor WHERE pruned<mod_seq") == [0, 1, 0, 0])
            left = try await store.change { try $0.prune(alice) }
            steps += 1
        }
        #expect(steps >= 5)
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("that messages were expunged stays as long as their mailbox, and that it was made; then both go")
    func whatStays() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        for number in 0..<6 { _ = try await Fixture.place(Fixture.message(number), in: store, work) }
        let start = try await store.highest(of: alice)
        for uid in 1...3 as ClosedRange<UInt32> { _ = try await store.remove(NumberSet(uid...uid), from: work) }
        let made = Int64(try await store.mailboxes(of: alice).count)
        try await store.prune(changesOf: alice, upTo: .max)
        #expect(try await store.expunged(since: start, in: work) == NumberSet(1...3))
        #expect(try numbers(fixture, "change", "change WHERE kind=4 AND mod_seq=0", "change WHERE kind=3") == [made + 3, made, 3])
        // Which mailboxes there should be is known as before.
        #expect(
            try numbers(fixture, "(SELECT account, mailbox FROM change WHERE kind=4 EXCEPT SELECT account, mailbox FROM change WHERE kind=5)") == [made])
        // What the rows leave that go now nobody will ask for; it goes with the next changes that are pruned.
        try await store.settle()
        _ = try await store.remove(NumberSet(4...4), from: work)
        try await store.settle()
        #expect(try numbers(fixture, "departed") == [4])
        try await store.delete(mailbox: work)
        #expect(
            try numbers(fixture, "(SELECT account, mailbox FROM change WHERE kind=4 EXCEPT SELECT account, mailbox FROM change WHERE kind=5)") == [made - 1])
        #expect(try await store.check().faults == [])
        try await store.prune(changesOf: alice, upTo: .max)
        #expect(try numbers(fixture, "change", "change WHERE mailbox=\(work.rawValue)", "departed") == [made - 1, 0, 0])
        #expect(try await store.check().faults == [])
        _ = try await Fixture.place(Fixture.message(9), in: store, inbox)
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("the directory of a mailbox in which nothing changes stays true; one that the log cannot bring up to date goes")
    func directories() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, largeMailbox: 1)
        let quiet = try await store.create(mailbox: try #require(MailboxName("quiet")), of: alice, specialUse: nil).id
        for mailbox in [inbox, quiet] {
            let body = try await Fixture.stage(Fixture.message(1), in: store)
            _ = try await store.place(body, (0..<1_500).map { _ in Placement(mailbox: mailbox, internalDate: Fixture.now) })
            _ = try await store.open(mailbox)
        }
        await store.close()
        let stored = "directory WHERE mailbox IN (\(inbox.rawValue), \(quiet.rawValue))"
        #expect(try numbers(fixture, stored) == [2])
        // Both are behind the account; one of them has changed.
        store = try fixture.open(foldAfter: Self.never, largeMailbox: 1)
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(10...1_100), in: inbox, unchangedSince: nil)
        _ = try await store.remove(NumberSet(3...900), from: inbox)
        let expected = try await View(store, [inbox, quiet])
        try await store.prune(changesOf: alice, upTo: .max)
        let cut = try fixture.cut()
        #expect(try numbers(cut, stored, "directory WHERE mailbox=\(quiet.rawValue)") == [1, 1])
        let again = try cut.open(foldAfter: Self.never, largeMailbox: 1)
        #expect(try await again.open(quiet).snapshot.blocks.first?.isAtHand == false)
        #expect(try await again.open(inbox).snapshot.blocks.first?.isAtHand == true)
        #expect(try await View(again, [inbox, quiet]) == expected)
        #expect(try await again.check().faults == [])
        await again.close()
        await store.close()
    }

    @Test("who loads a mailbox while its changes are pruned sees them all the same")
    func loading() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never)
        for number in 0..<5 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        await store.close()
        store = try fixture.open(foldAfter: Self.never)
        let entry = try #require(store.catalog.mailbox(inbox))
        let distant = DistantRows(store.file)
        let loaded = try await store.readers.run { try $0.load(entry, large: 4_096, distant) }
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...3), in: inbox, unchangedSince: nil)
        _ = try await store.remove(NumberSet(2...2), from: inbox)
        try await store.prune(changesOf: alice, upTo: .max)
        let (catalog, leases) = (store.catalog, Leases())
        let open = try await store.change { try $0.attach(loaded, catalog: catalog, leases: leases) }
        #expect(try open.snapshot.rows(NumberSet(1...9)).map(\.row.uid.rawValue) == [1, 3, 4, 5])
        #expect(try open.snapshot.rows(NumberSet(1...3)).map(\.row.flags.rawValue) == [SystemFlags.seen.rawValue, SystemFlags.seen.rawValue])
        await store.close()
    }

    @Test("a copy of very many whose source's changes are pruned meanwhile has the flags of now")
    func copies() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, copiedAtOnce: 10)
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(body, (0..<30).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        let beginning = try await store.change {
            try $0.begin(copyOf: NumberSet(1...30), from: inbox, to: work, flags: .all, isMove: false, most: 10)
        }
        guard case .begun(let copy) = beginning else { throw StorageFault.unavailable("it was done at once") }
        var rows = LargeCopy.Rows()
        for step in copy.steps {
            let first = copy.first + UInt32(rows.copies.count)
            rows.append(try await store.change { try $0.add(step, to: copy, first: first) })
        }
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...30), in: inbox, unchangedSince: nil)
        try await store.prune(changesOf: alice, upTo: .max)
        let (done, since) = (rows, copy.since)
        guard case .done = try await store.change({ try $0.end(copy, done, since: since, most: 100) }) else {
            throw StorageFault.unavailable("messages have changed")
        }
        #expect(try await store.status(of: work).unseen == 0)
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("the check tells of a log that is not what its floor says")
    func check() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never)
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let highest = try await store.highest(of: alice)
        await store.close()
        for floor in [highest.rawValue, highest.rawValue + 1] {
            try fixture.tamper("INSERT OR REPLACE INTO change_floor VALUES (\(alice.rawValue), \(floor), \(highest.rawValue))")
            store = try fixture.open(foldAfter: Self.never)
            #expect(try await store.check().faults.contains { $0.contains("change log of account \(alice.rawValue)") })
            await store.close()
        }
    }
}
