import MailModel
import Storage
import Testing

@Suite("The storage contract: flags and expunging")
struct StoreContractFlags {
    private static let seen = Flags(system: [.seen])

    @Test("flags are added, removed and replaced; each change has one ModSeq for all it touched", arguments: StoreFactory.all)
    func change(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 4)
            let before = try await house.snapshot()
            let added = try await house.store.change(
                flags: .add(Flags(system: [.seen], keywords: keywords("Todo").keywords)), of: set(1, 3), in: house.inbox, unchangedSince: nil)
            #expect(added.stored == set(1, 3) && added.refused.isEmpty)
            #expect(try #require(added.modSeq) > before.highestModSeq)
            var snapshot = try await house.snapshot()
            #expect(snapshot.highestModSeq == added.modSeq)
            #expect(try snapshot.rowsInOrder.map { $0.modSeq == added.modSeq } == [true, false, true, false])
            #expect(try snapshot.row(at: 1)?.modSeq == before.row(at: 1)?.modSeq)
            #expect(try await house.flags(1) == ["\\Seen", "Todo"])

            let removed = try await house.store.change(
                flags: .remove(keywords("TODO", "unknown")), of: set(1, 2), in: house.inbox, unchangedSince: nil)
            #expect(removed.stored == set(1, 2))
            #expect(try await house.flags(1) == ["\\Seen"])

