import MailModel
import Storage
import Testing

@Suite("The storage contract: annotations")
struct StoreContractMetadata {
    private func name(_ text: String) -> MailboxName { MailboxName(text).unsafelyKnown }
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func texts(_ house: House, _ mailbox: MailboxID?, _ account: AccountID? = nil) async throws -> [String] {
        try await house.store.annotations(of: mailbox, for: account ?? house.alice.id)
            .map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
    }

    @Test("shared ones are the owner's, private ones one's own; they outlive a restart (RFC 5464 §3.3)", arguments: StoreFactory.all)
    func scopes(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            try await house.store.set(
                annotations: ["/shared/comment": bytes("all"), "/private/comment": bytes("hers")], of: house.inbox, for: house.alice.id)
            try await house.store.set(
                annotations: ["/shared/comment": bytes("ours"), "/private/comment": bytes("his")], of: house.inbox, for: bob.id)
            try await house.store.set(annotations: ["/private/x": bytes("a\0b")], of: nil, for: bob.id)
            let again = try await house.restarted()
            #expect(try await texts(again, house.inbox) == ["/private/comment=hers", "/shared/comment=ours"])
            #expect(try await texts(again, house.inbox, bob.id) == ["/private/comment=his", "/shared/comment=ours"])
            #expect(try await texts(again, nil) == [])
            #expect(try await texts(again, nil, bob.id) == ["/private/x=a\0b"])
            try await again.store.remove(account: bob.id)
            #expect(try await texts(again, house.inbox) == ["/private/comment=hers", "/shared/comment=ours"])
        }
    }

    @Test("nil removes; an empty value stays; what changes nothing has no place in the log", arguments: StoreFactory.all)
    func removal(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.set(annotations: ["/private/a": bytes("x"), "/private/b": []], of: house.inbox, for: house.alice.id)
            let before = try await house.deliver().modSeq
            try await house.store.set(annotations: ["/private/b": [], "/private/c": nil as [UInt8]?], of: house.inbox, for: house.alice.id)
            let same = try await house.deliver().modSeq
            try await house.store.set(annotations: ["/private/a": nil as [UInt8]?], of: house.inbox, for: house.alice.id)
            let after = try await house.deliver().modSeq
            #expect(same == before.successor && after == same.successor.successor)
            #expect(try await texts(house, house.inbox) == ["/private/b="])
        }
    }

    @Test("they stay with a mailbox that is renamed, INBOX's are copied, and go with one that is deleted (RFC 5464 §4.1)", arguments: StoreFactory.all)
    func tree(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let work = try await house.mailbox("work")
            for mailbox in [work, house.inbox] {
                try await house.store.set(annotations: ["/shared/comment": bytes("s")], of: mailbox, for: house.alice.id)
                try await house.store.set(annotations: ["/private/comment": bytes("bob's")], of: mailbox, for: bob.id)
            }
            try await house.store.rename(mailbox: work, to: name("play"))
            try await house.store.rename(mailbox: house.inbox, to: name("old"))
            let old = try #require(try await house.store.mailbox(named: name("old"), of: house.alice.id)).id
            let again = try await house.restarted()
            for mailbox in [work, house.inbox, old] {
                #expect(try await texts(again, mailbox, bob.id) == ["/private/comment=bob's", "/shared/comment=s"])
            }
            try await again.store.delete(mailbox: work)
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await again.store.annotations(of: work, for: bob.id) }
            let anew = try await again.store.create(mailbox: name("play"), of: house.alice.id, specialUse: nil)
            #expect(try await texts(again, anew.id, bob.id) == [])
        }
    }

    @Test("what is too much, or nobody's to set, changes nothing", arguments: StoreFactory.all)
    func bounds(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let most = Dictionary(uniqueKeysWithValues: (0..<Annotation.most).map { ("/private/\($0)", Optional(bytes("x"))) })
            try await house.store.set(annotations: most, of: house.inbox, for: house.alice.id)
            await #expect(throws: StorageFault.tooManyAnnotations) {
                try await house.store.set(annotations: ["/private/more": bytes("x")], of: house.inbox, for: house.alice.id)
            }
            try await house.store.set(annotations: ["/private/0": nil, "/private/more": bytes("y")], of: house.inbox, for: house.alice.id)
            #expect(try await texts(house, house.inbox).count == Annotation.most)
            await #expect(throws: StorageFault.tooManyAnnotations) {
                let big = [UInt8](repeating: 120, count: Annotation.mostOfAccount.octets)
                try await house.store.set(annotations: ["/private/big": big], of: nil, for: house.alice.id)
            }
            await #expect {
                try await house.store.set(annotations: ["/shared/comment": bytes("x"), "/private/a": bytes("x")], of: nil, for: house.alice.id)
            } throws: { fault in
                if case StorageFault.notAllowed = fault { true } else { false }
            }
            #expect(try await texts(house, nil) == [])
            await #expect(throws: StorageFault.noSuchMailbox) {
                try await house.store.set(annotations: ["/private/a": bytes("x")], of: MailboxID(rawValue: 9_999), for: house.alice.id)
            }
        }
    }
}
