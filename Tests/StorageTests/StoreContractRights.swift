import MailModel
import Storage
import Testing

@Suite("The storage contract: access lists")
struct StoreContractRights {
    private func name(_ text: String) -> MailboxName { MailboxName(text).unsafelyKnown }

    @Test("rights are replaced, added and removed, and outlive a restart (RFC 4314 §3.1)", arguments: StoreFactory.all)
    func change(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let work = try await house.mailbox("work")
            let (grantee, everyone) = (Grantee(.account(bob.id)), Grantee(.anyone))
            #expect(try house.store.accessList(of: work).isEmpty)
            try await house.store.change(rights: .replace([.lookup, .read]), of: grantee, on: work)
            try await house.store.change(rights: .add([.insert]), of: grantee, on: work)
            try await house.store.change(rights: .remove([.lookup]), of: grantee, on: work)
            try await house.store.change(rights: .replace([.lookup]), of: everyone, on: work)
            try await house.store.change(rights: .replace([.insert]), of: Grantee(.account(bob.id), isNegative: true), on: work)
            let again = try await house.restarted()
            let list = try again.store.accessList(of: work)
            #expect(list[grantee] == [.read, .insert] && list[everyone] == [.lookup] && list.entries.count == 3)
            #expect(list.rights(of: bob.id) == [.lookup, .read] && list.rights(of: AccountID(rawValue: 9_999)) == [.lookup])
            for grantee in list.entries.keys { try await again.store.change(rights: .replace([]), of: grantee, on: work) }
            #expect(try again.store.accessList(of: work).isEmpty)
        }
    }

    @Test("a change takes a place in the owner's log, one that changes nothing takes none", arguments: StoreFactory.all)
    func modSeq(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let grantee = Grantee(.anyone)
            let before = try await house.deliver().modSeq
            try await house.store.change(rights: .replace([.lookup]), of: grantee, on: house.inbox)
            let after = try await house.deliver().modSeq
            try await house.store.change(rights: .add([.lookup]), of: grantee, on: house.inbox)
            let last = try await house.deliver().modSeq
            #expect(after == before.successor.successor && last == after.successor)
        }
    }

    @Test("CREATE inherits the superior's list, RENAME keeps it, DELETE takes it away (RFC 4314 §4)", arguments: StoreFactory.all)
    func tree(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let grantee = Grantee(.anyone)
            let work = try await house.mailbox("work")
            try await house.store.change(rights: .replace([.lookup, .create]), of: grantee, on: work)
            let below = try await house.mailbox("work/below")
            #expect(try house.store.accessList(of: below)[grantee] == [.lookup, .create])
            try await house.store.change(rights: .add([.read]), of: grantee, on: work)
            #expect(try house.store.accessList(of: below)[grantee] == [.lookup, .create])
            let apart = try await house.mailbox("apart")
            #expect(try house.store.accessList(of: apart).isEmpty)
            try await house.store.rename(mailbox: work, to: name("play"))
            #expect(try house.store.accessList(of: work)[grantee] == [.lookup, .create, .read])
            #expect(try house.store.accessList(of: below)[grantee] == [.lookup, .create])
            try await house.store.delete(mailbox: work)
            #expect(throws: StorageFault.noSuchMailbox) { try house.store.accessList(of: work) }
            #expect(try await house.store.mailboxes(sharedWith: AccountID(rawValue: 9_999)).map(\.id) == [below])
            let again = try await house.restarted()
            let anew = try await again.store.create(mailbox: name("play"), of: house.alice.id, specialUse: nil)
            #expect(try again.store.accessList(of: anew.id).isEmpty && again.store.accessList(of: below)[grantee] == [.lookup, .create])
        }
    }

    @Test("an account finds what others share with it or with anyone", arguments: StoreFactory.all)
    func shared(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let (one, two, three) = (try await house.mailbox("one"), try await house.mailbox("two"), try await house.mailbox("three"))
            #expect(try await house.store.mailboxes(sharedWith: bob.id).isEmpty)
            try await house.store.change(rights: .replace([.lookup]), of: Grantee(.account(bob.id)), on: one)
            try await house.store.change(rights: .replace([.read]), of: Grantee(.anyone), on: two)
            try await house.store.change(rights: .replace([.read]), of: Grantee(.account(bob.id), isNegative: true), on: three)
            #expect(Set(try await house.store.mailboxes(sharedWith: bob.id).map(\.id)) == [one, two])
            #expect(try await house.store.mailboxes(sharedWith: house.alice.id).isEmpty)
            let again = try await house.restarted()
            #expect(Set(try await again.store.mailboxes(sharedWith: bob.id).map(\.name.value)) == ["one", "two"])
            try await again.store.change(rights: .remove([.lookup]), of: Grantee(.account(bob.id)), on: one)
            #expect(try await again.store.mailboxes(sharedWith: bob.id).map(\.id) == [two])
        }
    }

    @Test("an account's entries go with it", arguments: StoreFactory.all)
    func removal(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            try await house.store.change(rights: .replace([.lookup]), of: Grantee(.account(bob.id)), on: house.inbox)
            try await house.store.change(rights: .replace([.lookup]), of: Grantee(.account(bob.id), isNegative: true), on: house.inbox)
            try await house.store.change(rights: .replace([.read]), of: Grantee(.anyone), on: house.inbox)
            try await house.store.remove(account: bob.id)
            #expect(try house.store.accessList(of: house.inbox).entries == [Grantee(.anyone): [.read]])
            let again = try await house.restarted()
            #expect(try again.store.accessList(of: house.inbox).entries == [Grantee(.anyone): [.read]])
        }
    }

    @Test("nothing is granted on what is not there, to nobody, or without end", arguments: StoreFactory.all)
    func faults(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let nobody = Grantee(.account(AccountID(rawValue: 9_999)))
            await #expect(throws: StorageFault.noSuchAccount) {
                try await house.store.change(rights: .replace([.lookup]), of: nobody, on: house.inbox)
            }
            await #expect(throws: StorageFault.noSuchMailbox) {
                try await house.store.change(rights: .replace([.lookup]), of: Grantee(.anyone), on: MailboxID(rawValue: 9_999))
            }
            #expect(throws: StorageFault.noSuchMailbox) { try house.store.accessList(of: MailboxID(rawValue: 9_999)) }
            let list = try house.store.accessList(of: house.inbox)
            #expect(list.isEmpty)
        }
    }

    @Test("flags outside the scope stay as they are, and are not copied (RFC 4314 §4)", arguments: StoreFactory.all)
    func scope(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            try await house.deliver(flags: Flags(system: [.seen, .deleted, .flagged], keywords: [Keyword("red")].compactMap { $0 }))
            let blue = keywords("blue")
            _ = try await house.store.copy(set(1), from: house.inbox, to: work, flags: [.seen])
            _ = try await house.store.copy(set(1), from: house.inbox, to: work, flags: [.deleted, .others])
            _ = try await house.store.copy(set(1), from: house.inbox, to: work, flags: [])
            #expect(try await house.flags(1, in: work) == ["\\Seen"])
            #expect(try await house.flags(2, in: work) == ["\\Deleted", "\\Flagged", "red"])
            #expect(try await house.flags(3, in: work) == [])
            _ = try await house.store.change(flags: .replaceWithin([.others], blue), of: set(1), in: house.inbox, unchangedSince: nil)
            #expect(try await house.flags(1) == ["\\Seen", "\\Deleted", "blue"])
            let silent = try await house.store.change(
                flags: .replaceWithin([.seen], Flags(system: [.seen])), of: set(1), in: house.inbox, unchangedSince: nil)
            #expect(silent.modSeq == nil && silent.stored == set(1))
            _ = try await house.store.move(set(1), from: house.inbox, to: work, flags: [.others])
            #expect(try await house.restarted().flags(4, in: work) == ["blue"])
        }
    }
}
