import MailModel
import Storage
import Testing

@Suite("The storage contract: quotas")
struct StoreContractQuota {
    private func name(_ text: String) -> MailboxName { MailboxName(text).unsafelyKnown }

    @Test("usage is kept through every change, and over a restart (RFC 9208 §5)", arguments: StoreFactory.all)
    func usage(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            func holds(_ house: House) async throws -> Bool {
                var sum = Quota([.storage: 0, .message: 0, .mailbox: 0])
                for record in try await house.store.mailboxes(of: house.alice.id) {
                    let status = try await house.store.status(of: record.id)
                    sum.add(Quota([.storage: status.size, .message: Int64(status.messages), .mailbox: 1]))
                }
                return try house.store.usage(of: house.alice.id) == sum
            }
            let work = try await house.mailbox("work")
            #expect(try house.store.usage(of: house.alice.id) == Quota([.storage: 0, .message: 0, .mailbox: 7]))
            try await house.deliver(count: 5)
            _ = try await house.store.copy(set(1, 2), from: house.inbox, to: work)
            #expect(try house.store.usage(of: house.alice.id)[.message] == 7)
            _ = try await house.store.move(set(3), from: house.inbox, to: work)
            _ = try await house.store.change(flags: .add(Flags(system: .deleted)), of: set(4), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: house.inbox)
            #expect(try house.store.usage(of: house.alice.id)[.message] == 6)
            try await house.store.rename(mailbox: house.inbox, to: name("old"))
            #expect(try await holds(house))
            try await house.store.delete(mailbox: work)
            #expect(try house.store.usage(of: house.alice.id)[.message] == 3 && house.store.usage(of: house.alice.id)[.mailbox] == 7)
            #expect(try await holds(house))
            let again = try await house.restarted()
            #expect(try again.store.usage(of: house.alice.id)[.message] == 3)
            #expect(try await holds(again))
            let nobody = AccountID(rawValue: 9_999)
            #expect(throws: StorageFault.noSuchAccount) { try again.store.usage(of: nobody) }
            #expect(throws: StorageFault.noSuchAccount) { try again.store.limits(of: nobody) }
            await #expect(throws: StorageFault.noSuchAccount) { try await again.store.set(limits: Quota([.message: 1]), of: nobody) }
        }
    }

    @Test("an account's own limits are kept; 0 is none", arguments: StoreFactory.all)
    func limits(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            #expect(try house.store.limits(of: house.alice.id).isEmpty)
            try await house.store.set(limits: Quota([.storage: 1_000, .message: 0]), of: house.alice.id)
            let again = try await house.restarted()
            #expect(try again.store.limits(of: house.alice.id) == Quota([.storage: 1_000]))
            try await again.store.set(limits: Quota(), of: house.alice.id)
            let last = try await again.restarted()
            #expect(try last.store.limits(of: house.alice.id).isEmpty)
            #expect(Quota([.message: 0]).limits(over: Quota([.message: 5, .storage: 7])) == Quota([.storage: 7]))
        }
    }

    @Test("what would pass a limit is refused whole, and changes nothing", arguments: StoreFactory.all)
    func refusal(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            try await house.deliver(count: 3)
            try await house.store.set(limits: Quota([.message: 4]), of: house.alice.id)
            await #expect(throws: StorageFault.overQuota) { try await house.store.copy(set(1, 2), from: house.inbox, to: work) }
            #expect(try await house.uids(work).isEmpty)
            _ = try await house.store.copy(set(1), from: house.inbox, to: work)
            await #expect(throws: StorageFault.overQuota) { try await house.deliver(to: work) }
            // What stays in the account adds nothing.
            _ = try await house.store.move(set(2, 3), from: house.inbox, to: work)
            #expect(try await house.uids(work) == [1, 2, 3])
            let size = try #require(try house.store.usage(of: house.alice.id)[.storage])
            try await house.store.set(limits: Quota([.storage: size]), of: house.alice.id)
            await #expect(throws: StorageFault.overQuota) { try await house.deliver("x") }
            try await house.store.set(limits: Quota([.mailbox: 7]), of: house.alice.id)
            await #expect(throws: StorageFault.overQuota) {
                _ = try await house.store.create(mailbox: name("more"), of: house.alice.id, specialUse: nil)
            }
            await #expect(throws: StorageFault.nameTaken) {
                _ = try await house.store.create(mailbox: name("work"), of: house.alice.id, specialUse: nil)
            }
        }
    }

    @Test("a delivery is taken until the account is full, and may be the one that fills it", arguments: StoreFactory.all)
    func delivery(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.set(limits: Quota([.storage: 100]), of: house.alice.id)
            var placement = Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))
            placement.mayOverdraw = true
            _ = try await house.store.place(try await house.stage(message("a little more than a hundred octets, all told")), [placement])
            #expect(try house.store.usage(of: house.alice.id)[.message] == 1)
            let next = try await house.stage(message("x"))
            await #expect(throws: StorageFault.overQuota) { _ = try await house.store.place(next, [placement]) }
        }
    }

    @Test("concurrent writers do not pass a limit together", arguments: StoreFactory.all)
    func concurrency(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.set(limits: Quota([.message: 20]), of: house.alice.id)
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        do {
                            _ = try await house.deliver("message \(number)")
                            return true
                        } catch StorageFault.overQuota {
                            return false
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(taken == 20)
            #expect(try house.store.usage(of: house.alice.id)[.message] == 20)
        }
    }
}
