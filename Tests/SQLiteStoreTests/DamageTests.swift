import CSQLite
import Dispatch
import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

extension Fixture {
    /// SQL on the index by a program without the key, which knows nothing of trailers.
    func tamperWithoutKey(_ sql: String) throws {
        let connection = try Connection(path: folder + "/index.db", mode: .writer)
        try connection.execute(sql)
        try connection.checkpoint(truncate: true)
        connection.close()
    }

    /// Octets of a file become others.
    func flip(_ name: String, at position: Int64, count: Int = 4) throws {
        let path = folder + "/" + name
        let fd = try Disk.open(path, O_RDWR)
        defer { close(fd) }
        let octets = try Disk.read(count, from: fd, at: position, path: path)
        try octets.readableBytesView.map { $0 ^ 0x55 }.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
    }

    func size(of name: String) throws -> Int64 {
        let fd = try Disk.open(folder + "/" + name, O_RDONLY)
        defer { close(fd) }
        return Disk.size(of: fd)
    }

    /// Names and sizes of everything in the folder.
    var listing: [String] {
        get throws {
            try ["", "segments", "large", "aside"].flatMap { sub in
                try Disk.names(in: folder + "/" + sub).map { "\(sub)/\($0)" }.filter { !["/segments", "/large", "/aside"].contains($0) }
                    .map { "\($0) \(try size(of: $0))" }
            }.sorted()
        }
    }
}

@Suite("Damage is told, costs no more than what it hit, and nothing is made of it")
struct DamageTests {
    private static func isCorrupt(_ error: any Error) -> Bool { if case .corrupt? = error as? StorageFault { true } else { false } }

