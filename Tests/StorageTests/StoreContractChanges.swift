import MailModel
import Storage
import Synchronization
import Testing

extension House {
    /// What the log says of all that the watch was told of since the last time.
    func taken(_ watch: AccountWatch) async throws -> AccountChanges {
        guard let span = watch.take() else { return AccountChanges() }
        return try await store.summary(of: span)
    }
}

@Suite("A store's change feed")
struct StoreContractChanges {
    private func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }

    @Test("each kind of change is told with its mailbox and name, folded", arguments: StoreFactory.all)
    func kinds(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            let watch = house.store.watch(account: house.alice.id) {}
            #expect(try await house.taken(watch).isEmpty)

            try await house.deliver(to: work)
            try await house.deliver(to: work)
            #expect(try await house.taken(watch).mailboxes == [work: .init(kinds: .placed, name: try name("work"))])

            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            #expect(try await house.taken(watch).mailboxes == [work: .init(kinds: .flags, name: try name("work"))])
            // What changes nothing is no change.
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            #expect(try await house.taken(watch).isEmpty)

            _ = try await house.store.expunge(nil, in: work)
            #expect(try await house.taken(watch).mailboxes == [work: .init(kinds: .expunged, name: try name("work"))])

            _ = try await house.store.move(set(2), from: work, to: house.inbox)
            let moved = try await house.taken(watch).mailboxes
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
            #expect(
                try await house.taken(watch).mailboxes == [
                    a: .init(kinds: .created, name: try name("a")), below: .init(kinds: .created, name: try name("a/b")),
                ])

            try await house.store.rename(mailbox: a, to: name("x"))
            try await house.store.rename(mailbox: a, to: name("y"))
            let renamed = try await house.taken(watch).mailboxes
            #expect(renamed[a] == .init(kinds: .renamed, name: try name("y"), formerName: try name("a")))
            #expect(renamed[below] == .init(kinds: .renamed, name: try name("y/b"), formerName: try name("a/b")))

            try await house.store.rename(mailbox: a, to: name("z"))
            try await house.store.delete(mailbox: a)
            #expect(try await house.taken(watch).mailboxes[a] == .init(kinds: [.renamed, .deleted], name: try name("z"), formerName: try name("y")))

            let brief = try await house.mailbox("brief")
            try await house.store.rename(mailbox: brief, to: name("short"))
            try await house.store.delete(mailbox: brief)
            #expect(try await house.taken(watch).isEmpty)
        }
    }

    @Test("subscriptions are told by name", arguments: StoreFactory.all)
    func subscriptions(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            try await house.store.set(subscribed: false, to: .inbox, of: house.alice.id)
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            #expect(try await house.taken(watch).subscriptions == [try name("nowhere"), .inbox])
            #expect(try await house.taken(watch).isEmpty)
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
            #expect(try await house.taken(#require(watch)).mailboxes.count == 1)
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
            #expect(try await house.taken(watch).mailboxes[house.inbox] != nil)
            #expect(try await house.store.status(of: house.inbox).highestModSeq == placed.modSeq)
        }
    }

    @Test("a summary of very much does not grow")
    func bounded() throws {
        var changes = AccountChanges()
        func note(_ number: Int) {
            let kind = Change.Kind.mailboxCreated(MailboxID(rawValue: Int64(number)), name: .inbox)
            changes.note(Change(kind, of: AccountID(rawValue: 1), at: .zero)) { _ in nil }
        }
        for number in 1...AccountChanges.most { note(number) }
        #expect(!changes.isOverfull && changes.mailboxes.count == AccountChanges.most)
        note(0)
        #expect(changes.isOverfull && changes.mailboxes.isEmpty && !changes.isEmpty)
        note(1)
        #expect(changes.mailboxes.isEmpty)
    }

    @Test("a summary of what the log has forgotten says that it is not whole", arguments: StoreFactory.all)
    func forgotten(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            let placed = try await house.deliver()
            try await house.premises.prune(house.store, house.alice.id, placed.modSeq)
            #expect(try await house.taken(watch).isOverfull)
        }
    }

    @Test("of an account that is removed nothing is told", arguments: StoreFactory.all)
    func removed(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let watch = house.store.watch(account: house.alice.id) {}
            try await house.deliver()
            try await house.store.remove(account: house.alice.id)
            #expect(try await house.taken(watch).isEmpty)
        }
    }
}
