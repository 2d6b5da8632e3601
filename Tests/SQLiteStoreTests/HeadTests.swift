import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Heads, the queue and other kinds of bodies on the disk")
struct HeadTests {
    private static func head(_ word: String) throws -> MessageHead { try #require(MessageHead(Array("Return-Path: <\(word)@remote.example>\r\n".utf8))) }

    private static func draft(_ name: String) throws -> QueueDraft {
        QueueDraft(
            transaction: try #require(TransactionID("out")), reversePath: .mailbox(try #require(Address("alice@example.test"))),
            recipients: [QueuedRecipient(.mailbox(try #require(Address("\(name)@remote.example"))))], arrived: Fixture.now, head: try head("queued"))
    }

    private struct Mail {
        let store: SQLiteStore
        let alice: AccountID
        let bob: AccountID
        let inbox: MailboxID
        let bobs: MailboxID

        /// Small and large mail to both with a head each, and to the queue; an event.
        init(_ fixture: Fixture) async throws {
            (store, alice, inbox) = try await fixture.openWithAlice()
            bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
            bobs = try #require(try await store.mailbox(named: .inbox, of: bob)).id
            for number in 1...4 {
                var placements = [inbox, bobs].map { Placement(mailbox: $0, internalDate: Fixture.now) }
                placements[0].head = try HeadTests.head("zirconia\(number)")
                placements[1].head = try HeadTests.head("quetzal\(number)")
                let body = try await Fixture.stage(Fixture.message(number, size: number == 3 ? 600_000 : 1_000), in: store)
                _ = try await store.place(body, placements, queueing: [HeadTests.draft("dora"), HeadTests.draft("ernst")])
            }
            let sink = try await store.receive(expected: nil)
            try await sink.write(ByteBuffer(string: "BEGIN:VCALENDAR"))
            let kind = try #require(OtherDigest.Kind(rawValue: 5))
            let event = try await sink.finish(.other(OtherDigest(kind: kind, version: 1, octets: [1, 2])))
            _ = try await store.place(event, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        }
    }

    private func texts(_ store: SQLiteStore, _ mailbox: MailboxID, of account: AccountID) async throws -> [ByteBuffer] {
        var texts: [ByteBuffer] = []
        for row in try await store.open(mailbox).snapshot.rows(NumberSet(1...UInt32.max)).map(\.row) {
            let text = try await store.read(nil, of: row.body, for: account)
            #expect(text.readableBytes == Int(row.size))
            texts.append(text)
        }
        return texts
    }

    private func queued(_ store: SQLiteStore) async throws -> [QueueDraft] { try await store.queue(after: nil, most: 100).map(\.draft) }

    @Test("a block with shares is read back as it was written, and not at all with any one octet changed or missing")
    func block() throws {
        let holders = [(1, 64), (2, 300), (0, 1_000)].map { HolderBlock.Holder(account: AccountID(rawValue: $0), wrappedKey: [UInt8](repeating: 7, count: $1)) }
        let block = HolderBlock(body: BodyID(rawValue: 9), arrived: Fixture.now, holders: holders)
        var out = ByteBuffer()
        block.write(to: &out)
        #expect(out.readableBytes == block.octets && HolderBlock(out) == block)
        for index in 0..<out.readableBytes {
            var changed = out
            changed.setInteger(out.getInteger(at: index, as: UInt8.self).map { $0 ^ 0x10 } ?? 0, at: index)
            #expect(HolderBlock(changed) == nil, "octet \(index)")
            #expect(HolderBlock(out.getSlice(at: 0, length: index) ?? ByteBuffer()) == nil)
        }
    }

    @Test("a head costs nothing where there is none: a block of holders without shares is as it always was")
    func plain() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        let keys = try await store.readers.run { try $0.holders(of: BodyID(rawValue: 1)).map(\.wrappedKey.count) }
        #expect(keys == [HolderBlock.wrappedKey])
        await store.close()
    }

    @Test("check finds all whole, and names an entry whose body is not held")
    func check() async throws {
        let fixture = try Fixture()
        let mail = try await Mail(fixture)
        #expect(try await mail.store.check().faults == [])
        await mail.store.close()
        try fixture.tamper("UPDATE holder SET messages=1 WHERE account=0 AND body=1; DELETE FROM holder WHERE account=0 AND body=2")
        let store = try fixture.open()
        let faults = try await store.check().faults
        #expect(faults.count == 4 && faults.allSatisfy { $0.contains("queue entry") }, "\(faults)")
        await store.close()
    }

    @Test("compaction moves bodies with heads and entries, and nothing reads otherwise")
    func compaction() async throws {
        let fixture = try Fixture()
        let mail = try await Mail(fixture)
        var store = mail.store
        let before = try await (texts(store, mail.inbox, of: mail.alice), texts(store, mail.bobs, of: mail.bob), queued(store))
        for number in 10...14 { _ = try await Fixture.place(Fixture.message(number), in: store, mail.inbox, flags: Flags(system: .deleted)) }
        _ = try await store.expunge(nil, in: mail.inbox)
        while try await store.check().bodies > 5 { try await store.settle() }
        await store.close()
        store = try fixture.open()
        #expect(try await store.compact(all: true).segments == 1)
        #expect(try await texts(store, mail.inbox, of: mail.alice) == before.0)
        #expect(try await texts(store, mail.bobs, of: mail.bob) == before.1)
        #expect(try await queued(store) == before.2)
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("from catalogue and bodies heads, entries and kinds come back; entries are marked, and those that had gone stay gone", arguments: [true, false])
    func recovery(withCatalogue: Bool) async throws {
        let fixture = try Fixture()
        let mail = try await Mail(fixture)
        let gone = try #require(try await mail.store.queue(after: nil, most: 1).first)
        _ = try await mail.store.update(QueueUpdate(gone.id, recipients: [0: RecipientProgress(phase: .delivered, due: Fixture.now)]))
        let before = try await (texts(mail.store, mail.inbox, of: mail.alice), texts(mail.store, mail.bobs, of: mail.bob), queued(mail.store))
        await mail.store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        if !withCatalogue { for name in CatalogueKeeper.names { unlink(fixture.folder + "/catalogue/" + name) } }
        let report = try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        let store = try fixture.open()
        let entries = try await store.queue(after: nil, most: 100)
        #expect(entries.allSatisfy { $0.hold == .recovered } && report.queued == entries.count)
        #expect(entries.count == (withCatalogue ? 7 : 8))
        let find = { (account: AccountID) in
            let name = withCatalogue ? MailboxName.inbox : try #require(MailboxName("Recovered"))
            return try #require(try await store.mailbox(named: name, of: account)).id
        }
        #expect(Set(try await texts(store, find(mail.alice), of: mail.alice)) == Set(before.0))
        #expect(Set(try await texts(store, find(mail.bob), of: mail.bob)) == Set(before.1))
        if withCatalogue { #expect(entries.map(\.draft) == before.2) }
        let bodies = try await store.open(find(mail.alice)).snapshot.rows(NumberSet(1...UInt32.max)).map(\.row.body)
        let digests = try await store.digests(of: bodies, for: mail.alice)
        #expect(digests.compactMap { if case .other(let other) = $0 { Int(other.kind.rawValue) } else { nil } } == [5])
        for entry in entries { #expect(try await store.read(nil, of: entry.id).readableBytes == entry.size) }
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("a head is found by its own account alone, fresh and after a restart; what is no message is not searched")
    func search() async throws {
        let fixture = try Fixture()
        let mail = try await Mail(fixture)
        var store = mail.store
        for round in 0..<3 {
            await store.settleSearch(writing: round == 1)
            for (needle, account, count) in [
                ("zirconia2", mail.alice, 1), ("quetzal2", mail.alice, 0), ("quetzal2", mail.bob, 1), ("zirconia2", mail.bob, 0), ("Zebracake", mail.bob, 4),
                ("VCALENDAR", mail.alice, 0),
            ] {
                let question = SearchQuestion(SearchNeedle(needle), in: [.header, .body])
                let found = try await store.search([question], among: account)
                #expect(found.known.bodies.count == 4)
                #expect(found.answers[question]?.certain.bodies.count == count, "\(needle), round \(round)")
            }
            guard round == 1 else { continue }
            await store.close()
            unlink(fixture.folder + "/search.db")
            store = try fixture.open()
        }
        await store.close()
    }

    @Test("of what is queued nothing can be read in the data folder")
    func sealed() async throws {
        let fixture = try Fixture()
        let mail = try await Mail(fixture)
        await mail.store.close()
        for file in fixture.everyFile() where !file.hasPrefix("search") {
            let octets = try fixture.octets(of: file)
            for word in ["dora@remote", "remote.example", "zirconia"] { #expect(octets.firstRange(of: Array(word.utf8)) == nil, "\(file): \(word)") }
        }
    }
}
