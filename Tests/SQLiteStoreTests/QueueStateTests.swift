import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("The state of the queue on the disk")
struct QueueStateTests {
    private func draft(_ count: Int = 1) throws -> QueueDraft {
        QueueDraft(
            transaction: try #require(TransactionID("out")), reversePath: .mailbox(try #require(Address("sender@example.test"))),
            recipients: try (0..<count).map { QueuedRecipient(.mailbox(try #require(Address("r\($0)@remote.example"))), original: "rfc822;quince") },
            arrived: Fixture.now)
    }

    private func queue(in store: SQLiteStore, recipients: Int = 1) async throws -> QueueID {
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        return try #require(try await store.place(body, [], queueing: [draft(recipients)]).queued.first)
    }

    private let waits = RecipientProgress(
        attempts: 1, due: Fixture.now,
        last: RecipientProgress.Attempt(
            at: Fixture.now, host: "mx.quetzal.example", address: "192.0.2.77", reply: RemoteReply(code: 451, status: nil, lines: ["zirconia"]),
            reason: "tamarind"))

    @Test("to place an entry costs no row for its recipients")
    func rows() async throws {
        let fixture = try Fixture()
        let store = try fixture.open()
        let id = try await queue(in: store, recipients: 100)
        let count: @Sendable () async throws -> Int64? = { try await store.readers.run { try $0.connection.number("SELECT count(*) FROM queue_recipient") } }
        #expect(try await count() == 0)
        _ = try await store.update(QueueUpdate(id, recipients: [3: waits, 50: waits]))
        #expect(try await count() == 2)
        let settled = RecipientProgress(phase: .failed, due: Fixture.now)
        _ = try await store.update(QueueUpdate(id, recipients: Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, settled) })))
        #expect(try await count() == 0)
        await store.close()
    }

    @Test("nothing of what servers said, who they were and who asked for what can be read in the data folder")
    func sealed() async throws {
        let fixture = try Fixture()
        let store = try fixture.open()
        let id = try await queue(in: store, recipients: 2)
        _ = try await store.update(QueueUpdate(id, recipients: [0: waits]))
        let name = try #require(TransactionID("out"))
        try await store.record([TraceEvent(.attempt, of: name, at: Fixture.now, name: "<m@quetzal.example>", ["reply": "zirconia"])])
        await store.close()
        for file in fixture.everyFile() {
            let octets = try fixture.octets(of: file)
            for word in ["quetzal", "192.0.2.77", "zirconia", "tamarind", "quince", "remote.example"] {
                #expect(octets.firstRange(of: Array(word.utf8)) == nil, "\(file): \(word)")
            }
        }
    }

