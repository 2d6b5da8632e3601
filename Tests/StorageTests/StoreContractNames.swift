import MailModel
import Storage
import Testing

@Suite("The storage contract: access lists that speak of who is not there yet")
struct StoreContractNames {
    private func named(_ text: String, negative: Bool = false) throws -> Grantee {
        Grantee(.named(try #require(GranteeName(text))), isNegative: negative)
    }

    @Test("a name that no account has is kept, and outlives a restart", arguments: StoreFactory.all)
    func kept(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let (bob, hidden, odd) = (try named("bob@example.org"), try named("bob@example.org", negative: true), try named("no name at all"))
            try await house.store.change(rights: .replace([.lookup, .read]), of: bob, on: house.inbox)
            try await house.store.change(rights: .add([.insert]), of: bob, on: house.inbox)
            try await house.store.change(rights: .remove([.read]), of: bob, on: house.inbox)
            try await house.store.change(rights: .replace([.write]), of: hidden, on: house.inbox)
            try await house.store.change(rights: .replace([.lookup]), of: odd, on: house.inbox)
            let again = try await house.restarted()
            #expect(try again.store.accessList(of: house.inbox).entries == [bob: [.lookup, .insert], hidden: [.write], odd: [.lookup]])
            #expect(try again.store.accessList(of: house.inbox).rights(of: AccountID(rawValue: 9_999)) == [])
            for grantee in [bob, hidden, odd] { try await again.store.change(rights: .replace([]), of: grantee, on: house.inbox) }
            #expect(try again.store.accessList(of: house.inbox).isEmpty)
            #expect(try await again.restarted().store.accessList(of: house.inbox).isEmpty)
        }
    }

    @Test("an account that comes has what its name was given, and what was taken from it, at once", arguments: StoreFactory.all)
    func comes(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let (work, apart) = (try await house.mailbox("work"), try await house.mailbox("apart"))
            try await house.store.change(rights: .replace([.lookup, .read, .insert]), of: try named("bob@example.org"), on: work)
            try await house.store.change(rights: .replace([.insert]), of: try named("bob@example.org", negative: true), on: work)
            try await house.store.change(rights: .replace([.lookup]), of: try named("bob@example.org", negative: true), on: apart)
            let again = try await house.restarted()
            let bob = try await again.store.add(account: AccountName("Bob@example.org"), passwordHash: "$argon2id$bob")
            #expect(try again.store.accessList(of: work).rights(of: bob.id) == [.lookup, .read])
            #expect(try await again.store.mailboxes(sharedWith: bob.id).map(\.id) == [work])
            let last = try await again.restarted()
            let (own, hidden) = (Grantee(.account(bob.id)), Grantee(.account(bob.id), isNegative: true))
            #expect(try last.store.accessList(of: work).entries == [own: [.lookup, .read, .insert], hidden: [.insert]])
            #expect(try last.store.accessList(of: apart).entries == [hidden: [.lookup]])
            #expect(try await last.store.mailboxes(sharedWith: bob.id).map(\.id) == [work])
        }
    }

