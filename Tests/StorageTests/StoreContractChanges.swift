import MailModel
import Storage
import Synchronization
import Testing

@Suite("A store's change feed")
struct StoreContractChanges {
    private func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }

    @Test("each kind of change is told with its mailbox and name, folded", arguments: StoreFactory.all)
    func kinds(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            let watch = house.store.watch(account: house.alice.id) {}
            #expect(watch.take().isEmpty)

            try await house.deliver(to: work)
            try await house.deliver(to: work)
            #expect(watch.take().mailboxes == [work: .init(kinds: .placed, name: try name("work"))])

            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            #expect(watch.take().mailboxes == [work: .init(kinds: .flags, name: try name("work"))])
            // What changes nothing is no change.
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            #expect(watch.take().isEmpty)

            _ = try await house.store.expunge(nil, in: work)
            #expect(watch.take().mailboxes == [work: .init(kinds: .expunged, name: try name("work"))])

            _ = try await house.store.move(set(2), from: work, to: house.inbox)
            let moved = watch.take().mailboxes
            #expect(moved[work]?.kinds == .expunged)
            #expect(moved[house.inbox]?.kinds == .placed)
        }
    }

    @Test("names: made, renamed with the former name, removed; what came and went meanwhile is nothing", arguments: StoreFactory.all)
    func names(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            let a = try await house.mailbox("a")
            let below = try await house.mailbox("a/b")
            #expect(watch.take().mailboxes == [a: .init(kinds: .created, name: try name("a")), below: .init(kinds: .created, name: try name("a/b"))])

            try await house.store.rename(mailbox: a, to: name("x"))
            try await house.store.rename(mailbox: a, to: name("y"))
            let renamed = watch.take().mailboxes
            #expect(renamed[a] == .init(kinds: .renamed, name: try name("y"), formerName: try name("a")))
            #expect(renamed[below] == .init(kinds: .renamed, name: try name("y/b"), formerName: try name("a/b")))

            try await house.store.rename(mailbox: a, to: name("z"))
            try await house.store.delete(mailbox: a)
            #expect(watch.take().mailboxes[a] == .init(kinds: [.renamed, .deleted], name: try name("z"), formerName: try name("y")))

            let brief = try await house.mailbox("brief")
            try await house.store.rename(mailbox: brief, to: name("short"))
            try await house.store.delete(mailbox: brief)
            #expect(watch.take().isEmpty)
        }
    }

    @Test("subscriptions are told by name", arguments: StoreFactory.all)
    func subscriptions(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            try await house.store.set(subscribed: false, to: .inbox, of: house.alice.id)
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            #expect(watch.take().subscriptions == [try name("nowhere"), .inbox])
            #expect(watch.take().isEmpty)
        }
    }

    @Test("one poke until the changes are taken; none for others' accounts, none once the watch is let go", arguments: StoreFactory.all)
    func pokes(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let pokes = Atomic(0)
            let bob = try await house.addBob()
            var watch: AccountWatch? = house.store.watch(account: house.alice.id) { pokes.add(1, ordering: .relaxed) }
            _ = try await house.store.create(mailbox: name("his"), of: bob.id, specialUse: nil)
            #expect(pokes.load(ordering: .relaxed) == 0)
            for _ in 0..<5 { try await house.deliver() }
            #expect(pokes.load(ordering: .relaxed) == 1)
            #expect(watch?.take().mailboxes.count == 1)
            try await house.deliver()
            #expect(pokes.load(ordering: .relaxed) == 2)
            _ = watch?.take()
            watch = nil
            try await house.deliver()
            #expect(pokes.load(ordering: .relaxed) == 2)
        }
    }

    @Test("what is told can be read by then", arguments: StoreFactory.all)
    func visible(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            let placed = try await house.deliver()
            #expect(watch.take().mailboxes[house.inbox] != nil)
            #expect(try await house.store.status(of: house.inbox).highestModSeq == placed.modSeq)
        }
    }

    @Test("a feed that nobody reads does not grow")
    func bounded() throws {
        var changes = AccountChanges()
        for number in 1...AccountChanges.most {
            changes.note(MailboxID(rawValue: Int64(number)), from: nil, to: MailboxMark(name: .inbox, nextUID: 1, messages: 0, modSeq: .zero))
        }
        #expect(!changes.isOverfull && changes.mailboxes.count == AccountChanges.most)
        changes.note(MailboxID(rawValue: 0), from: nil, to: MailboxMark(name: .inbox, nextUID: 1, messages: 0, modSeq: .zero))
        #expect(changes.isOverfull && changes.mailboxes.isEmpty && !changes.isEmpty)
        changes.note(MailboxID(rawValue: 1), from: nil, to: MailboxMark(name: .inbox, nextUID: 1, messages: 0, modSeq: .zero))
        #expect(changes.mailboxes.isEmpty)
    }
}
