import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("Very many messages are copied in steps")
struct LargeCopyTests {
    private static let seen = Flags(system: .seen)

    /// INBOX with so many messages on one body, every third of them seen, and an empty mailbox; ten are copied at once.
    private func filled(_ fixture: Fixture, _ count: Int = 95) async throws -> (store: SQLiteStore, inbox: MailboxID, work: MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: 3_600_000, copiedAtOnce: 10)
        let body = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(
            body, (1...count).map { Placement(mailbox: inbox, flags: $0 % 3 == 0 ? Self.seen : Flags(), internalDate: Fixture.now) })
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        return (store, inbox, work)
    }

    private func begin(_ store: SQLiteStore, _ uids: ClosedRange<UInt32>, _ from: MailboxID, _ to: MailboxID, isMove: Bool = false) async throws -> LargeCopy {
        let beginning = try await store.change {
            try $0.begin(copyOf: NumberSet(uids), from: from, to: to, flags: .all, isMove: isMove, most: 10)
        }
        guard case .begun(let copy) = beginning else { throw StorageFault.unavailable("it was done at once") }
        return copy
    }

    private func carryOut(_ copy: LargeCopy, in store: SQLiteStore) async throws -> LargeCopy.Rows {
        var rows = LargeCopy.Rows()
        for step in copy.steps {
            let first = copy.first + UInt32(rows.copies.count)
            rows.append(try await store.change { try $0.add(step, to: copy, first: first) })
        }
        return rows
    }

    @Test("as one that is made at once", arguments: [false, true])
    func likeASmallOne(isMove: Bool) async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture)
        let before = try await store.open(inbox).snapshot.highestModSeq
        let uids = NumberSet([1...40, 43...90])
        let copied =
            isMove
            ? try await store.move(uids, from: inbox, to: work, flags: .all) : try await store.copy(uids, from: inbox, to: work, flags: .all)
        #expect(copied.source == uids.ranges.flatMap { $0 }.compactMap(UID.init(rawValue:)))
        #expect(copied.target.count == 88)
        #expect(try #require(copied.modSeq) > before)
        let status = try await store.status(of: work)
        #expect(status.messages == 88)
        #expect(status.unseen == 88 - 29)
        #expect(status.uidNext.rawValue == (copied.target.last?.rawValue ?? 0) + 1)
        #expect(status.highestModSeq == copied.modSeq)
        let table = try await store.open(work).snapshot
        #expect(table.count == 88)
        #expect(
            try table.rows(NumberSet(copied.target)).map(\.row.flags.rawValue) == copied.source.map { $0.rawValue % 3 == 0 ? SystemFlags.seen.rawValue : 0 })
        #expect(try await store.status(of: inbox).messages == (isMove ? 7 : 95))
        #expect(try await store.check().isSound)
        let expected = try await View(store, [inbox, work])
        let cut = try fixture.cut()
        let again = try cut.open()
        #expect(try await View(again, [inbox, work]) == expected)
        #expect(try await again.check().isSound)
        await again.close()
        await store.close()
        #expect(try fixture.rowsOnDisk()[0] == (isMove ? 95 : 183))
    }

    @Test("nobody sees a row before all are there, and others' mail comes in between")
    func unseenBetween() async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture)
        let open = try await store.open(work)
        let copy = try await begin(store, 1...95, inbox, work)
        #expect(copy.steps.count == 10)
        let rows = try await carryOut(copy, in: store)
        #expect(try fixture.cut().rowsOnDisk()[0] == 190)
        #expect(open.snapshot.count == 0)
        #expect(try await store.status(of: work).messages == 0)
        let mail = try await Fixture.place(Fixture.message(2), in: store, work)
        #expect(mail.uid.rawValue == 1)
        _ = try await store.change(flags: .add(Self.seen), of: NumberSet(1...1), in: work, unchangedSince: nil)
        #expect(try await store.check().isSound)
        try await store.settle()
        // A power cut now leaves nothing of it.
        let cut = try fixture.cut()
        let again = try cut.open(foldAfter: 3_600_000)
        #expect(try await again.open(work).snapshot.count == 1)
        #expect(try await again.check().isSound)
        try await again.settle()
        #expect(try await Fixture.place(Fixture.message(3), in: again, work).uid.rawValue == 2)
        await again.close()
        #expect(try cut.rowsOnDisk()[0] == 97)
        guard case .done(let copied) = try await store.change({ try $0.end(copy, rows, since: copy.since, most: 10) }) else {
            Issue.record("messages have changed")
            return
        }
        #expect(copied.target.first?.rawValue == LargeCopy.room + 1)
        #expect(open.snapshot.count == 96)
        #expect(try await store.check().isSound)
        try await store.settle()
        #expect(try await store.check().isSound)
        await store.close()
        #expect(try fixture.rowsOnDisk()[0] == 191)
    }

    @Test("a power cut after any step leaves what was answered: nothing of the copy, or all of it", arguments: [1, 2])
    func powerCuts(seed: UInt64) async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture, 60)
        var dice = Dice(seed: seed)
        func cutIsSound() async throws {
            let expected = try await View(store, [inbox, work])
            let cut = try fixture.cut()
            try cut.fold(rows: Int(dice.next() % 60))
            let again = try cut.open()
            #expect(try await View(again, [inbox, work]) == expected)
            #expect(try await again.check().isSound)
            await again.close()
        }
        let copy = try await begin(store, 1...60, inbox, work, isMove: seed == 2)
        try await cutIsSound()
        var rows = LargeCopy.Rows()
        for step in copy.steps {
            let first = copy.first + UInt32(rows.copies.count)
            rows.append(try await store.change { try $0.add(step, to: copy, first: first) })
            _ = try await Fixture.place(Fixture.message(Int(first)), in: store, work)
            let uid = UInt32(dice.next() % 60) + 1
            _ = try await store.change(flags: .add(Self.seen), of: NumberSet(uid...uid), in: inbox, unchangedSince: nil)
            try await cutIsSound()
        }
        _ = try await store.change { [rows] in try $0.end(copy, rows, since: copy.since, most: 10) }
        try await cutIsSound()
        await store.close()
    }

    @Test("flags that change meanwhile are those of the copies, messages that go meanwhile are not shown as copied twice")
    func changesMeanwhile() async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture)
        let copy = try await begin(store, 1...95, inbox, work, isMove: true)
        _ = try await store.remove(NumberSet(94...95), from: inbox)
        var rows = try await carryOut(copy, in: store)
        #expect(rows.copies.count == 93)
        _ = try await store.change(flags: .add(Self.seen), of: NumberSet(1...30), in: inbox, unchangedSince: nil)
        guard case .changed(let uids, let until) = try await store.change({ [rows] in try $0.end(copy, rows, since: copy.since, most: 10) }) else {
            Issue.record("twenty changes are too many for the end")
            return
        }
        #expect(uids == NumberSet((1...30).filter { $0 % 3 != 0 }.compactMap(UID.init(rawValue:))))
        for (index, flags) in try await store.change({ [rows] in try $0.refresh(uids, of: copy, rows) }) { rows.set(flags, at: index) }
        _ = try await store.change(flags: .add(Self.seen), of: NumberSet(31...32), in: inbox, unchangedSince: nil)
        _ = try await store.change { [rows] in try $0.end(copy, rows, since: until, most: 10) }
        let status = try await store.status(of: work)
        #expect(status.messages == 93)
        #expect(status.unseen == 93 - 31 - 20 - 2)
        #expect(try await store.status(of: inbox).messages == 0)
        #expect(try await store.check().isSound)
        let cut = try fixture.cut()
        let again = try cut.open()
        #expect(try await again.status(of: work).unseen == status.unseen)
        #expect(try await again.check().isSound)
        await again.close()
        await store.close()
    }

    @Test("what comes to nothing leaves nothing: the mailbox is deleted, or fuller than there is room for")
    func comesToNothing() async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture)
        let copy = try await begin(store, 1...95, inbox, work)
        let first = try #require(copy.steps.first)
        _ = try await store.change { try $0.add(first, to: copy, first: copy.first) }
        try await store.delete(mailbox: work)
        await #expect(throws: StorageFault.noSuchMailbox) { try await store.change { try $0.add(first, to: copy, first: copy.first + 10) } }
        try await store.change { $0.ledger.release(copy.record) }
        await #expect(throws: StorageFault.noSuchMailbox) { try await store.copy(NumberSet(1...95), from: inbox, to: work, flags: .all) }
        try await store.settle()
        #expect(try await store.check().isSound)
        await store.close()
        #expect(try fixture.rowsOnDisk() == [95, 0, 1, 0])
    }

    @Test("a mailbox's mail passes over the UIDs of a copy under way, which then comes to nothing; the next finds its place")
    func deliveriesWin() async throws {
        let ledger = Ledger([])
        let work = MailboxID(rawValue: 7)
        ledger.reserve(100...199, in: work)
        #expect(ledger.free(1, from: 99, in: work) == 99)
        #expect(ledger.free(2, from: 99, in: work) == 200)
        #expect(ledger.free(1, from: 100, in: work) == 200)
        #expect(ledger.free(1, from: 199, in: work) == 200)
        #expect(ledger.free(1, from: 200, in: work) == 200)
        #expect(ledger.free(1, from: 150, in: MailboxID(rawValue: 8)) == 150)
        #expect(NumberSet([1...3, 5...9, 20...20]).split(4) == [NumberSet([1...3, 5...5]), NumberSet(6...9), NumberSet(20...20)])
    }

    @Test("an account's quota is kept to by a copy in steps")
    func quota() async throws {
        let fixture = try Fixture()
        let (store, inbox, work) = try await filled(fixture)
        let alice = try #require(try await store.account(named: AccountName("alice@example.test"))).id
        try await store.set(limits: Quota([.message: 150]), of: alice)
        await #expect(throws: StorageFault.self) { try await store.copy(NumberSet(1...95), from: inbox, to: work, flags: .all) }
        #expect(try await store.status(of: work).messages == 0)
        _ = try await store.move(NumberSet(1...95), from: inbox, to: work, flags: .all)
        #expect(try await store.status(of: work).messages == 95)
        #expect(try await store.check().isSound)
        await store.close()
    }

    @Test("INBOX with very much in it is renamed in steps: its mail moves, and it stays")
    func renamedInbox() async throws {
        let fixture = try Fixture()
        let (store, inbox, _) = try await filled(fixture)
        let name = try #require(MailboxName("old mail"))
        try await store.rename(mailbox: inbox, to: name)
        let alice = try #require(try await store.account(named: AccountName("alice@example.test"))).id
        let old = try #require(try await store.mailbox(named: name, of: alice)).id
        #expect(try await store.status(of: old).messages == 95)
        #expect(try await store.status(of: inbox).messages == 0)
        await #expect(throws: StorageFault.nameTaken) { try await store.rename(mailbox: inbox, to: name) }
        #expect(try await store.check().isSound)
        await store.close()
    }
}
