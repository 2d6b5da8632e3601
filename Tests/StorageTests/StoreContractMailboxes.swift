import MailModel
import Storage
import Testing

@Suite("The storage contract: mailboxes")
struct StoreContractMailboxes {
    private func name(_ text: String) -> MailboxName { MailboxName(text).unsafelyKnown }

    @Test("a mailbox is made without its superiors, once, with a higher UIDVALIDITY than any before", arguments: StoreFactory.all)
    func create(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let highest = try #require(try await house.store.mailboxes(of: house.alice.id).map(\.uidValidity).max())
            let first = try await house.store.create(mailbox: name("work/2026"), of: house.alice.id, specialUse: .archive)
            #expect(first.uidValidity > highest && first.specialUse == .archive && first.account == house.alice.id)
            #expect(try await house.store.mailbox(named: name("work"), of: house.alice.id) == nil)
            #expect(try await house.store.mailbox(named: name("work/2026"), of: house.alice.id) == first)
            await #expect(throws: StorageFault.nameTaken) {
                _ = try await house.store.create(mailbox: name("work/2026"), of: house.alice.id, specialUse: nil)
            }
            await #expect(throws: StorageFault.noSuchAccount) {
                _ = try await house.store.create(mailbox: name("x"), of: AccountID(rawValue: 9_999), specialUse: nil)
            }
            try await house.store.delete(mailbox: first.id)
            let second = try await house.store.create(mailbox: name("work/2026"), of: house.alice.id, specialUse: nil)
            #expect(second.uidValidity > first.uidValidity && second.id > first.id)
        }
    }

    @Test("names are compared octet by octet, and listed in order", arguments: StoreFactory.all)
    func order(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            for text in ["b", "B", "a/c", "a", "Ärger", "日本"] {
                _ = try await house.store.create(mailbox: name(text), of: house.alice.id, specialUse: nil)
            }
            let names = try await house.store.mailboxes(of: house.alice.id).map(\.name)
            #expect(names == names.sorted() && names.count == 12)
            #expect(try await house.store.mailbox(named: name("b"), of: house.alice.id) != house.store.mailbox(named: name("B"), of: house.alice.id))
        }
    }

    @Test("a deleted mailbox is gone with its messages; its inferiors and subscription stay", arguments: StoreFactory.all)
    func delete(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            let below = try await house.mailbox("work/below")
            try await house.store.set(subscribed: true, to: name("work"), of: house.alice.id)
            try await house.deliver(count: 3, to: work)
            let handle = try await house.store.open(work)
            try await house.store.delete(mailbox: work)
            #expect(handle.snapshot.isDeleted && handle.snapshot.count == 0 && handle.mailbox == work)
            #expect(try await house.store.mailbox(named: name("work"), of: house.alice.id) == nil)
            #expect(try await house.store.mailbox(named: name("work/below"), of: house.alice.id)?.id == below)
            #expect(try await house.store.subscriptions(of: house.alice.id).contains(name("work")))
            await #expect(throws: StorageFault.noSuchMailbox) { try await house.store.delete(mailbox: work) }
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.open(work) }
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.status(of: work) }
            await #expect(throws: StorageFault.noSuchMailbox) { try await house.deliver(to: work) }
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.expunge(nil, in: work) }
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.expunged(since: .zero, in: work) }
        }
    }

    @Test("INBOX cannot be deleted: RFC 9051 §6.3.5", arguments: StoreFactory.all)
    func deleteInbox(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            await #expect { try await house.store.delete(mailbox: house.inbox) } throws: { fault in
                if case StorageFault.notAllowed = fault { true } else { false }
            }
            let kept = try await house.store.mailbox(named: .inbox, of: house.alice.id)
            #expect(kept?.id == house.inbox)
        }
    }

    @Test("a mailbox is renamed with its inferiors at every depth; ids, messages and UIDVALIDITY stay", arguments: StoreFactory.all)
    func rename(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let ids = [try await house.mailbox("old"), try await house.mailbox("old/a"), try await house.mailbox("old/a/b")]
            let apart = try await house.mailbox("older")
            try await house.deliver("kept", to: ids[2])
            let before = try await house.store.mailboxes(of: house.alice.id).filter { ids.contains($0.id) }
            try await house.store.rename(mailbox: ids[0], to: name("new/home"))
            let after = try await house.store.mailboxes(of: house.alice.id)
            for (id, expected) in zip(ids, ["new/home", "new/home/a", "new/home/a/b"]) {
                let record = try #require(after.first { $0.id == id })
                #expect(record.name.value == expected)
                #expect(record.uidValidity == before.first { $0.id == id }?.uidValidity)
                #expect(try await house.store.mailbox(named: name(expected), of: house.alice.id)?.id == id)
            }
            #expect(after.first { $0.id == apart }?.name.value == "older")
            #expect(!after.contains { $0.name.value == "old" || $0.name.value == "new" })
            #expect(try await house.text(1, in: ids[2]).contains("kept"))
        }
    }

    @Test("a rename that would take a name, for itself or an inferior, changes nothing", arguments: StoreFactory.all)
    func renameTaken(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let a = try await house.mailbox("a")
            for other in ["a/x", "b/x", "c"] { _ = try await house.mailbox(other) }
            let before = try await house.store.mailboxes(of: house.alice.id)
            for taken in ["c", "b", "INBOX", "a"] {
                await #expect(throws: StorageFault.nameTaken) { try await house.store.rename(mailbox: a, to: name(taken)) }
            }
            #expect(try await house.store.mailboxes(of: house.alice.id) == before)
            await #expect(throws: StorageFault.noSuchMailbox) {
                try await house.store.rename(mailbox: MailboxID(rawValue: 99_999), to: name("z"))
            }
        }
    }

    @Test("a rename by which an inferior's name grows too long changes nothing", arguments: StoreFactory.all)
    func renameTooLong(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let level = String(repeating: "x", count: 200)
            let a = try await house.mailbox("a")
            _ = try await house.mailbox("a/" + [level, level, level, level].joined(separator: "/"))
            let before = try await house.store.mailboxes(of: house.alice.id)
            await #expect { try await house.store.rename(mailbox: a, to: name(level)) } throws: { fault in
                if case StorageFault.notAllowed = fault { true } else { false }
            }
            #expect(try await house.store.mailboxes(of: house.alice.id) == before)
        }
    }

    @Test("a mailbox cannot be renamed to below itself", arguments: StoreFactory.all)
    func renameBelowItself(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let a = try await house.mailbox("a")
            let before = try await house.store.mailboxes(of: house.alice.id)
            await #expect { try await house.store.rename(mailbox: a, to: name("a/b")) } throws: { fault in
                if case StorageFault.notAllowed = fault { true } else { false }
            }
            let after = try await house.store.mailboxes(of: house.alice.id)
            #expect(after == before)
        }
    }

    @Test("renaming INBOX moves its mail into a new mailbox; INBOX and its inferiors stay: RFC 9051 §6.3.6", arguments: StoreFactory.all)
    func renameInbox(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let below = try await house.mailbox("INBOX/below")
            try await house.deliver("first", flags: keywords("$Forwarded"), at: 11)
            try await house.deliver("second", flags: Flags(system: [.seen]), at: 22)
            try await house.deliver("third")
            let validity = try await house.snapshot().uidValidity
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(set(1), in: house.inbox)
            let mark = try await house.snapshot().highestModSeq
            try await house.store.rename(mailbox: house.inbox, to: name("saved"))

            let inbox = try await house.snapshot()
            #expect(inbox.count == 0 && inbox.uidValidity == validity && inbox.uidNext.rawValue == 4 && inbox.highestModSeq > mark)
            #expect(try await house.store.expunged(since: mark, in: house.inbox) == set(2, 3))
            #expect(try await house.store.mailbox(named: .inbox, of: house.alice.id)?.id == house.inbox)
            #expect(try await house.store.mailbox(named: name("INBOX/below"), of: house.alice.id)?.id == below)
            let saved = try #require(try await house.store.mailbox(named: name("saved"), of: house.alice.id)).id
            let rows = try await house.snapshot(saved).rowsInOrder
            #expect(rows.map(\.uid.rawValue) == rows.map(\.uid.rawValue).sorted() && rows.count == 2)
            #expect(rows.map(\.internalDate.rawValue) == [22, 0])
            #expect(rows.first?.flags.system == [.seen])
            #expect(try await house.text(try #require(rows.first).uid.rawValue, in: saved).contains("second"))
            await #expect(throws: StorageFault.nameTaken) { try await house.store.rename(mailbox: house.inbox, to: name("saved")) }
        }
    }

    @Test("names are subscribed whether or not a mailbox has them: RFC 9051 §6.3.7", arguments: StoreFactory.all)
    func subscriptions(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            try await house.store.set(subscribed: true, to: name("nowhere"), of: house.alice.id)
            try await house.store.set(subscribed: false, to: .inbox, of: house.alice.id)
            try await house.store.set(subscribed: false, to: name("never"), of: house.alice.id)
            let names = try await house.store.subscriptions(of: house.alice.id)
            #expect(Set(names.map(\.value)) == ["Archive", "Drafts", "Junk", "Sent", "Trash", "nowhere"])
            let bob = try await house.addBob()
            #expect(try await !house.store.subscriptions(of: bob.id).contains(name("nowhere")))
        }
    }

    @Test("counters are right after every kind of change", arguments: StoreFactory.all)
    func status(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            for flags: SystemFlags in [[], [.seen], [.deleted], [.seen, .deleted]] { try await house.deliver(flags: Flags(system: flags)) }
            let size = Int64(message("one").utf8.count)
            var status = try await house.store.status(of: house.inbox)
            #expect(status.messages == 4 && status.unseen == 2 && status.deleted == 2 && status.size == 4 * size)
            #expect(status.uidNext.rawValue == 5 && status.recentFloor == 0)
            _ = try await house.store.change(flags: .add(Flags(system: [.seen])), of: set(1, 2), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(set(3), in: house.inbox)
            status = try await house.store.status(of: house.inbox)
            #expect(status.messages == 3 && status.unseen == 0 && status.deleted == 1 && status.size == 3 * size)
            let snapshot = try await house.snapshot()
            #expect(status.highestModSeq == snapshot.highestModSeq && status.uidNext == snapshot.uidNext)
            #expect(status.uidValidity == snapshot.uidValidity)
            _ = try await house.store.move(set(4), from: house.inbox, to: try await house.mailbox("Trash"))
            #expect(try await house.store.status(of: house.inbox).deleted == 0)
            #expect(try await house.store.status(of: try await house.mailbox("Trash")).deleted == 1)
        }
    }
}