    @Test("the name of an account is the account", arguments: StoreFactory.all)
    func isThere(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            try await house.store.change(rights: .replace([.lookup]), of: try named("BOB@example.org"), on: house.inbox)
            try await house.store.change(rights: .add([.read]), of: Grantee(.account(bob.id)), on: house.inbox)
            #expect(try house.store.accessList(of: house.inbox).entries == [Grantee(.account(bob.id)): [.lookup, .read]])
            try await house.store.change(rights: .replace([]), of: try named("bob@example.org"), on: house.inbox)
            #expect(try house.store.accessList(of: house.inbox).isEmpty)
        }
    }

    @Test("an account's entries go with it, and one of the same name that comes later has none of them", arguments: StoreFactory.all)
    func goes(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            try await house.store.change(rights: .replace([.lookup]), of: try named("bob@example.org"), on: work)
            let bob = try await house.addBob()
            try await house.store.change(rights: .replace([.read]), of: try named("bob@example.org", negative: true), on: house.inbox)
            try await house.store.remove(account: bob.id)
            #expect(try house.store.accessList(of: work).isEmpty && house.store.accessList(of: house.inbox).isEmpty)
            let again = try await house.restarted()
            let other = try await again.addBob()
            #expect(try await again.store.mailboxes(sharedWith: other.id).isEmpty)
            #expect(try again.store.accessList(of: work).isEmpty && again.store.accessList(of: house.inbox).isEmpty)
        }
    }

    @Test("names are inherited, renamed and deleted with their mailbox as accounts are (RFC 4314 §4)", arguments: StoreFactory.all)
    func tree(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let carol = try named("carol@example.org")
            let work = try await house.mailbox("work")
            try await house.store.change(rights: .replace([.lookup, .create]), of: carol, on: work)
            let below = try await house.mailbox("work/below")
            #expect(try house.store.accessList(of: below).entries == [carol: [.lookup, .create]])
            try await house.store.rename(mailbox: work, to: try #require(MailboxName("play")))
            try await house.store.delete(mailbox: below)
            let again = try await house.restarted()
            #expect(try again.store.accessList(of: work).entries == [carol: [.lookup, .create]])
            let account = try await again.store.add(account: AccountName("carol@example.org"), passwordHash: "$argon2id$carol")
            #expect(try await again.store.mailboxes(sharedWith: account.id).map(\.id) == [work])
        }
    }

    @Test("one mailbox has 500 entries of both kinds together, whoever is there", arguments: StoreFactory.all)
    func limit(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            for number in 1..<AccessList.most {
                try await house.store.change(rights: .replace([.lookup]), of: try named("user\(number)@example.org"), on: house.inbox)
            }
            try await house.store.change(rights: .replace([.lookup]), of: Grantee(.account(bob.id)), on: house.inbox)
            let full = StorageFault.notAllowed("the mailbox's access list is full")
            for grantee in [try named("user0@example.org"), try named("alice@example.org", negative: true), Grantee(.anyone)] {
                await #expect(throws: full) { try await house.store.change(rights: .replace([.lookup]), of: grantee, on: house.inbox) }
            }
            try await house.store.change(rights: .add([.read]), of: try named("bob@example.org"), on: house.inbox)
            #expect(try await house.restarted().store.accessList(of: house.inbox).entries.count == AccessList.most)
        }
    }

    @Test("an account's lists have 50,000 entries together: then more are refused, and a new mailbox inherits none", arguments: StoreFactory.all)
    func limitOfAccount(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            for number in 0..<AccessList.most {
                try await house.store.change(rights: .replace([.lookup]), of: try named("user\(number)@example.org"), on: work)
            }
            for number in 1..<AccessList.mostOfAccount / AccessList.most { _ = try await house.mailbox("work/\(number)") }
            let last = try await house.mailbox("work/last")
            #expect(try house.store.accessList(of: last).isEmpty)
            let again = try await house.restarted()
            await #expect(throws: StorageFault.notAllowed("the mailbox's access list is full")) {
                try await again.store.change(rights: .replace([.lookup]), of: try named("carol@example.org"), on: last)
            }
            try await again.store.change(rights: .replace([.lookup]), of: Grantee(.anyone), on: last)
            try await again.store.change(rights: .replace([]), of: try named("user7@example.org"), on: work)
            try await again.store.change(rights: .replace([.lookup]), of: try named("carol@example.org"), on: last)
            #expect(try again.store.accessList(of: last).entries.count == 2)
        }
    }

    @Test("a name is put as accounts are compared where an account can be called that, and kept as given otherwise; some are no names")
    func names() throws {
        let domain = try #require(Domain("example.org"))
        #expect(GranteeName("Bob", defaultDomain: domain)?.value == "bob@example.org")
        #expect(GranteeName("BOB@Example.ORG")?.value == "bob@example.org")
        #expect(GranteeName("No name at All", defaultDomain: domain)?.value == "No name at All")
        #expect(GranteeName(String(repeating: "x", count: GranteeName.most), defaultDomain: domain)?.value.utf8.count == GranteeName.most)
        for text in ["", String(repeating: "x", count: GranteeName.most + 1), "a\r\nb", "a\u{85}b", "a\u{2028}b", "\u{0}"] {
            #expect(GranteeName(text, defaultDomain: domain) == nil)
        }
    }
}
