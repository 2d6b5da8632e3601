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
        let connection = try Connection(path: cut.folder + "/index.db", mode: .writer)
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
        let connection = try Connection(path: cut.folder + "/index.db", mode: .writer)
        #expect(try connection.number("SELECT messages FROM holder") == 60)
        connection.close()
        await store.close()
    }

    @Test("bodies that an older version had yet to release are released when the store is opened")
    func migration() async throws {
        let fixture = try Fixture()
        let connection = try Connection(path: fixture.folder + "/old.db", mode: .writer)
        try connection.execute(Schema.first)
        try connection.execute("""
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
            try await change(store, [inbox, other], step, &random)
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

    private func change(_ store: SQLiteStore, _ boxes: [MailboxID], _ step: Int, _ random: inout Dice) async throws {
        let turn = Int(random.next() % 2)
        let (box, target) = (boxes[turn], boxes[random.next() % 4 == 0 ? turn : 1 - turn])
        let top = max(2, try await store.status(of: box).uidNext.rawValue)
        let uids = NumberSet((0..<(1 + random.next() % 4)).map { _ in
            let low = UInt32(random.next() % UInt64(top)) + 1
            return low...(low + UInt32(random.next() % 3 == 0 ? random.next() % 4 : random.next() % 60))
        })
        let flags = Flags(system: SystemFlags(rawValue: random.next() % 32), keywords: random.next() % 3 == 0 ? [try #require(Keyword("k\(random.next() % 5)"))] : [])
        switch random.next() % 10 {
        case 0: _ = try await Fixture.place(Fixture.message(step), in: store, box, flags: flags)
        case 1...2: _ = try await store.change(flags: .add(flags), of: uids, in: box, unchangedSince: nil)
        case 3...4: _ = try await store.change(flags: .remove(flags), of: uids, in: box, unchangedSince: nil)
        case 5: _ = try await store.change(flags: .replace(flags), of: uids, in: box, unchangedSince: nil)
        case 6: _ = try await store.expunge(random.next() % 2 == 0 ? nil : uids, in: box)
        case 7...8 where top < 2_000: _ = try await store.copy(uids, from: box, to: target)
        default: _ = try await store.move(uids, from: box, to: target)
        }
    }
}

/// What a store answers of some mailboxes.
private struct View: Equatable {
    var tables: [[MessageRow]] = []
    var statuses: [MailboxStatus] = []
    var keywords: [KeywordTable] = []

    init(_ store: SQLiteStore, _ mailboxes: [MailboxID]) async throws {
        for mailbox in mailboxes {
            let snapshot = try await store.open(mailbox).snapshot
            var rows: [MessageRow] = []
            snapshot.forEach { _, row in
                rows.append(row)
                return true
            }
            tables.append(rows)
            keywords.append(snapshot.keywords)
            statuses.append(try await store.status(of: mailbox))
        }
    }
}

/// Numbers that are the same for the same seed.
private struct Dice {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

extension Fixture {
    /// A copy of the folder as a power cut would leave it now. Nothing may be under way.
    fileprivate func cut() throws -> Fixture {
        let copy = try Fixture()
        for sub in ["", "/segments", "/large"] {
            mkdir(copy.folder + sub, 0o700)
            for name in Disk.names(in: folder + sub) where !name.hasSuffix("-shm") {
                let path = folder + sub + "/" + name
                let fd = try Disk.open(path, O_RDONLY)
                defer { close(fd) }
                let size = Disk.size(of: fd)
                guard let bytes = try? Disk.read(Int(size), from: fd, at: 0, path: path) else { continue }
                let target = try Disk.open(copy.folder + sub + "/" + name, O_RDWR | O_CREAT)
                defer { close(target) }
                try bytes.withUnsafeReadableBytes { try Disk.writeAll($0, to: target, at: 0, path: name) }
            }
        }
        return copy
    }

    /// Folds about so many rows in a store that is not open.
    fileprivate func fold(rows: Int) throws {
        guard rows > 0 else { return }
        let connection = try Connection(path: folder + "/index.db", mode: .writer)
        defer { connection.close() }
        let ledger = Ledger(try LedgerRecord.load(connection))
        let transaction = Transaction(connection, catalog: Catalog(Catalog.State()), ledger: ledger, epoch: 1, now: Fixture.now)
        _ = try ledger.step(transaction, Leases(), try BodyFolder(in: folder), rows: rows)
        try transaction.commit()
    }

    /// How many rows of messages there are, how many with `\Deleted`, how many bodies, and how many records.
    fileprivate func rowsOnDisk() throws -> [Int64] {
        let connection = try Connection(path: folder + "/index.db", mode: .writer)
        defer { connection.close() }
        return try ["message", "message WHERE flags & 8", "body", "ledger"].map { try connection.number("SELECT count(*) FROM \($0)") ?? -1 }
    }
}
