import MailModel
import Storage
import Testing

@Suite("The storage contract: domains and accounts")
struct StoreContractAccounts {
    @Test("domains are listed in order of name, and none twice", arguments: StoreFactory.all)
    func domains(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.add(domain: Domain("zebra.example").unsafelyKnown)
            try await house.store.add(domain: Domain("apple.example").unsafelyKnown)
            #expect(try await house.store.domains().map(\.value) == ["apple.example", "example.org", "zebra.example"])
            await #expect(throws: StorageFault.nameTaken) { try await house.store.add(domain: House.domain) }
        }
    }

    @Test("a domain is removed only when it is there and empty", arguments: StoreFactory.all)
    func removeDomain(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            await #expect(throws: StorageFault.noSuchDomain) { try await house.store.remove(domain: Domain("no.example").unsafelyKnown) }
            await #expect { try await house.store.remove(domain: House.domain) } throws: { fault in
                if case StorageFault.notAllowed = fault { true } else { false }
            }
            try await house.store.remove(account: house.alice.id)
            try await house.store.remove(domain: House.domain)
            #expect(try await house.store.domains().isEmpty)
        }
    }

    @Test("accounts are listed in order of creation and found without case", arguments: StoreFactory.all)
    func accounts(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let zed = try await house.store.add(account: AccountName("Zed@Example.ORG"), passwordHash: "z")
            let bob = try await house.addBob()
            #expect(try await house.store.accounts().map(\.id) == [house.alice.id, zed.id, bob.id])
            #expect(try await house.store.account(named: AccountName("zED@example.org"))?.id == zed.id)
            #expect(try await house.store.account(zed.id)?.name.description == "Zed@example.org")
            #expect(try await house.store.account(named: AccountName("carol@example.org")) == nil)
            #expect(try await house.store.account(AccountID(rawValue: 9_999)) == nil)
            #expect(zed.enabled && zed.lastLogin == nil && zed.passwordHash == "z")
        }
    }

    @Test("a name that differs in case alone is taken; a domain must be ours (S67, decision table)", arguments: StoreFactory.all)
    func names(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            await #expect(throws: StorageFault.nameTaken) {
                _ = try await house.store.add(account: AccountName("ALICE@example.org"), passwordHash: "x")
            }
            await #expect(throws: StorageFault.noSuchDomain) {
                _ = try await house.store.add(account: AccountName("alice@other.example"), passwordHash: "x")
            }
            let accounts = try await house.store.accounts()
            #expect(accounts.count == 1)
        }
    }

    @Test("a new account has INBOX and the special-use mailboxes, all subscribed (RFC 6154 §2)", arguments: StoreFactory.all)
    func provided(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let mailboxes = try await house.store.mailboxes(of: house.alice.id)
            #expect(mailboxes.map(\.name.value) == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"])
            #expect(mailboxes.map(\.specialUse) == [.archive, .drafts, nil, .junk, .sent, .trash])
            #expect(Set(mailboxes.map(\.id)).count == 6)
            #expect(mailboxes.allSatisfy { $0.account == house.alice.id })
            #expect(try await house.store.subscriptions(of: house.alice.id) == Set(mailboxes.map(\.name)))
        }
    }

    @Test("password, enabling and last login are kept", arguments: StoreFactory.all)
    func fields(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.set(passwordHash: "new", of: house.alice.id)
            try await house.store.set(enabled: false, of: house.alice.id)
            house.store.note(login: Timestamp(rawValue: 1_234), of: house.alice.id)
            let record = try #require(try await house.store.account(house.alice.id))
            #expect(record.passwordHash == "new" && !record.enabled && record.lastLogin == Timestamp(rawValue: 1_234))
            let nobody = AccountID(rawValue: 9_999)
            await #expect(throws: StorageFault.noSuchAccount) { try await house.store.set(passwordHash: "x", of: nobody) }
            await #expect(throws: StorageFault.noSuchAccount) { try await house.store.set(enabled: true, of: nobody) }
            await #expect(throws: StorageFault.noSuchAccount) { try await house.store.remove(account: nobody) }
            house.store.note(login: Timestamp(rawValue: 1), of: nobody)
        }
    }

    @Test("an account is removed with its mail, and its id never comes back", arguments: StoreFactory.all)
    func remove(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            let handle = try await house.store.open(house.inbox)
            let body = try #require(try handle.snapshot.row(at: 0)).body
            try await house.store.remove(account: house.alice.id)
            #expect(try await house.store.account(house.alice.id) == nil)
            #expect(try await house.store.accounts().isEmpty)
            #expect(handle.snapshot.isDeleted && handle.snapshot.count == 0)
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.open(house.inbox) }
            await #expect(throws: (any Error).self) { _ = try await house.store.read(nil, of: body, for: house.alice.id) }
            let again = try await house.store.add(account: AccountName("alice@example.org"), passwordHash: "x")
            #expect(again.id > house.alice.id)
            let inbox = try #require(try await house.store.mailbox(named: .inbox, of: again.id)).id
            #expect(try await house.store.status(of: inbox).messages == 0)
        }
    }

    @Test("a closed store answers every call with `closed`", arguments: StoreFactory.all)
    func closed(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let body = try await house.stage(message("late"))
            await house.store.close()
            await #expect(throws: StorageFault.closed) { _ = try await house.store.accounts() }
            await #expect(throws: StorageFault.closed) { _ = try await house.store.receive(expected: nil) }
            await #expect(throws: StorageFault.closed) {
                _ = try await house.store.place(body, [Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))])
            }
            await #expect(throws: StorageFault.closed) { _ = try await house.store.expunge(nil, in: house.inbox) }
            await house.store.close()
        }
    }
}
