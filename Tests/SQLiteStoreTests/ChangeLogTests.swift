import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

extension SQLiteStore {
    /// The rest of the log in pages of `most`, and where it ends.
    func rest(of account: AccountID, since modSeq: ModSeq, most: Int = 100) async throws -> (changes: [Change], upTo: ModSeq) {
        var (found, since) = ([Change](), modSeq)
        while true {
            guard case .page(let page) = try await changes(of: account, since: since, most: most) else {
                throw StorageFault.unavailable("no page of the log since \(since)")
            }
            found += page.changes
            since = page.upTo
            if page.isLast { return (found, since) }
        }
    }

    func highest(of account: AccountID) async throws -> ModSeq { catalog.account(account)?.modSeq ?? .zero }

    func emailIDs(of change: Change, most: Int = 100) async throws -> [UInt32: BodyID?] {
        var found: [UInt32: BodyID?] = [:]
        var after: UID?
        repeat {
            let some = try await messages(of: change, after: after, most: most)
            for message in some.messages { found.updateValue(message.emailID, forKey: message.uid.rawValue) }
            after = some.next
        } while after != nil
        return found
    }
}

@Suite("The change log of an index")
struct ChangeLogTests {
    private static let never = 3_600_000

    /// INBOX with `count` messages on some forty bodies; nothing is folded by itself.
    private func filled(_ fixture: Fixture, _ count: Int, copiedAtOnce: Int = 2_000) async throws -> (SQLiteStore, AccountID, MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, copiedAtOnce: copiedAtOnce)
        for number in 0..<40 {
            let body = try await Fixture.stage(Fixture.message(number), in: store)
            _ = try await store.place(body, (0..<(count / 40)).map { _ in Placement(mailbox: inbox, internalDate: Fixture.now) })
        }
        return (store, alice, inbox)
    }

    private func bodies(_ store: SQLiteStore, _ mailbox: MailboxID) async throws -> [UInt32: BodyID?] {
        let rows = try await View(store, [mailbox]).tables[0]
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.uid.rawValue, $0.body) })
    }

    @Test("packed e-mail ids come back as they were, whatever they are")
    func packing() throws {
        var some = DepartedMessages()
        let bodies: [Int64] = [1, 1, 2, 1 << 61, 3, 0, 127, 128]
        for (index, body) in bodies.enumerated() { some.append(uid: UInt32(1 + index * index), body: body) }
        some.append(uid: .max, body: 5)
        let again = try #require(DepartedMessages(packed: some.packed))
        #expect(again.messages.map(\.uid) == some.messages.map(\.uid) && again.messages.map(\.body) == some.messages.map(\.body))
        #expect(DepartedMessages(packed: Array(some.packed.dropLast())) == nil)
        #expect(DepartedMessages(packed: [0, 0]) == nil && DepartedMessages(packed: [1] + Array(repeating: 0xFF, count: 11)) == nil)
    }

    @Test("e-mail ids of expunged messages are the same before, while and after their rows go, through power cuts; a step keeps those of its rows")
    func departing() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await filled(fixture, 2_000)
        let start = try await store.highest(of: alice)
        let all = try await bodies(store, inbox)
        // Sets of single messages, of ranges, and all that is left.
        let odd = NumberSet((1...600).filter { $0 % 2 == 1 }.map { UInt32($0)...UInt32($0) })
        for uids in [odd, NumberSet(700...900), NumberSet(1...1_500)] { _ = try await store.remove(uids, from: inbox) }
        let changes = try await store.rest(of: alice, since: start).changes
        #expect(changes.count == 3)
        let expected = changes.map { change -> [UInt32: BodyID?] in
            guard case .expunged(let uids, _) = change.kind else { return [:] }
            return all.filter { uids.contains($0.key) }
        }
        var place = fixture
        for rows in [0, 10, 433, 2_000, 2_000] {
            let cut = try place.cut()
            try cut.fold(rows: rows)
            let again = try cut.open(foldAfter: Self.never)
            for (change, ids) in zip(changes, expected) {
                #expect(try await again.emailIDs(of: change, most: 70) == ids)
            }
            #expect(try await again.check().faults == [])
            await store.close()
            (store, place) = (again, cut)
        }
        try await store.settle()
        await store.close()
        let connection = try place.connect()
        // Three octets a message at most: bodies came one after the other.
        #expect(try #require(try connection.number("SELECT sum(length(emails)) FROM departed")) <= 3 * 1_500)
        connection.close()
    }

    @Test("of a deleted mailbox those that were in it, not those expunged before, with rows and without")
    func deletedMailboxes() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 200)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        _ = try await store.copy(NumberSet(1...200), from: inbox, to: work)
        _ = try await store.remove(NumberSet(50...99), from: work)
        let left = try await bodies(store, work)
        let start = try await store.highest(of: alice)
        try await store.delete(mailbox: work)
        let deleted = try #require(try await store.rest(of: alice, since: start).changes.first)
        for rows in [0, 20, 70, 150, 1_000] {
            let cut = try fixture.cut()
            try cut.fold(rows: rows)
            let again = try cut.open(foldAfter: Self.never)
            #expect(try await again.emailIDs(of: deleted, most: 17) == left)
            await again.close()
        }
        await store.close()
    }

    @Test("flags of a million messages: one row, pages of the size that was asked for, e-mail ids from anywhere")
    func million() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice(foldAfter: Self.never, largeMailbox: 1)
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        await store.close()
        let million = 1_000_000
        try fixture.tamper(
            """
            WITH RECURSIVE n(uid) AS (SELECT 2 UNION ALL SELECT uid+1 FROM n WHERE uid<\(million))
            INSERT INTO message SELECT mailbox, n.uid, flags, mod_seq, body, internal_date, save_date, size, thread FROM n, message WHERE message.uid=1;
            UPDATE mailbox SET uid_next=\(million + 1), messages=\(million), unseen=\(million), size=\(million)*size WHERE id=\(inbox.rawValue);
            UPDATE holder SET messages=\(million);
            DELETE FROM directory;
            """)
        store = try fixture.open(foldAfter: Self.never)
        // Its table is read once.
        let open = try await store.open(inbox)
        defer { withExtendedLifetime(open) {} }
        let start = try await store.highest(of: alice)
        _ = try await store.change(flags: .add(Flags(system: .seen)), of: NumberSet(1...UInt32.max), in: inbox, unchangedSince: nil)
        let changes = try await store.rest(of: alice, since: start).changes
        let change = try #require(changes.first)
        #expect(change.kind == .flags(NumberSet(1...UInt32(million)), in: inbox) && changes.count == 1)
        for after in [0, 499_999, million - 1_000] {
            let page = try await store.messages(of: change, after: UID(rawValue: UInt32(after)), most: 1_000)
            #expect(page.messages.map(\.uid.rawValue) == Array(UInt32(after + 1)...UInt32(after + 1_000)))
            #expect(page.next?.rawValue == (after + 1_000 == million ? nil : UInt32(after + 1_000)))
        }
        // Every second of many goes: a hundred thousand ranges are one change, and a page has no other beside it.
        let odd = NumberSet((0..<100_000).map { 2 * $0 + 1...2 * $0 + 1 })
        let before = try await store.highest(of: alice)
        for uids in [odd, NumberSet(2...2)] { _ = try await store.remove(uids, from: inbox) }
        guard case .page(let page) = try await store.changes(of: alice, since: before, most: 100) else { throw StorageFault.closed }
        #expect(page.changes.map(\.kind) == [.expunged(odd, in: inbox)] && !page.isLast)
        let some = try await store.messages(of: page.changes[0], after: UID(rawValue: 150_000), most: 50)
        #expect(some.messages.map(\.uid.rawValue) == (0..<50).map { 150_001 + 2 * $0 } && some.messages.allSatisfy { $0.emailID != nil })
        await store.close()
    }

    @Test("a copy of very many is in the log once all of it can be seen, above what came meanwhile; nobody who pages misses it or passes it by")
    func largeCopies() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 80, copiedAtOnce: 10)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        let start = try await store.highest(of: alice)
        let beginning = try await store.change {
            try $0.begin(copyOf: NumberSet(1...80), from: inbox, to: work, flags: .all, isMove: true, most: 10)
        }
        guard case .begun(let copy) = beginning else { throw StorageFault.unavailable("it was done at once") }
        var rows = LargeCopy.Rows()
        var (seen, since) = ([Change](), start)
        for (number, step) in copy.steps.enumerated() {
            let first = copy.first + UInt32(rows.copies.count)
            rows.append(try await store.change { try $0.add(step, to: copy, first: first) })
            let placed = try await Fixture.place(Fixture.message(100 + number), in: store, work)
            let more = try await store.rest(of: alice, since: since, most: 1)
            #expect(more.changes.map(\.modSeq) == [placed.modSeq] && more.upTo == placed.modSeq && more.upTo < copy.modSeq)
            (seen, since) = (seen + more.changes, more.upTo)
        }
        // A power cut now leaves nothing of it in the log.
        let cut = try fixture.cut()
        let other = try cut.open(foldAfter: Self.never)
        try await other.settle()
        #expect(try await other.rest(of: alice, since: start).changes == seen)
        _ = try await Fixture.place(Fixture.message(200), in: other, work)
        #expect(try await other.rest(of: alice, since: since).changes.count == 1)
        await other.close()
        let connection = try cut.connect()
        #expect(try connection.number("SELECT count(*) FROM departed") == 0)
        connection.close()

        let (done, from) = (rows, copy.since)
        let ending = try await store.change { try $0.end(copy, done, since: from, most: 10) }
        guard case .done(let copied) = ending else { throw StorageFault.unavailable("messages have changed") }
        #expect(copied.modSeq == copy.modSeq)
        let last = try await store.rest(of: alice, since: since, most: 1)
        #expect(
            Set(last.changes) == [
                Change(.placed(NumberSet(copied.target), in: work), of: alice, at: copy.modSeq),
                Change(.expunged(NumberSet(1...80), in: inbox), of: alice, at: copy.modSeq),
            ])
        #expect(last.upTo == copy.modSeq)
        let placed = try await Fixture.place(Fixture.message(300), in: store, work)
        #expect(placed.modSeq == copy.modSeq.successor)
        #expect(try await store.rest(of: alice, since: last.upTo).changes.map(\.modSeq) == [placed.modSeq])
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test("rows that an index of schema 5 wrote can be read: without names, and without e-mail ids of what is gone")
    func oldRows() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await filled(fixture, 80)
        let start = try await store.highest(of: alice)
        let work = try await store.create(mailbox: try #require(MailboxName("work")), of: alice, specialUse: nil).id
        try await store.rename(mailbox: work, to: try #require(MailboxName("play")))
        try await store.set(subscribed: true, to: try #require(MailboxName("play")), of: alice)
        _ = try await store.copy(NumberSet(1...10), from: inbox, to: work)
        _ = try await store.remove(NumberSet(1...4), from: inbox)
        try await store.delete(mailbox: work)
        let expected = try await store.rest(of: alice, since: start).changes
        try await store.settle()
        await store.close()
        try fixture.tamper("UPDATE change SET names=NULL; UPDATE change SET uids=x'' WHERE kind=5; DELETE FROM departed")
        store = try fixture.open(foldAfter: Self.never)
        let changes = try await store.rest(of: alice, since: start).changes
        #expect(changes.map(\.modSeq) == expected.map(\.modSeq))
        #expect(
            changes.map(\.kind) == [
                .mailboxCreated(work, name: nil), .mailboxRenamed(work, from: nil, to: nil), .subscription(to: nil, isSubscribed: false),
                .placed(NumberSet(1...10), in: work), .expunged(NumberSet(1...4), in: inbox), .mailboxDeleted(work, name: nil),
            ])
        #expect(try await store.emailIDs(of: changes[4]) == [1: nil, 2: nil, 3: nil, 4: nil])
        let messages = try await store.messages(of: changes[5], after: nil, most: 10)
        #expect(messages.messages.isEmpty && !messages.isComplete)
        #expect(try await store.check().faults == [])
        await store.close()
    }

    @Test(
        "a row that cannot be read is damage, not a change that did not happen",
        arguments: ["kind=77 WHERE kind=3", "uids=x'80' WHERE kind=3", "names=x'00' WHERE kind=4", "mod_seq=1<<40 WHERE kind=3"])
    func damagedRows(assignment: String) async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await filled(fixture, 40)
        _ = try await store.remove(NumberSet(1...4), from: inbox)
        await store.close()
        try fixture.tamper("UPDATE change SET \(assignment)")
        store = try fixture.open(foldAfter: Self.never)
        await #expect {
            _ = try await store.rest(of: alice, since: .zero)
        } throws: { error in
            guard case StorageFault.corrupt(let reason) = error else { return false }
            return reason.contains("change log of account \(alice.rawValue)")
        }
        #expect(try await !store.check().isSound)
        await store.close()
    }

    @Test("after an index was made anew the log of before is too old, and goes on from there")
    func recovered() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await filled(fixture, 40)
        _ = try await store.remove(NumberSet(1...4), from: inbox)
        let before = try await store.highest(of: alice)
        await store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        let master = try #require(MasterKey(Fixture.key))
        _ = try SQLiteStore.recover(fixture.folder, masterKey: master, apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        let again = try fixture.open()
        guard case .older(let floor, let highest) = try await again.changes(of: alice, since: before, most: 9) else {
            Issue.record("the log goes on as if nothing had happened")
            return
        }
        #expect(floor > before && highest >= floor)
        let placed = try await Fixture.place(Fixture.message(100), in: again, inbox)
        #expect(try await again.rest(of: alice, since: highest).changes.map(\.modSeq) == [placed.modSeq])
        #expect(try await again.check().faults == [])
        await again.close()
    }
}
