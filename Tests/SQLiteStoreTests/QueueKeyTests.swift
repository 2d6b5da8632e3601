import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("The queue's keys, each of which goes for ever with what it sealed")
struct QueueKeyTests {
    /// A clock that is moved by hand.
    private final class Days: Sendable {
        private let now = Mutex(Fixture.now)
        var clock: Timestamp.Clock { { self.now.withLock { $0 } } }
        func pass(_ days: Int64 = 1) { now.withLock { $0 = Timestamp(rawValue: $0.rawValue + days * QueueKey.age) } }
    }

    private func draft(_ name: String, recipients: Int = 1) throws -> QueueDraft {
        QueueDraft(
            transaction: try #require(TransactionID("out")), reversePath: .null,
            recipients: try (0..<recipients).map { QueuedRecipient(.mailbox(try #require(Address("\(name)\($0)@remote.example")))) }, arrived: Fixture.now)
    }

    private func queue(_ name: String, in store: SQLiteStore, recipients: Int = 1) async throws -> QueueID {
        let body = try await Fixture.stage(Fixture.message(name.utf8.count), in: store)
        return try #require(try await store.place(body, [], queueing: [draft(name, recipients: recipients)]).queued.first)
    }

    private func end(_ id: QueueID, in store: SQLiteStore) async throws {
        _ = try await store.update(QueueUpdate(id, recipients: [0: RecipientProgress(phase: .delivered, due: Fixture.now)]))
    }

    private func keys(_ store: SQLiteStore) -> [QueueKey] { store.catalog.read { Array($0.queue.keys.values) }.sorted { $0.id < $1.id } }

    /// Names of files that have a key's sealed octets: behind the number of the key, its nonce.
    private func files(with key: QueueKey, _ fixture: Fixture) throws -> [String] {
        try fixture.everyFile().filter { try fixture.octets(of: $0).firstRange(of: Array(key.sealed.dropFirst(4))) != nil }
    }

    @Test("a key a day, in the index and in a file for its owner alone; one that is missing is missed by a check, and written at start")
    func written() async throws {
        let (fixture, days) = (try Fixture(), Days())
        var store = try fixture.open(clock: days.clock)
        let folder = KeyFolder(in: fixture.folder)
        let master = try #require(MasterKey(Fixture.key))
        #expect(folder.queueKeys().isEmpty, "nothing is queued yet")
        let first = try await [queue("a", in: store), queue("b", in: store)]
        #expect(folder.queueKeys() == [2])
        days.pass()
        let second = try await queue("c", in: store)
        #expect(folder.queueKeys() == [2, 3] && keys(store).map(\.id) == [2, 3])
        var facts = stat()
        #expect(stat(folder.file(ofQueueKey: 2), &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        #expect(try folder.queueKey(2, under: master)?.sealed == keys(store).first?.sealed)
        #expect(folder.accounts().isEmpty)
        unlink(folder.file(ofQueueKey: 2))
        #expect(try await store.check().faults.count { $0.contains("queue-2.key") } == 1)
        await store.close()
        store = try fixture.open(clock: days.clock)
        #expect(try folder.queueKey(2, under: master)?.sealed == keys(store).first?.sealed)
        #expect(try await store.check().faults == [])
        #expect(try await store.queue(after: nil, most: 9).map(\.id) == first + [second])
        await store.close()
    }

    @Test("when a day is over and the last of its entries has left the queue, its key is nowhere in the data folder, and the others' entries are as they were")
    func destroyed() async throws {
        let (fixture, days) = (try Fixture(), Days())
        var store = try fixture.open(clock: days.clock)
        let first = try await [queue("a", in: store), queue("b", in: store)]
        // Rows that lie before and behind it, so that the page is moved about.
        days.pass()
        let second = try await queue("c", in: store)
        days.pass()
        let third = try await queue("d", in: store)
        let old = keys(store)
        #expect(try old.map { try files(with: $0, fixture).isEmpty } == [false, false, false])
        try Disk.makeFolder(fixture.folder + "/aside")
        for name in ["index.db.schema-6", "aside/index.db"] {
            try Disk.replace(fixture.folder + "/" + name, by: ByteBuffer(bytes: old[0].sealed + old[1].sealed))
        }
        try await end(first[0], in: store)
        #expect(keys(store).map(\.id) == [2, 3, 4], "an entry is under it still")
        try await end(first[1], in: store)
        // The WAL is cut before the answer.
        #expect(try files(with: old[0], fixture) == [])
        #expect(try files(with: old[1], fixture).contains("aside/index.db"))
        #expect(keys(store).map(\.id) == [3, 4] && KeyFolder(in: fixture.folder).queueKeys() == [3, 4])
        #expect(try await store.queue(after: nil, most: 9).map(\.id) == [second, third])
        #expect(try await store.check().faults == [])
        await store.close()
        store = try fixture.open(clock: days.clock)
        #expect(try await store.read(nil, of: second) == Fixture.message(1))
        try await end(second, in: store)
        try await end(third, in: store)
        #expect(keys(store).map(\.id) == [4], "today's key stays")
        // An id is never given twice.
        days.pass()
        _ = try await queue("e", in: store)
        #expect(keys(store).map(\.id) == [5])
        for key in old { #expect(try files(with: key, fixture) == []) }
        await store.close()
    }

    @Test("a key whose day is over and that seals nothing goes in the next idle moment, and at a stop")
    func idle() async throws {
        let (fixture, days) = (try Fixture(), Days())
        var store = try fixture.open(clock: days.clock)
        try await end(try await queue("a", in: store), in: store)
        let old = keys(store)
        #expect(old.count == 1)
        days.pass()
        await store.close()
        #expect(try files(with: old[0], fixture) == [] && KeyFolder(in: fixture.folder).queueKeys() == [])
        store = try fixture.open(clock: days.clock)
        #expect(keys(store).isEmpty)
        _ = try await queue("b", in: store)
        #expect(keys(store).map(\.id) == [3])
        await store.close()
    }

    @Test("an entry that was sealed under a key that is destroyed meanwhile is not placed under it")
    func race() async throws {
        let fixture = try Fixture()
        let store = try fixture.open()
        let gone = try QueueKey(77, made: Fixture.now, under: try #require(MasterKey(Fixture.key)))
        let notice = QueueUpdate.Notice(body: try await Fixture.stage(Fixture.message(1), in: store), placements: [], drafts: [try draft("a")])
        let body = try await store.prepare(notice.body, [], queueing: notice.drafts, under: gone)
        await #expect(throws: QueueKeyDestroyed.self) {
            _ = try await store.writer.submit(bodies: [body]) { try $0.place([notice], [body], at: $1) }
        }
        #expect(try await store.queue(after: nil, most: 9).isEmpty)
        #expect(try await store.check().bodies == 0)
        await store.close()
    }

    @Test("with the index lost, entries come back with their keys, held; without its key's file an entry does not, and is told of")
    func recovery() async throws {
        let (fixture, days) = (try Fixture(), Days())
        var store = try fixture.open(clock: days.clock)
        let domain = try #require(Domain("example.test"))
        try await store.add(domain: domain)
        _ = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        let first = try await queue("a", in: store)
        days.pass()
        let second = try await queue("b", in: store, recipients: 2)
        days.pass()
        let third = try await queue("c", in: store)
        _ = try await store.update(QueueUpdate(second, recipients: [0: RecipientProgress(phase: .delivered, due: Fixture.now)]))
        let before = try await store.queue(after: nil, most: 9)
        await store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        unlink(KeyFolder(in: fixture.folder).file(ofQueueKey: 2))
        let report = try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        #expect(report.queued == 2 && report.problems.contains { $0.contains("body \(first.body.rawValue) was in the outgoing queue") }, "\(report)")
        store = try fixture.open(clock: days.clock)
        let entries = try await store.queue(after: nil, most: 9)
        #expect(entries.map(\.id) == [second, third] && entries.map(\.draft) == before.dropFirst().map(\.draft))
        #expect(entries.allSatisfy { $0.hold == .recovered && $0.progress.allSatisfy { $0 == RecipientProgress(due: Fixture.now) } })
        #expect(keys(store).map(\.id) == [3, 4])
        #expect(try await store.check().faults == [])
        _ = try await store.update(QueueUpdate(second, recipients: [0: RecipientProgress(phase: .failed, due: Fixture.now)], hold: .release))
        #expect(try await store.queued(second).hold == nil)
        let key = keys(store)[0]
        _ = try await store.update(QueueUpdate(second, recipients: [1: RecipientProgress(phase: .failed, due: Fixture.now)]))
        #expect(try files(with: key, fixture) == [])
        #expect(try await store.queue(after: nil, most: 9).map(\.id) == [third])
        await store.close()
    }

    @Test("a key that the index has lost opens from its file, and while something is lost none is destroyed")
    func damaged() async throws {
        let (fixture, days) = (try Fixture(), Days())
        var store = try fixture.open(clock: days.clock)
        let id = try await queue("a", in: store)
        await store.close()
        try fixture.tamper("UPDATE queue_key SET sealed_key=zeroblob(64)")
        days.pass()
        store = try fixture.open(clock: days.clock)
        #expect(try await store.read(nil, of: id) == Fixture.message(1))
        #expect(try await store.check().faults.contains { $0.contains("the queue's key 2") })
        let new = try await queue("b", in: store)
        try await end(id, in: store)
        #expect(KeyFolder(in: fixture.folder).queueKeys() == [2, 3])
        #expect(try await store.queue(after: nil, most: 9).map(\.id) == [new])
        await store.close()
    }
}
