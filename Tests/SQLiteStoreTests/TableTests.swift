import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Kinds of rows")
struct TableTests {
    @Test("each has the place in the list that it says, and no other has it")
    func places() {
        #expect(TableList.kinds.map { $0.place } == Array(TableList.kinds.indices))
    }

    @Test("a batch keeps changes of those kinds alone that it touches: a delivery those of accounts, mailboxes and segments")
    func touched() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let staged = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(staged, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        let nothing = try await store.change { transaction in
            _ = (transaction.domains, transaction.accessList(of: inbox), try transaction.account(alice), try transaction.mailbox(inbox))
            return transaction.staged.touched.map { "\($0)" }
        }
        #expect(nothing == [])
        let (body, placements) = (try await Fixture.stage(Fixture.message(2), in: store), [Placement(mailbox: inbox, internalDate: Fixture.now)])
        let outgoing = try await store.prepare(body, placements)
        let delivery = try await store.writer.submit(bodies: [outgoing], queued: {}) { transaction, places in
            guard let record = outgoing.staged, let place = places.first else { throw StorageFault.closed }
            _ = try transaction.place([
                Transaction.Delivery(body: body, record: record, place: place, holders: outgoing.holders, placements: placements)
            ])
            return transaction.staged.touched.map { "\($0)" }
        }
        #expect(delivery == ["AccountTable", "MailboxTable", "SegmentTable"])
        let flags = try await store.change { transaction in
            _ = try transaction.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...1), in: inbox, unchangedSince: nil)
            return transaction.staged.touched.map { "\($0)" }
        }
        #expect(flags == ["AccountTable", "MailboxTable"])
        await store.close()
    }

    @Test("what a batch that fails has taken of notes goes back, and is written with the next")
    func abandoned() async throws {
        struct Failure: Error {}
        let fixture = try Fixture()
        let (store, alice, _) = try await fixture.openWithAlice()
        let login = Timestamp(rawValue: 1_700_000_123)
        store.note(login: login, of: alice)
        await #expect(throws: (any Error).self) {
            try await store.change { transaction in
                try transaction.set(enabled: true, of: alice)
                transaction.beforeCommit.append { throw Failure() }
            }
        }
        try await store.set(enabled: true, of: alice)
        await store.close()
        let connection = try fixture.connect(.reader)
        defer { connection.close() }
        #expect(try connection.number("SELECT last_login FROM account WHERE id=?", .int(alice.rawValue)) == login.rawValue)
    }
}
