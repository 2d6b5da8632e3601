import MailModel
import Storage
import Testing

@Suite("The storage contract: COPY and MOVE")
struct StoreContractCopy {
    @Test("a copy keeps flags and internal date and shares the body; the pairs are in order", arguments: StoreFactory.all)
    func copy(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let archive = try await house.mailbox("Archive")
            try await house.deliver("already there", to: archive)
            try await house.deliver("first", flags: Flags(system: [.seen]), at: 111)
            try await house.deliver("second", at: 222)
            try await house.deliver("third", flags: Flags(system: [.flagged]), at: 333)
            let source = try await house.snapshot()
            let copied = try await house.store.copy(set(3, 1, 50), from: house.inbox, to: archive)
            let target = try await house.snapshot(archive)
            #expect(copied.source.map(\.rawValue) == [1, 3] && copied.target.map(\.rawValue) == [2, 3])
            #expect(copied.uidValidity == target.uidValidity && copied.modSeq == target.highestModSeq)
            for (from, to) in zip(copied.source, copied.target) {
                let old = try #require(try source.row(from))
                let new = try #require(try target.row(to))
                #expect(new.body == old.body && new.internalDate == old.internalDate && new.size == old.size)
                #expect(try target.names(of: new) == source.names(of: old) && new.modSeq == copied.modSeq)
            }
            #expect(try await house.snapshot().rowsInOrder == source.rowsInOrder)
            #expect(try await house.snapshot().highestModSeq == source.highestModSeq)
        }
    }

    @Test("keywords go by name, for each mailbox has bits of its own", arguments: StoreFactory.all)
    func keywordsByName(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            try await house.deliver(to: work, flags: keywords("x", "y", "z"))
            try await house.deliver(flags: keywords("z", "new", "x"))
            _ = try await house.store.copy(set(1), from: house.inbox, to: work)
            #expect(try await house.flags(2, in: work) == ["z", "new", "x"])
            #expect(try await house.flags(1, in: work) == ["x", "y", "z"])
            _ = try await house.store.move(set(1), from: work, to: house.inbox)
            #expect(try await house.flags(2) == ["x", "y", "z"])
        }
    }

    @Test("a keyword for which the target has no room stays behind; the messages do not", arguments: StoreFactory.all)
    func tooManyKeywords(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let full = try await house.mailbox("full")
            try await house.deliver(to: full, flags: Flags(keywords: (0..<KeywordTable.capacity).compactMap { Keyword("k\($0)") }))
            try await house.deliver(flags: keywords("k1"))
            try await house.deliver(flags: keywords("other"))
            #expect(try await house.store.copy(set(1, 2), from: house.inbox, to: full).target.count == 2)
            #expect(try await house.flags(2, in: full) == ["k1"])
            #expect(try await house.flags(3, in: full) == [])
            #expect(try await house.store.move(set(1, 2), from: house.inbox, to: full).target.count == 2)
            #expect(try await house.flags(4, in: full) == ["k1"])
            #expect(try await house.flags(5, in: full) == [])
            #expect(try await house.uids(full) == [1, 2, 3, 4, 5])
            #expect(try await house.uids() == [])
        }
    }

    @Test("a move copies and expunges in one transaction: RFC 6851", arguments: StoreFactory.all)
    func move(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            let trash = try await house.mailbox("Trash")
            let bodies = try await house.snapshot().rowsInOrder.map(\.body)
            let mark = try await house.snapshot().highestModSeq
            let moved = try await house.store.move(set(1, 3), from: house.inbox, to: trash)
            #expect(try await house.uids() == [2])
            #expect(try await house.snapshot(trash).rowsInOrder.map(\.body) == [bodies[0], bodies[2]])
            // One change of one account.
            #expect(try await house.snapshot().highestModSeq == moved.modSeq)
            #expect(try await house.snapshot(trash).highestModSeq == moved.modSeq)
            #expect(try await house.store.expunged(since: mark, in: house.inbox) == set(1, 3))
            #expect(try await house.text(2, in: trash).contains("message 2"))
        }
    }

    @Test("copying into the same mailbox gives new messages; moving there gives new UIDs", arguments: StoreFactory.all)
    func same(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            #expect(try await house.store.copy(set(1, 2), from: house.inbox, to: house.inbox).target.map(\.rawValue) == [3, 4])
            #expect(try await house.uids() == [1, 2, 3, 4])
            #expect(try await house.store.move(set(1), from: house.inbox, to: house.inbox).target.map(\.rawValue) == [5])
            #expect(try await house.uids() == [2, 3, 4, 5])
            #expect(try await house.text(5) == house.text(3))
        }
    }

    @Test("nothing left to copy is no change; an unknown mailbox is an error", arguments: StoreFactory.all)
    func nothing(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let trash = try await house.mailbox("Trash")
            let before = try await house.snapshot(trash)
            for copied in [
                try await house.store.copy(set(5), from: house.inbox, to: trash),
                try await house.store.move(set(5), from: house.inbox, to: trash),
            ] {
                #expect(copied == Copied(uidValidity: before.uidValidity, source: [], target: [], modSeq: nil))
            }
            #expect(try await house.snapshot(trash).highestModSeq == before.highestModSeq)
            try await house.deliver()
            let nowhere = MailboxID(rawValue: 99_999)
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.copy(set(1), from: house.inbox, to: nowhere) }
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.move(set(1), from: nowhere, to: trash) }
            #expect(try await house.uids() == [1])
        }
    }

    @Test("a shared body is readable until its last message is gone", arguments: StoreFactory.all)
    func lastHolder(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver("shared")
            let trash = try await house.mailbox("Trash")
            _ = try await house.store.copy(set(1), from: house.inbox, to: trash)
            let body = try #require(try await house.snapshot().row(at: 0)).body
            let deleted = Flags(system: [.deleted])
            _ = try await house.store.change(flags: .add(deleted), of: set(1), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: house.inbox)
            #expect(String(buffer: try await house.store.read(nil, of: body, for: house.alice.id)) == message("shared"))
            _ = try await house.store.change(flags: .add(deleted), of: set(1), in: trash, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: trash)
            let later = try await house.restarted().store
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await later.read(nil, of: body, for: house.alice.id) }
        }
    }
}
