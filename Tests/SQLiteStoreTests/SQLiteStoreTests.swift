import Crypto
import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite(.timeLimit(.minutes(10)))
struct SQLiteStoreTests {
    @Test("a commit is synced: PRAGMA synchronous reads 2 on the writing connection")
    func synchronousIsFull() throws {
        let fixture = try Fixture()
        let connection = try Connection(path: fixture.folder + "/x.db", mode: .writer)
        #expect(try connection.number("PRAGMA synchronous") == 2)
    }

    @Test("what was placed is there after a restart, octet for octet", arguments: [0, 1, 1_000, 65_535, 65_536, 65_537, 262_144, 262_145, 700_000])
    func survivesRestart(size: Int) async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let bytes = size == 0 ? ByteBuffer() : Fixture.message(7, size: size)
        let placed = try await Fixture.place(bytes, in: store, inbox, flags: Flags(system: .seen, keywords: [try #require(Keyword("$Forwarded"))]))
        await store.close()
        store = try fixture.open()
        let snapshot = try await store.open(inbox).snapshot
        let row = try #require(try snapshot.row(placed.uid))
        #expect(snapshot.keywords.flags(of: row.flags).keywords.map(\.spelling) == ["$Forwarded"])
        #expect(row.modSeq == placed.modSeq)
        #expect(Int(row.size) == bytes.readableBytes)
        #expect(try await store.read(nil, of: row.body, for: alice) == bytes)
        let middle = bytes.readableBytes / 2
        let part = try await store.read(middle..<(middle + 70_000), of: row.body, for: alice)
        #expect(part == bytes.getSlice(at: middle, length: min(70_000, bytes.readableBytes - middle)) ?? ByteBuffer())
        #expect(try await store.outlines(of: [row.body], for: alice).first?.size == bytes.readableBytes)
        #expect(try await store.check().isSound)
        await store.close()
    }

    @Test("many writers share commits; every UID and ModSeq is given once")
    func groupCommit() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        let handle = try await store.open(inbox)
        let placed = try await withThrowingTaskGroup(of: Placed.self) { group in
            for number in 0..<200 { group.addTask { try await Fixture.place(Fixture.message(number), in: store, inbox) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(placed.map(\.uid)).count == 200)
        #expect(Set(placed.map(\.modSeq)).count == 200)
        #expect(handle.snapshot.count == 200)
        #expect(try await store.status(of: inbox).messages == 200)
        await store.close()
    }

    @Test("the WAL begins anew over and over, as soon as it is long and copied")
    func renewsWAL() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        var longest: off_t = 0
        for round in 0..<60 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for number in 0..<10 { _ = try await Fixture.place(Fixture.message(round * 40 + writer * 10 + number), in: store, inbox) }
                    }
                }
                try await group.waitForAll()
            }
            // A checkpoint under way ends beside the writers; how long it takes is the disk's affair.
            while store.checkpointer.isAtWork { await Task.yield() }
            var facts = stat()
            try #require(stat(fixture.folder + "/index.db-wal", &facts) == 0)
            longest = max(longest, facts.st_size)
        }
        // Without it: 30 MiB and more.
        #expect(longest < 24 << 20)
        await store.close()
        await (try fixture.open()).close()
    }

    @Test("another master key opens nothing")
    func wrongKey() async throws {
        let fixture = try Fixture()
        let (store, _, _) = try await fixture.openWithAlice()
        await store.close()
        #expect(throws: StorageFault.unavailable("the master key is not the one this store was made with")) {
            _ = try fixture.open(key: Array(repeating: 7, count: 32))
        }
    }

    @Test("a flipped octet in a body is refused and reported, and its neighbour is read")
    func flippedOctet() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let first = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let second = try await Fixture.place(Fixture.message(2), in: store, inbox)
        let path = try #require(fixture.files(in: "segments").first)
        let fd = try Disk.open(path, O_RDWR)
        let there = try Disk.read(1, from: fd, at: 300, path: path)
        let flipped = [try #require(there.getInteger(at: 0, as: UInt8.self)) ^ 1]
        try flipped.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: 300, path: path) }
        close(fd)
        let snapshot = try await store.open(inbox).snapshot
        let bodies = try [first, second].map { try #require(try snapshot.row($0.uid)).body }
        await #expect(throws: StorageFault.self) { try await store.read(nil, of: bodies[0], for: alice) }
        #expect(try await store.read(nil, of: bodies[1], for: alice) == Fixture.message(2))
        let report = try await store.check()
        #expect(report.faults.count == 1)
        await store.close()
    }

    @Test(
        "records that are swapped are refused",
        arguments: [
            "UPDATE body SET outline=(SELECT outline FROM body b WHERE b.id<>body.id)",
            "UPDATE holder SET sealed_key=(SELECT sealed_key FROM holder h WHERE h.body<>holder.body)",
            "UPDATE body SET position=(SELECT position FROM body b WHERE b.id<>body.id)",
        ])
    func swapped(sql: String) async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        _ = try await Fixture.place(Fixture.message(2), in: store, inbox)
        let bodies = try await store.open(inbox).snapshot.rows(NumberSet(1...2)).map(\.row.body)
        await store.close()
        try fixture.tamper(
            "CREATE TEMP TABLE t AS SELECT * FROM body; CREATE TEMP TABLE u AS SELECT * FROM holder; "
                + sql.replacing("FROM body b", with: "FROM t b").replacing("FROM holder h", with: "FROM u h"))
        let again = try fixture.open()
        for body in bodies {
            await #expect(throws: StorageFault.self) {
                _ = try await again.outlines(of: [body], for: alice)
                _ = try await again.read(nil, of: body, for: alice)
            }
        }
        #expect(try await again.check().faults.count >= 2)
        await again.close()
    }

    @Test("octets beyond the last indexed offset are cut at start, and nothing before them")
    func tailIsCut() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let placed = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        let path = try #require(fixture.files(in: "segments").first)
        let fd = try Disk.open(path, O_RDWR)
        let size = Disk.size(of: fd)
        try Array("torn".utf8).withUnsafeBytes { try Disk.writeAll($0, to: fd, at: size, path: path) }
        store = try fixture.open()
        #expect(Disk.size(of: fd) == size)
        close(fd)
        let row = try #require(try await store.open(inbox).snapshot.row(placed.uid))
        #expect(try await store.read(nil, of: row.body, for: alice) == Fixture.message(1))
        await store.close()
    }

    @Test("a body that is dropped unplaced leaves nothing behind, in memory or in a file", arguments: [1_000, 600_000])
    func unplaced(size: Int) async throws {
        let fixture = try Fixture()
        let (store, _, _) = try await fixture.openWithAlice()
        _ = try await Fixture.stage(Fixture.message(1, size: size), in: store)
        let sink = try await store.receive(expected: nil)
        try await sink.write(Fixture.message(2, size: size))
        sink.discard()
        #expect(fixture.files(in: "large").isEmpty)
        #expect(try await store.check().bodies == 0)
        await store.close()
    }

    @Test("an expunged body stays readable while a snapshot has it, and goes afterwards; compaction gives the space back")
    func letGo() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 1...4 { _ = try await Fixture.place(Fixture.message(number, size: 5_000), in: store, inbox, flags: Flags(system: .deleted)) }
        let large = try await Fixture.place(Fixture.message(9, size: 400_000), in: store, inbox, flags: Flags(system: .deleted))
        _ = try await Fixture.place(Fixture.message(5, size: 5_000), in: store, inbox)
        var view: MailboxSnapshot? = try await store.open(inbox).snapshot
        let body = try #require(try view?.row(.first)).body
        #expect(try await store.expunge(nil, in: inbox).uids.count == 5)
        try await store.settle()
        #expect(try await store.read(nil, of: body, for: alice) == Fixture.message(1, size: 5_000))
        view = nil
        try await store.settle()
        #expect(try await store.check().bodies == 1)
        await #expect(throws: StorageFault.noSuchMessage) { try await store.read(nil, of: body, for: alice) }
        #expect(fixture.files(in: "large").isEmpty, "UID \(large.uid) was in a file of its own")
        await store.close()

        let again = try fixture.open()
        let report = try await again.compact()
        #expect(report.segments == 1)
        #expect(report.bodiesMoved == 1)
        #expect(report.freed > 20_000)
        let rows = try await again.open(inbox).snapshot.rows(NumberSet(1...100))
        #expect(try await again.read(nil, of: try #require(rows.first).row.body, for: alice) == Fixture.message(5, size: 5_000))
        #expect(try await again.check().isSound)
        #expect(fixture.files(in: "segments").count == 1)
        await again.close()
    }

    @Test("compactions that run at the same time remove each segment once, and none of them fails")
    func compactsTogether() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await fixture.openWithAlice()
        for round in 0..<5 {
            for number in 1...4 {
                let message = Fixture.message(round * 10 + number, size: 5_000)
                _ = try await Fixture.place(message, in: store, inbox, flags: number % 2 == 0 ? Flags(system: .deleted) : Flags())
            }
            _ = try await store.expunge(nil, in: inbox)
            try await store.settle()
            await store.close()
            store = try fixture.open()
            let opened = store
            let segments = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await opened.compact(all: true).segments } }
                return try await group.reduce(0, +)
            }
            #expect(segments == 1)
            #expect(try await store.check().isSound)
        }
        await store.close()
    }

    @Test("compaction gives space back on a full disk, by itself, and stops with the store")
    func compactsByItself() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 1...9 { _ = try await Fixture.place(Fixture.message(number, size: 5_000), in: store, inbox, flags: Flags(system: .deleted)) }
        _ = try await Fixture.place(Fixture.message(10, size: 5_000), in: store, inbox)
        _ = try await store.expunge(nil, in: inbox)
        try await store.settle()
        #expect(try await store.check().bodies == 1)
        await store.close()

        let full = try fixture.open(floor: .max)
        let before = fixture.files(in: "segments")
        let compaction = Task { await full.keepCompact(every: .milliseconds(1), log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) }
        while fixture.files(in: "segments") == before || fixture.files(in: "segments").count != 1 { await Task.yield() }
        let rows = try await full.open(inbox).snapshot.rows(NumberSet(1...100))
        #expect(try await full.read(nil, of: try #require(rows.first).row.body, for: alice) == Fixture.message(10, size: 5_000))
        await full.close()
        compaction.cancel()
        await compaction.value
    }

    @Test("no mail comes in below the free floor; flags and EXPUNGE still commit")
    func freeFloor() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        let full = try fixture.open(floor: .max)
        await #expect(throws: StorageFault.full) { _ = try await full.receive(expected: nil) }
        let changed = try await full.change(flags: .add(Flags(system: .deleted)), of: NumberSet(1...1), in: inbox, unchangedSince: nil)
        #expect(changed.stored.count == 1)
        #expect(try await full.expunge(nil, in: inbox).uids.count == 1)
        await full.close()
    }

    @Test("the keyed hash of a message id is HMAC-SHA-256: RFC 2104 §2", arguments: ["", "a@b", String(repeating: "x", count: 200)])
    func keyedHash(text: String) {
        let key = SymmetricKey(data: Fixture.key)
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        #expect(KeyedHash(key)(text) == code.withUnsafeBytes { Int64(bitPattern: $0.loadUnaligned(as: UInt64.self)) })
    }

    @Test("replies find their thread by keyed hashes of message ids: RFC 8474 §5.2")
    func threads() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        _ = try await Fixture.place(ByteBuffer(string: "Message-ID: <r@x>\r\nReferences: <1@example.test>\r\n\r\nyes\r\n"), in: store, inbox)
        _ = try await Fixture.place(ByteBuffer(string: "Message-ID: <s@x>\r\nIn-Reply-To: <r@x>\r\n\r\nyes\r\n"), in: store, inbox)
        _ = try await Fixture.place(Fixture.message(2), in: store, inbox)
        await store.close()
        let connection = try fixture.connect()
        #expect(try connection.number("SELECT count(DISTINCT thread) FROM message") == 2)
        #expect(try connection.number("SELECT count(*) FROM message GROUP BY thread ORDER BY 1 DESC") == 3)
    }
}