            let replaced = try await house.store.change(
                flags: .replace(Flags(system: [.answered])), of: set(1, 3, 4), in: house.inbox, unchangedSince: nil)
            #expect(replaced.stored == set(1, 3, 4))
            snapshot = try await house.snapshot()
            #expect(try snapshot.rowsInOrder.map { try snapshot.names(of: $0) } == [["\\Answered"], [], ["\\Answered"], ["\\Answered"]])
            #expect(Set([added.modSeq, removed.modSeq, replaced.modSeq]).count == 3)
        }
    }

    @Test("where no flag differs nothing is changed, and the messages count as stored", arguments: StoreFactory.all)
    func nothing(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(flags: Self.seen)
            let before = try await house.snapshot()
            for change: FlagChange in [.add(Self.seen), .replace(Self.seen), .remove(keywords("Absent"))] {
                let answer = try await house.store.change(flags: change, of: set(1), in: house.inbox, unchangedSince: nil)
                #expect(answer == FlagsChanged(stored: set(1), refused: NumberSet(), modSeq: nil))
            }
            let after = try await house.snapshot()
            #expect(try after.rowsInOrder == before.rowsInOrder && after.highestModSeq == before.highestModSeq)
        }
    }

    @Test("messages that are gone are in neither set, and an endless range costs nothing", arguments: StoreFactory.all)
    func gone(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            let everything = NumberSet(1...UInt32.max)
            let answer = try await house.store.change(flags: .add(Self.seen), of: everything, in: house.inbox, unchangedSince: nil)
            #expect(answer.stored == set(1, 2))
            let none = try await house.store.change(flags: .add(keywords("New")), of: set(77), in: house.inbox, unchangedSince: nil)
            #expect(none == FlagsChanged(stored: NumberSet(), refused: NumberSet(), modSeq: nil))
            await #expect(throws: StorageFault.noSuchMailbox) {
                _ = try await house.store.change(flags: .add(Self.seen), of: set(1), in: MailboxID(rawValue: 99_999), unchangedSince: nil)
            }
        }
    }

    @Test("what has changed since is left alone: RFC 7162 §3.1.3", arguments: StoreFactory.all)
    func unchangedSince(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            let mark = try await house.snapshot().highestModSeq
            _ = try await house.store.change(flags: .add(Self.seen), of: set(2), in: house.inbox, unchangedSince: nil)
            let flagged = Flags(system: [.flagged])
            let answer = try await house.store.change(flags: .add(flagged), of: set(1, 2, 3, 9), in: house.inbox, unchangedSince: mark)
            #expect(answer.stored == set(1, 3) && answer.refused == set(2) && answer.modSeq != nil)
            #expect(try await house.flags(2) == ["\\Seen"])
            // Zero lies before every message (RFC 7162 §3.1.3).
            let none = try await house.store.change(flags: .remove(flagged), of: set(1), in: house.inbox, unchangedSince: .zero)
            #expect(none == FlagsChanged(stored: NumberSet(), refused: set(1), modSeq: nil))
        }
    }

    @Test("a change with a keyword too many changes nothing", arguments: StoreFactory.all)
    func tooManyKeywords(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            let names = (0..<KeywordTable.capacity).compactMap { Keyword("k\($0)") }
            _ = try await house.store.change(flags: .add(Flags(keywords: names)), of: set(1), in: house.inbox, unchangedSince: nil)
            let before = try await house.snapshot()
            await #expect(throws: StorageFault.tooManyKeywords) {
                _ = try await house.store.change(flags: .replace(keywords("k1", "extra")), of: set(1), in: house.inbox, unchangedSince: nil)
            }
            let after = try await house.snapshot()
            #expect(try after.rowsInOrder == before.rowsInOrder && after.keywords == before.keywords)
            _ = try await house.store.change(flags: .remove(Flags(keywords: names)), of: set(1), in: house.inbox, unchangedSince: nil)
            #expect(try await house.flags(1).isEmpty)
        }
    }

    @Test("the highest keyword bit works", arguments: StoreFactory.all)
    func lastBit(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let names = (0..<KeywordTable.capacity).compactMap { Keyword("k\($0)") }
            try await house.deliver(flags: Flags(system: [.draft], keywords: names))
            #expect(try await house.flags(1).count == KeywordTable.capacity + 1)
            let bits = try #require(try await house.snapshot().row(at: 0)).flags.rawValue
            #expect(bits >> 63 == 1)
        }
    }

    @Test("EXPUNGE takes those with \\Deleted, of all or of some UIDs", arguments: StoreFactory.all)
    func expunge(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 6)
            let deleted = Flags(system: [.deleted])
            _ = try await house.store.change(flags: .add(deleted), of: set(2, 3, 5), in: house.inbox, unchangedSince: nil)
            let mark = try await house.snapshot().highestModSeq
            let some = try await house.store.expunge(NumberSet(1...3), in: house.inbox)
            #expect(some.uids == set(2, 3))
            #expect(try await house.snapshot().highestModSeq == some.modSeq)
            #expect(try #require(some.modSeq) > mark)
            #expect(try await house.uids() == [1, 4, 5, 6])
            let all = try await house.store.expunge(nil, in: house.inbox)
            #expect(all.uids == set(5) && all.modSeq != some.modSeq)
            #expect(try await house.store.expunge(nil, in: house.inbox) == Expunged(uids: NumberSet(), modSeq: nil))
            #expect(try await house.store.expunge(set(1), in: house.inbox) == Expunged(uids: NumberSet(), modSeq: nil))
            #expect(try await house.uids() == [1, 4, 6])
        }
    }

    @Test("a removal takes exactly the messages it names, \\Deleted or not: RFC 1939 §6", arguments: StoreFactory.all)
    func remove(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 5)
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1, 4), in: house.inbox, unchangedSince: nil)
            let mark = try await house.snapshot().highestModSeq
            // 9 was never there.
            let removed = try await house.store.remove(set(2, 4, 9), from: house.inbox)
            #expect(removed.uids == set(2, 4))
            let modSeq = try #require(removed.modSeq)
            #expect(modSeq > mark)
            #expect(try await house.snapshot().highestModSeq == modSeq)
            #expect(try await house.uids() == [1, 3, 5])
            #expect(try await house.flags(1) == ["\\Deleted"])
            #expect(try await house.store.expunged(since: mark, in: house.inbox) == set(2, 4))
            let status = try await house.store.status(of: house.inbox)
            #expect(status.messages == 3 && status.deleted == 1)
            #expect(try await house.store.remove(set(2, 4), from: house.inbox) == Expunged(uids: NumberSet(), modSeq: nil))
        }
    }

    @Test("the log of expunged UIDs answers since when: RFC 7162 §3.2.5", arguments: StoreFactory.all)
    func expungedSince(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 5)
            _ = try await house.store.change(
                flags: .add(Flags(system: [.deleted])), of: set(1, 2, 4), in: house.inbox, unchangedSince: nil)
            let first = try #require(try await house.store.expunge(set(4), in: house.inbox).modSeq)
            let second = try #require(try await house.store.expunge(set(1, 2), in: house.inbox).modSeq)
            let third = try #require(try await house.store.move(set(5), from: house.inbox, to: try await house.mailbox("Trash")).modSeq)
            #expect(try await house.store.expunged(since: .zero, in: house.inbox) == set(1, 2, 4, 5))
            #expect(try await house.store.expunged(since: first, in: house.inbox) == set(1, 2, 5))
            #expect(try await house.store.expunged(since: second, in: house.inbox) == set(5))
            #expect(try await house.store.expunged(since: third, in: house.inbox).isEmpty)
        }
    }
}