    @Test("a password hash that is copied to another account's row, a flag, a date: what was written without the key is never served")
    func forgery() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await store.add(account: AccountName("mallory@example.test"), passwordHash: "$argon2id$mallory")
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        try fixture.tamperWithoutKey("UPDATE account SET password='$argon2id$mallory'; UPDATE message SET flags=1, internal_date=5")
        let again = try fixture.open()
        await #expect(throws: IndexDamage.missingAccounts) { try await again.account(named: AccountName("alice@example.test")) }
        #expect(try await again.check().faults.contains { $0.contains("not what was stored") })
        await again.close()
    }

    @Test("where every page of bodies and of their holders is damaged, the start goes on, mail comes in, and no id is given twice")
    func noBodyIsKnown() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        var last = BodyID(rawValue: 0)
        for number in 1...40 {
            let body = try await Fixture.stage(Fixture.message(number), in: store)
            _ = try await store.place(body, [Placement(mailbox: inbox, internalDate: Fixture.now)])
            last = max(last, body.id)
        }
        await store.close()
        let connection = try fixture.connect()
        let pages = try connection.prepare("SELECT pageno FROM dbstat WHERE name IN ('body', 'holder')")
        var numbers: [Int64] = []
        while try pages.step() { numbers.append(pages.int(0)) }
        pages.reset()
        connection.close()
        #expect(numbers.count >= 2)
        for page in numbers { try fixture.flip("index.db", at: (page - 1) * 4_096 + 2_000) }
        let again = try fixture.open()
        #expect(try await Fixture.stage(Fixture.message(99), in: again).id > last)
        #expect(!(try await again.check().isSound))
        await again.close()
    }

    @Test("a damaged page of messages costs its mailbox, and no other")
    func confined() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let other = try await store.create(mailbox: try #require(MailboxName("other")), of: alice, specialUse: nil).id
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(body, (0..<600).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        let second = try await Fixture.stage(Fixture.message(2), in: store)
        _ = try await store.place(second, (0..<600).map { _ in Placement(mailbox: other, internalDate: Fixture.now) })
        await store.close()
        let connection = try fixture.connect()
        let page = try #require(
            try connection.number("SELECT pageno FROM dbstat WHERE name='message' AND pagetype='leaf' ORDER BY path LIMIT 1 OFFSET 1"))
        connection.close()
        try fixture.flip("index.db", at: (page - 1) * 4_096 + 2_000)
        let again = try fixture.open()
        await #expect { _ = try await again.open(inbox) } throws: { Self.isCorrupt($0) }
        #expect(try await again.open(other).snapshot.count == 600)
        let report = try await again.check()
        #expect(report.faults.contains { $0.hasPrefix("page \(page) of the index") })
        #expect(report.faults.contains { $0.hasPrefix("mailbox \(inbox.rawValue)") })
        #expect(report.messages == 600)
        await again.close()
    }

    @Test("a change that meets damage halfway takes no other of its batch along")
    func confinedWrites() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let other = try await store.create(mailbox: try #require(MailboxName("other")), of: alice, specialUse: nil).id
        for number in 0..<200 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        await store.close()
        let connection = try fixture.connect()
        let page = try #require(
            try connection.number("SELECT pageno FROM dbstat WHERE name='holder' AND pagetype='leaf' ORDER BY path LIMIT 1 OFFSET 1"))
        connection.close()
        try fixture.flip("index.db", at: (page - 1) * 4_096 + 2_000)
        let again = try fixture.open()
        // One batch: all stand in line before the first is let go.
        let (gate, waiting) = (DispatchSemaphore(value: 0), Counter())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let isOpen = Counter()
                // It may be begun again, with those of its own batch.
                try await again.change { _ in if isOpen.add() == 1 { gate.wait() } }
            }
            let queued: @Sendable () -> Void = { if waiting.add() == 12 { gate.signal() } }
            for number in 0..<12 {
                group.addTask {
                    guard number % 3 == 0 else {
                        let name = try #require(MailboxName("box \(number)"))
                        return try await again.writer.submit(queued: queued) { transaction, _ in
                            try transaction.set(subscribed: true, to: name, of: alice)
                        }
                    }
                    do {
                        // Rows are added before the holders are counted.
                        _ = try await again.writer.submit(queued: queued) { transaction, _ in
                            try transaction.copy(NumberSet(1...200), from: inbox, to: other)
                        }
                        Issue.record("what lies on the damaged page was copied")
                    } catch StorageFault.corrupt {}
                }
            }
            try await group.waitForAll()
        }
        #expect(try await again.subscriptions(of: alice).filter { $0.value.hasPrefix("box ") }.count == 8)
        #expect(try await again.status(of: other).messages == 0)
        #expect(try await again.open(other).snapshot.count == 0)
        await again.close()
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func add() -> Int { value.add(1, ordering: .relaxed).newValue }
    }

    @Test(
        "numbers that cannot be are damage, not a crash",
        arguments: [
            "UPDATE body SET size=-5", "UPDATE body SET size=1<<40", "UPDATE body SET position=9223372036854775807", "UPDATE body SET length=-1",
            "UPDATE body SET segment=-3", "UPDATE message SET internal_date=-9223372036854775807-1", "UPDATE message SET body=9223372036854775807",
            "UPDATE mailbox SET size=9223372036854775807", "UPDATE mailbox SET messages=-1", "UPDATE mailbox SET mod_seq=9223372036854775807",
            "UPDATE mailbox SET uid_next=-1", "UPDATE account SET mod_seq=9223372036854775807", "UPDATE account SET uid_validity=-1",
            "UPDATE account SET created=9223372036854775807", "UPDATE segment SET indexed=9223372036854775807", "UPDATE segment SET indexed=-1",
            "UPDATE segment SET dead=9223372036854775807", "INSERT INTO ledger VALUES (9223372036854775807,1,1,2,0,0,1,0,x'0101',NULL)",
            "INSERT INTO ledger VALUES (5,1,1,2,0,0,-1,0,x'ffffffffffff',NULL)", "INSERT INTO quota VALUES (1,-9223372036854775807,9223372036854775807,-1)",
            "INSERT INTO meta VALUES ('last-body',9223372036854775807)", "UPDATE holder SET messages=-1", "UPDATE directory SET blocks=x'ff'",
        ])
    func numbers(sql: String) async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let placed = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let body = try #require(try await store.open(inbox).snapshot.row(placed.uid)).body
        await store.close()
        try fixture.tamper(sql)
        let again: SQLiteStore
        do {
            again = try fixture.open()
        } catch {
            #expect(Self.isCorrupt(error))
            return
        }
        // Each of these may fail; none may end the program.
        _ = try? await again.read(nil, of: body, for: alice)
        _ = try? await again.outlines(of: [body], for: alice)
        _ = try? await again.open(inbox).snapshot.row(placed.uid)?.internalDate.description
        _ = try? again.usage(of: alice)
        _ = try? await Fixture.place(Fixture.message(2), in: again, inbox)
        _ = try? await again.change(flags: .add(Flags(system: .deleted)), of: NumberSet(1...9), in: inbox, unchangedSince: nil)
        _ = try? await again.expunge(nil, in: inbox)
        _ = try? await again.compact(all: true)
        _ = try? await again.check()
        await again.close()
    }

    @Test("a mailbox whose name does not open has another, and its mail")
    func namelessMailbox() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let other = try await store.create(mailbox: try #require(MailboxName("other")), of: alice, specialUse: nil).id
        _ = try await Fixture.place(Fixture.message(2), in: store, other)
        await store.close()
        try fixture.tamper("UPDATE mailbox SET sealed_name=(SELECT sealed_name FROM mailbox WHERE id=\(inbox.rawValue)) WHERE id=\(other.rawValue)")
        let again = try fixture.open()
        let names = try await again.mailboxes(of: alice).map(\.name.value)
        #expect(names.contains("Damaged mailbox \(other.rawValue)") && names.contains("INBOX") && !names.contains("other"))
        #expect(try await again.open(other).snapshot.count == 1)
        #expect(try await again.check().faults.contains { $0.hasPrefix("mailbox \(other.rawValue)") })
        await again.close()
    }

    @Test("a damaged account row costs that account: nobody is told that there is no such user")
    func damagedAccount() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        try fixture.tamper("UPDATE account SET sealed_key=x'00' WHERE id=\(bob.rawValue)")
        let again = try fixture.open()
        #expect(try await again.account(named: AccountName("alice@example.test"))?.id == alice)
        await #expect(throws: IndexDamage.missingAccounts) { try await again.account(named: AccountName("bob@example.test")) }
        await #expect(throws: IndexDamage.missingAccounts) { try await again.account(named: AccountName("nobody@example.test")) }
        await #expect(throws: IndexDamage.missingAccounts) { try await again.add(account: AccountName("bob@example.test"), passwordHash: "-") }
        await #expect(throws: IndexDamage.missingAccounts) { try await again.accounts() }
        #expect(try await again.open(inbox).snapshot.count == 1)
        #expect(try await again.check().faults.contains { $0.hasPrefix("account \(bob.rawValue)") })
        await again.close()
    }
}