    @Test("rows that cannot be are told of, and nobody's message is lost for them")
    func damage() async throws {
        let fixture = try Fixture()
        var store = try fixture.open()
        let ids = try await [queue(in: store, recipients: 2), queue(in: store), queue(in: store, recipients: 2)]
        _ = try await store.update(QueueUpdate(ids[0], recipients: [0: waits]))
        _ = try await store.update(QueueUpdate(ids[2], recipients: [0: waits]))
        #expect(try await store.check().faults == [])
        await store.close()
        try fixture.tamper(
            "UPDATE queue_recipient SET phase=9 WHERE entry=\(ids[0].rawValue); UPDATE queue SET hold=99 WHERE id=\(ids[1].rawValue); "
                + "UPDATE queue SET waiting=1 WHERE id=\(ids[2].rawValue); INSERT INTO queue_recipient VALUES (7,0,0,0,0,0,NULL)")
        store = try fixture.open()
        for id in ids.prefix(2) {
            await #expect { _ = try await store.queued(id) } throws: {
                if case StorageFault.corrupt = $0 { true } else { false }
            }
        }
        await #expect(throws: StorageFault.self) { _ = try await store.queue(after: nil, most: 9) }
        // One recipient waits still, whatever the count says.
        await #expect(throws: StorageFault.self) {
            _ = try await store.update(QueueUpdate(ids[2], recipients: [0: RecipientProgress(phase: .delivered, due: Fixture.now)]))
        }
        #expect(try await store.queued(ids[2]).progress.map(\.phase) == [.waiting, .waiting])
        let faults = try await store.check().faults
        #expect(faults.count == 4 && faults.allSatisfy { $0.contains("queue entry") }, "\(faults)")
        await store.close()
    }

    @Test("what came of a try for one recipient is not taken for another's")
    func swapped() async throws {
        let fixture = try Fixture()
        var store = try fixture.open()
        let id = try await queue(in: store, recipients: 2)
        _ = try await store.update(QueueUpdate(id, recipients: [0: waits, 1: waits]))
        await store.close()
        try fixture.tamper("UPDATE queue_recipient SET attempt=(SELECT attempt FROM queue_recipient WHERE number=0) WHERE number=1")
        store = try fixture.open()
        await #expect(throws: StorageFault.self) { _ = try await store.queued(id) }
        await store.close()
    }

    @Test("an index of schema 6 keeps its entries, and those that recovery had marked stay held")
    func migration() async throws {
        let fixture = try Fixture()
        var store = try fixture.open()
        let ids = try await [queue(in: store, recipients: 3), queue(in: store)]
        let before = try await store.queue(after: nil, most: 9)
        await store.close()
        try makeSchema6(fixture, ids, before)
        store = try fixture.open()
        #expect(Migration.kept(in: fixture.folder) == ["index.db.schema-6"])
        let entries = try await store.queue(after: nil, most: 9)
        var drafts = before.map(\.draft)
        // Nobody could ask for that then.
        for index in drafts.indices { for number in drafts[index].recipients.indices { drafts[index].recipients[number].original = nil } }
        #expect(entries.map(\.id) == ids && entries.map(\.draft) == drafts && entries.map(\.hold) == [nil, .recovered])
        #expect(entries.map(\.progress) == before.map(\.progress))
        #expect(try await store.read(nil, of: ids[0]) == Fixture.message(1))
        #expect(try await store.check().faults == [])
        await #expect(throws: StorageFault.self) { _ = try await store.update(QueueUpdate(ids[0], recipients: [3: waits])) }
        _ = try await store.update(QueueUpdate(ids[0], recipients: [1: waits, 2: RecipientProgress(phase: .failed, due: Fixture.now)]))
        _ = try await store.update(QueueUpdate(ids[1], hold: .release))
        await store.close()
        store = try fixture.open()
        #expect(try await store.queued(ids[0]).progress == [RecipientProgress(due: Fixture.now), waits, RecipientProgress(phase: .failed, due: Fixture.now)])
        #expect(try await store.queued(ids[1]).hold == nil)
        #expect(try await store.check().faults == [])
        let settled = RecipientProgress(phase: .delivered, due: Fixture.now)
        _ = try await store.update(QueueUpdate(ids[0], recipients: [0: settled, 1: settled]))
        _ = try await store.update(QueueUpdate(ids[1], recipients: [0: settled]))
        #expect(try await store.queue(after: nil, most: 9).isEmpty)
        #expect(try await store.check().bodies == 0)
        await store.close()
    }

    /// Makes of the index one that a program of schema 6 wrote.
    private func makeSchema6(_ fixture: Fixture, _ ids: [QueueID], _ entries: [QueueEntry]) throws {
        let master = try #require(MasterKey(Fixture.key))
        let connection = try fixture.connect()
        defer { connection.close() }
        for (id, entry) in zip(ids, entries) {
            let rows = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=0")
            try rows.bind([.int(id.body.rawValue)])
            #expect(try rows.step())
            let sealed = rows.blob(0)
            rows.reset()
            let keyID = try #require(Seal.keyID(of: sealed))
            let key = try #require(try KeyFolder(in: fixture.folder).queueKey(keyID, under: master))
            let held = try HeldKey.open(sealed, id.body, for: .queue, under: key.key)
            let plain = held.key.withUnsafeBytes { Array($0) } + Array(buffer: try share(of: entry.draft))
            try connection.run(
                "UPDATE holder SET sealed_key=? WHERE body=? AND account=0",
                .blob(try Seal.seal(plain, under: master.queueKey, as: HeldKey.label(id.body, .queue))), .int(id.body.rawValue))
        }
        try connection.run("UPDATE queue SET recovered=1 WHERE id=?", .int(ids[1].rawValue))
        for column in ["hold", "key", "recipients", "waiting"] { try connection.execute("ALTER TABLE queue DROP COLUMN \(column)") }
        for table in ["queue_recipient", "queue_key", "trace", "pair"] { try connection.execute("DROP TABLE \(table)") }
        try connection.execute("PRAGMA user_version=6")
        try connection.checkpoint(truncate: true)
        for id in KeyFolder(in: fixture.folder).queueKeys() { unlink(KeyFolder(in: fixture.folder).file(ofQueueKey: id)) }
    }

    /// Of one entry, as schema 6 had it: form 3.
    private func share(of draft: QueueDraft) throws -> ByteBuffer {
        var out = ByteBuffer(bytes: [3])
        out.writeCompact(1)
        out.writeCompact(0)
        out.writeCompact(draft.transaction.value)
        out.writeInteger(draft.traits.rawValue)
        out.writeSigned(draft.arrived.rawValue)
        out.writeInteger(UInt8(1))
        let sender = try #require(draft.reversePath.address)
        for text in [sender.localPart, sender.domain.value] { out.writeCompact(text) }
        out.writeCompact(UInt64(draft.recipients.count))
        for recipient in draft.recipients {
            guard case .mailbox(let address) = recipient.path else { continue }
            out.writeInteger(UInt8(1))
            for text in [address.localPart, address.domain.value] { out.writeCompact(text) }
        }
        out.writeCompact([UInt8]())
        return out
    }
}