@Suite("A start without an index, or without its WAL")
struct OpeningTests {
    @Test("bodies without an index are left alone: the store is not opened", arguments: ["missing", "empty", "a folder", "no index"])
    func withoutIndex(how: String) async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        _ = try await Fixture.place(Fixture.message(2, size: 400_000), in: store, inbox)
        await store.close()
        let index = fixture.folder + "/index.db"
        switch how {
        case "missing": unlink(index)
        case "empty": truncate(index, 0)
        case "a folder":
            unlink(index)
            mkdir(index, 0o700)
        default:
            try Array(repeating: UInt8(ascii: "x"), count: 9_000).withUnsafeBytes { octets in
                let fd = try Disk.open(index, O_RDWR | O_TRUNC)
                defer { close(fd) }
                try Disk.writeAll(octets, to: fd, at: 0, path: index)
            }
        }
        let before = try fixture.listing
        #expect { _ = try fixture.open() } throws: { if case .corrupt? = $0 as? StorageFault { true } else { false } }
        #expect(try fixture.listing == before)
        rmdir(index)
    }

    @Test("files of bodies that the index does not know are set aside, and those in which nothing was finished are not")
    func setsAside() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let large = try await Fixture.place(Fixture.message(2, size: 400_000), in: store, inbox)
        await store.close()
        let segment = try #require(fixture.files(in: "segments").first)
        let file = try #require(fixture.files(in: "large").first)
        try Disk.copy(segment, to: fixture.folder + "/segments/77.mbs")
        try Disk.copy(file, to: fixture.folder + "/large/88.mbl")
        close(try Disk.open(fixture.folder + "/large/99.mbl", O_RDWR | O_CREAT))
        let again = try fixture.open()
        #expect(Set(Disk.names(in: fixture.folder + "/aside")) == ["1-77.mbs", "1-88.mbl"])
        #expect(fixture.files(in: "large") == [file] && fixture.files(in: "segments").contains(segment))
        let report = try await again.check()
        #expect(report.isSound && report.unknownRecords == 2 && report.notes.count == 2)
        // Ids of bodies that lie there are not given again.
        _ = try await Fixture.place(Fixture.message(3), in: again, inbox)
        let rows = try await again.open(inbox).snapshot.rows(NumberSet(1...9)).map(\.row)
        #expect(try #require(rows.last).body.rawValue > 88 && rows.contains { $0.uid == large.uid })
        await again.close()
    }

    @Test("records behind the last indexed octet are kept, and what was never whole is cut")
    func keepsRecords() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        let segment = try #require(fixture.files(in: "segments").first)
        let name = "segments/" + (segment.split(separator: "/").last.map(String.init) ?? "")
        let size = try fixture.size(of: name)
        // The same record once more, half a record, zeros.
        let fd = try Disk.open(segment, O_RDWR)
        let record = try Disk.read(Int(size), from: fd, at: 0, path: segment)
        try record.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: size, path: segment) }
        var again = try fixture.open()
        #expect(try fixture.size(of: name) == 2 * size)
        #expect(try await again.check().unknownRecords == 1)
        #expect(try await again.compact(all: true).segments == 0)
        await again.close()
        #expect(ftruncate(fd, off_t(size)) == 0)
        try record.withUnsafeReadableBytes { try Disk.writeAll(UnsafeRawBufferPointer(rebasing: $0[..<100]), to: fd, at: size, path: segment) }
        close(fd)
        again = try fixture.open()
        #expect(try fixture.size(of: name) == size)
        #expect(try await again.check().unknownRecords == 0)
        await again.close()
    }

    /// A folder as a power cut leaves it, with `count` deliveries in the WAL and as many before it.
    private func cutFolder(_ count: Int) async throws -> (Fixture, MailboxID, AccountID, lastUID: UInt32, lastModSeq: UInt64) {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 0..<count { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        await store.close()
        store = try fixture.open()
        var last: Placed?
        for number in count..<2 * count { last = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        let cut = try fixture.cut()
        await store.close()
        let placed = try #require(last)
        return (cut, inbox, alice, placed.uid.rawValue, placed.modSeq.rawValue)
    }

    @Test("a damaged WAL is kept, told, and costs no UID and no ModSeq its meaning: RFC 9051 §2.3.1.1", arguments: ["header", "frame", "missing"])
    func damagedWAL(what: String) async throws {
        let (fixture, inbox, alice, lastUID, lastModSeq) = try await cutFolder(30)
        switch what {
        case "header": try fixture.flip("index.db-wal", at: 20)
        case "frame": try fixture.flip("index.db-wal", at: try fixture.size(of: "index.db-wal") / 2)
        default: unlink(fixture.folder + "/index.db-wal")
        }
        let again = try fixture.open()
        let names = Set(Disk.names(in: fixture.folder + "/aside"))
        #expect(names.contains(what == "missing" ? "1-missing-wal.txt" : "1-index.db-wal"))
        let report = try await again.check()
        #expect(report.faults.contains { $0.contains("WAL") })
        let status = try await again.status(of: inbox)
        #expect(status.messages + report.unknownRecords == 60, "no record is cut")
        #expect(what == "frame" ? status.messages > 30 : status.messages == 30)
        #expect(status.uidNext.rawValue > lastUID + 1_000_000 && status.highestModSeq.rawValue > lastModSeq + 1_000_000)
        let placed = try await Fixture.place(Fixture.message(99), in: again, inbox)
        let body = try #require(try await again.open(inbox).snapshot.row(placed.uid)).body
        #expect(body.rawValue > 60, "no id is given twice")
        #expect(try await again.read(nil, of: body, for: alice) == Fixture.message(99))
        await again.close()
        let later = try fixture.open()
        #expect(try await later.check().faults.contains { $0.contains("WAL") }, "until it is removed")
        await later.close()
    }

    @Test("an index that has nothing without its lost WAL is not taken for an empty one")
    func everythingWasInTheWAL() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let cut = try fixture.cut()
        await store.close()
        unlink(cut.folder + "/index.db-wal")
        #expect { _ = try cut.open() } throws: { if case .corrupt? = $0 as? StorageFault { true } else { false } }
        #expect(cut.files(in: "segments").count == 1)
    }

    @Test("a transaction that was being written when the power went is forgotten without alarm")
    func tornTail() async throws {
        let (fixture, inbox, _, _, _) = try await cutFolder(5)
        let size = try fixture.size(of: "index.db-wal")
        #expect(truncate(fixture.folder + "/index.db-wal", off_t(size - 1_000)) == 0)
        let again = try fixture.open()
        let report = try await again.check()
        #expect(report.isSound)
        #expect(report.notes == [], "of what lies beyond the file's end nobody knows")
        #expect(try await again.status(of: inbox).messages == 9)
        await again.close()
    }

    @Test("a WAL that somebody wrote without the key is not taken, and is told")
    func forgedWAL() async throws {
        let (fixture, inbox, _, _, _) = try await cutFolder(5)
        let plain = try Connection(path: fixture.folder + "/index.db", mode: .writer)
        try plain.execute("UPDATE message SET flags=8")
        // As it lies there while that program still runs.
        let forged = try fixture.cut()
        plain.close()
        let again = try forged.open()
        #expect(try await again.open(inbox).snapshot.rows(NumberSet(1...99)).allSatisfy { !$0.row.flags.contains(.deleted) })
        #expect(try await again.check().faults.contains { $0.contains("WAL") && $0.contains("without the key") })
        await again.close()
    }

    @Test("the first page may be torn where the WAL has it: a power cut while it was copied")
    func tornFirstPage() async throws {
        let (fixture, inbox, _, _, _) = try await cutFolder(30)
        // The WAL has it, for the index has grown.
        try fixture.flip("index.db", at: 2_000)
        let again = try fixture.open()
        #expect(try await again.status(of: inbox).messages == 60)
        #expect(try await again.check().faults == [])
        await again.close()
    }

    @Test("any SQLite reads the files: the WAL's checksums are over what lies there")
    func stockSQLite() async throws {
        let (fixture, _, _, _, _) = try await cutFolder(30)
        let plain = try Connection(path: fixture.folder + "/index.db", mode: .reader)
        #expect(try plain.number("SELECT count(*) FROM message") == 60)
        plain.close()
        // That has copied the WAL into the database, with its trailers.
        let again = try fixture.open()
        #expect(try await again.check().messages == 60)
        await again.close()
    }

    @Test("so they are where a transaction is larger than the cache, writes pages again and goes back")
    func stockSQLiteAfterSpills() async throws {
        let fixture = try Fixture()
        let (store, _, _) = try await fixture.openWithAlice()
        await store.close()
        let connection = try fixture.connect()
        try connection.execute("PRAGMA cache_size=8; CREATE TABLE spill (id INTEGER PRIMARY KEY, text BLOB)")
        for round in 0..<6 {
            try connection.execute("BEGIN")
            for id in 0..<200 { try connection.run("INSERT INTO spill VALUES (?, randomblob(300))", .int(Int64(round * 1_000 + id * 7 % 200))) }
            try connection.execute("SAVEPOINT here; UPDATE spill SET text=randomblob(300); ROLLBACK TO here")
            try connection.execute("UPDATE spill SET text=zeroblob(300) WHERE id % 3 = 0")
            try connection.execute(round % 3 == 1 ? "ROLLBACK" : "COMMIT")
            if round == 4 { try connection.checkpoint(truncate: false) }
        }
        let cut = try fixture.cut()
        connection.close()
        let plain = try Connection(path: cut.folder + "/index.db", mode: .reader)
        #expect(try plain.number("SELECT count(*) FROM spill") == 800)
        plain.close()
        let sealed = try cut.connect()
        #expect(try sealed.number("SELECT count(*) FROM spill WHERE text=zeroblob(300)") == 268)
        sealed.close()
    }

    @Test("an older index in a newer one's place is refused without an order, whatever it says of itself")
    func olderIndex() async throws {
        let fixture = try Fixture()
        let plain = try Connection(path: fixture.folder + "/index.db", mode: .writer)
        for step in Schema.steps { try plain.execute(step) }
        try plain.execute("PRAGMA user_version=4")
        plain.close()
        let key = try #require(MasterKey(Fixture.key))
        var options = SQLiteStore.Options(freeFloor: 0)
        options.generation = 5
        let open = { try SQLiteStore.open(fixture.folder, masterKey: key, options: options, clock: { Fixture.now }, log: Logger(label: "test")) }
        #expect { _ = try open() } throws: { if case .corrupt? = $0 as? StorageFault { true } else { false } }
        options.acceptsOlderIndex = true
        let store = try open()
        #expect(Migration.kept(in: fixture.folder) == ["index.db.schema-4"])
        #expect(try await store.check().isSound)
        await store.close()
        try fixture.tamperWithoutKey("PRAGMA user_version=6")
        #expect(throws: (any Error).self) { try open() }
    }
}
