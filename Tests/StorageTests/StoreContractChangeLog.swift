import MailModel
import Storage
import Testing

extension House {
    /// All that the log has after `modSeq`, read in pages of `most`.
    func changes(since modSeq: ModSeq = .zero, of account: AccountID? = nil, most: Int = 100) async throws -> [Change] {
        var found: [Change] = []
        var since = modSeq
        while true {
            guard case .page(let page) = try await store.changes(of: account ?? alice.id, since: since, most: most) else {
                Issue.record("no page of the log since \(since)")
                return found
            }
            #expect(page.changes.allSatisfy { $0.modSeq > since && $0.modSeq <= page.upTo })
            #expect(zip(page.changes, page.changes.dropFirst()).allSatisfy { $0.modSeq <= $1.modSeq })
            found += page.changes
            if page.isLast { return found }
            try #require(page.upTo > since)
            since = page.upTo
        }
    }

    /// The account's highest ModSeq.
    func highest(of account: AccountID? = nil) async throws -> ModSeq {
        switch try await store.changes(of: account ?? alice.id, since: .max, most: 1) {
        case .ahead(let highest), .older(_, let highest): return highest
        case .page(let page): return page.upTo
        }
    }

    func emailIDs(of change: Change, most: Int = 100) async throws -> [ChangedMessages.Message] {
        var found: [ChangedMessages.Message] = []
        var after: UID?
        repeat {
            let some = try await store.messages(of: change, after: after, most: most)
            #expect(some.messages.count <= most && some.isComplete)
            found += some.messages
            after = some.next
        } while after != nil
        return found
    }
}

@Suite("A store's change log")
struct StoreContractChangeLog {
    private func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }

    @Test("each kind of change has its row, at the ModSeq that its answer gave", arguments: StoreFactory.all)
    func kinds(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let alice = house.alice.id
            let start = try await house.highest()
            let work = try await house.mailbox("work")
            let placed = try await house.deliver(to: work)
            let flagged = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            // What changes nothing has no row.
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(1), in: work, unchangedSince: nil)
            let gone = try await house.store.expunge(nil, in: work)
            try await house.store.rename(mailbox: work, to: name("play"))
            try await house.store.set(subscribed: true, to: name("play"), of: alice)
            try await house.store.set(subscribed: false, to: name("play"), of: alice)
            try await house.store.change(rights: .replace([.lookup]), of: Grantee(.anyone), on: work)
            try await house.store.set(annotations: ["/private/comment": Array("x".utf8)], of: work, for: alice)
            try await house.store.set(annotations: ["/private/comment": Array("x".utf8)], of: nil, for: alice)
            try await house.store.delete(mailbox: work)

            let changes = try await house.changes(since: start)
            #expect(
                changes.map(\.kind) == [
                    .mailboxCreated(work, name: try name("work")), .placed(set(1), in: work), .flags(set(1), in: work), .expunged(set(1), in: work),
                    .mailboxRenamed(work, from: try name("work"), to: try name("play")),
                    .subscription(to: try name("play"), isSubscribed: true), .subscription(to: try name("play"), isSubscribed: false),
                    .rights(of: work), .metadata(of: work), .metadata(of: nil), .mailboxDeleted(work, name: try name("play")),
                ])
            #expect(changes.allSatisfy { $0.account == alice })
            #expect(changes[1].modSeq == placed.modSeq && changes[2].modSeq == flagged.modSeq && changes[3].modSeq == gone.modSeq)
            #expect(Set(changes.map(\.modSeq)).count == changes.count)
        }
    }

    @Test("what an account is given at first is in its log", arguments: StoreFactory.all)
    func beginning(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let changes = try await house.changes()
            let made = changes.compactMap { change in if case .mailboxCreated(let id, _) = change.kind { id } else { nil } }
            #expect(Set(made) == Set(try await house.store.mailboxes(of: house.alice.id).map(\.id)))
            let nobody = AccountID(rawValue: 4_711)
            await #expect(throws: StorageFault.noSuchAccount) { _ = try await house.store.changes(of: nobody, since: .zero, most: 1) }
        }
    }

    @Test("one transaction has one ModSeq an account, whatever it does", arguments: StoreFactory.all)
    func transactions(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            let bob = try await house.addBob()
            let his = try #require(try await house.store.mailbox(named: .inbox, of: bob.id)).id
            try await house.deliver(count: 3)
            let (start, hisStart) = (try await house.highest(), try await house.highest(of: bob.id))

            // A body in two mailboxes of one account and one of another's.
            let body = try await house.stage(message("three"))
            let at = [house.inbox, work, his].map { Placement(mailbox: $0, internalDate: Timestamp(rawValue: 0)) }
            let placed = try await house.store.place(body, at)
            #expect(
                Set(try await house.changes(since: start)) == [
                    Change(.placed(set(4), in: house.inbox), of: house.alice.id, at: placed[0].modSeq),
                    Change(.placed(set(1), in: work), of: house.alice.id, at: placed[0].modSeq),
                ])
            #expect(
                try await house.changes(since: hisStart, of: bob.id) == [Change(.placed(set(1), in: his), of: bob.id, at: placed[2].modSeq)])

            // Within an account, and to another's.
            let before = try await house.highest()
            let moved = try #require(try await house.store.move(set(1, 2), from: house.inbox, to: work).modSeq)
            #expect(
                Set(try await house.changes(since: before)) == [
                    Change(.placed(set(2, 3), in: work), of: house.alice.id, at: moved),
                    Change(.expunged(set(1, 2), in: house.inbox), of: house.alice.id, at: moved),
                ])
            let given = try #require(try await house.store.move(set(3), from: house.inbox, to: his).modSeq)
            #expect(try await house.changes(since: moved).map(\.kind) == [.expunged(set(3), in: house.inbox)])
            #expect(try await house.changes(since: placed[2].modSeq, of: bob.id) == [Change(.placed(set(2), in: his), of: bob.id, at: given)])
            let copied = try #require(try await house.store.copy(set(4), from: house.inbox, to: work).modSeq)
            #expect(try await house.changes(since: moved).last == Change(.placed(set(4), in: work), of: house.alice.id, at: copied))
        }
    }

    @Test("a mailbox is renamed with its inferiors: a row each, with both names, on one page", arguments: StoreFactory.all)
    func trees(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var ids: [String: MailboxID] = [:]
            for name in ["a", "a/b", "a/b/c", "ab"] { ids[name] = try await house.mailbox(name) }
            let start = try await house.highest()
            try await house.store.rename(mailbox: #require(ids["a"]), to: name("x"))
            try await house.deliver()
            guard case .page(let page) = try await house.store.changes(of: house.alice.id, since: start, most: 1) else {
                Issue.record("no page")
                return
            }
            var expected: Set<Change.Kind> = []
            for (old, new) in [("a", "x"), ("a/b", "x/b"), ("a/b/c", "x/b/c")] {
                expected.insert(.mailboxRenamed(try #require(ids[old]), from: try name(old), to: try name(new)))
            }
            #expect(Set(page.changes.map(\.kind)) == expected)
            #expect(Set(page.changes.map(\.modSeq)) == [page.upTo] && !page.isLast)
            #expect(try await house.changes(since: page.upTo).map(\.kind) == [.placed(set(1), in: house.inbox)])
        }
    }

    @Test("INBOX that is renamed is a mailbox made, and messages that left and came", arguments: StoreFactory.all)
    func inbox(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            let start = try await house.highest()
            try await house.store.rename(mailbox: house.inbox, to: name("old"))
            let old = try await house.mailbox("old")
            #expect(
                Set(try await house.changes(since: start).map(\.kind)) == [
                    .mailboxCreated(old, name: try name("old")), .placed(set(1, 2), in: old), .expunged(set(1, 2), in: house.inbox),
                ])
        }
    }

    @Test("pages of any size give all, each once, in order", arguments: StoreFactory.all)
    func pages(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            for number in 0..<20 {
                try await house.deliver("message \(number)", to: number % 3 == 0 ? house.mailbox("m\(number)") : house.inbox)
            }
            _ = try await house.store.move(set(1, 2, 3), from: house.inbox, to: house.mailbox("m0"))
            let all = try await house.changes()
            for most in [1, 2, 3, 7, all.count - 1, all.count, all.count + 1] {
                #expect(try await house.changes(most: most) == all)
            }
            let middle = all[all.count / 2].modSeq
            #expect(try await house.changes(since: middle, most: 4) == all.filter { $0.modSeq > middle })
            // Nothing new is a page without changes.
            let highest = try await house.highest()
            #expect(
                try await house.store.changes(of: house.alice.id, since: highest, most: 5)
                    == .page(ChangePage(changes: [], upTo: highest, isLast: true)))
        }
    }

    @Test("what came before the floor is too old, and what never was is ahead", arguments: StoreFactory.all)
    func floors(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let placed = try await house.deliver()
            let second = try await house.deliver()
            let (alice, store) = (house.alice.id, house.store)
            try await house.premises.prune(store, alice, placed.modSeq)
            let before = try #require(ModSeq(rawValue: placed.modSeq.rawValue - 1))
            #expect(try await store.changes(of: alice, since: .zero, most: 9) == .older(floor: placed.modSeq, highest: second.modSeq))
            #expect(try await store.changes(of: alice, since: before, most: 9) == .older(floor: placed.modSeq, highest: second.modSeq))
            #expect(try await house.changes(since: placed.modSeq) == [Change(.placed(set(2), in: house.inbox), of: alice, at: second.modSeq)])
            // It does not sink, and does not pass the account's own.
            try await house.premises.prune(store, alice, before)
            #expect(try await store.changes(of: alice, since: before, most: 9) == .older(floor: placed.modSeq, highest: second.modSeq))
            try await house.premises.prune(store, alice, .max)
            #expect(try await house.changes(since: second.modSeq).isEmpty)
            #expect(try await store.changes(of: alice, since: placed.modSeq, most: 9) == .older(floor: second.modSeq, highest: second.modSeq))
            #expect(try await store.changes(of: alice, since: second.modSeq.successor, most: 9) == .ahead(highest: second.modSeq))
            // Another's log is another.
            let bob = try await house.addBob()
            #expect(try await !house.changes(of: bob.id).isEmpty)

            let again = try await house.restarted()
            #expect(try await again.store.changes(of: alice, since: placed.modSeq, most: 9) == .older(floor: second.modSeq, highest: second.modSeq))
            let third = try await again.deliver()
            #expect(try await again.changes(since: second.modSeq).map(\.modSeq) == [third.modSeq])
        }
    }

    @Test("QRESYNC hears of expunged messages however far the floor has risen", arguments: StoreFactory.all)
    func expungedStay(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 5)
            let start = try await house.highest()
            _ = try await house.store.remove(set(2, 4), from: house.inbox)
            try await house.premises.prune(house.store, house.alice.id, .max)
            let again = try await house.restarted()
            #expect(try await again.store.expunged(since: start, in: house.inbox) == set(2, 4))
            #expect(try await again.uids() == [1, 3, 5])
        }
    }

    @Test("e-mail ids: of messages that are there, and of those that went", arguments: StoreFactory.all)
    func emailIDs(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let start = try await house.highest()
            let work = try await house.mailbox("work")
            try await house.deliver(count: 6, to: work)
            let ids = try await house.snapshot(work).rowsInOrder.map(\.body)
            func told(_ indices: Int...) -> [ChangedMessages.Message] {
                indices.compactMap { index in
                    UID(rawValue: UInt32(index + 1)).map { ChangedMessages.Message(uid: $0, emailID: ids[index]) }
                }
            }
            _ = try await house.store.change(flags: .add(Flags(system: [.seen])), of: set(1, 2, 3, 4, 5, 6), in: work, unchangedSince: nil)
            _ = try await house.store.remove(set(2, 3), from: work)
            _ = try await house.store.remove(set(5), from: work)
            try await house.store.delete(mailbox: work)
            let changes = try await house.changes(since: start)
            let flags = try #require(changes.first { if case .flags = $0.kind { true } else { false } })
            let gone = changes.filter { if case .expunged = $0.kind { true } else { false } }
            let deleted = try #require(changes.last)
            // Before the rows are removed, after, and after a restart.
            var now = house
            for round in 0..<3 {
                if round == 1 { try await now.settle() }
                if round == 2 { now = try await now.restarted() }
                for most in [1, 2, 100] {
                    #expect(try await now.emailIDs(of: gone[0], most: most) == told(1, 2))
                    #expect(try await now.emailIDs(of: gone[1], most: most) == told(4))
                    #expect(try await now.emailIDs(of: deleted, most: most) == told(0, 3, 5))
                    #expect(try await now.emailIDs(of: flags, most: most).isEmpty)
                    #expect(try await now.emailIDs(of: changes[0], most: most).isEmpty)
                }
            }
            // What was pruned is not known any more, and says so.
            try await now.premises.prune(now.store, now.alice.id, .max)
            let forgotten = try await now.store.messages(of: gone[0], after: nil, most: 9)
            #expect(forgotten.messages.map(\.uid.rawValue) == [2, 3] && forgotten.messages.allSatisfy { $0.emailID == nil })
            #expect(try await !now.store.messages(of: deleted, after: nil, most: 9).isComplete)
        }
    }

    @Test("e-mail ids of flags that changed and of arrivals are those of messages still there", arguments: StoreFactory.all)
    func emailIDsOfLiving(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 7)
            let start = try await house.highest()
            _ = try await house.store.change(flags: .add(Flags(system: [.seen])), of: NumberSet(1...7), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.remove(set(1, 4, 7), from: house.inbox)
            let rows = try await house.snapshot().rowsInOrder
            let flags = try #require(try await house.changes(since: start).first)
            for most in [1, 3, 100] {
                #expect(
                    try await house.emailIDs(of: flags, most: most) == rows.map { ChangedMessages.Message(uid: $0.uid, emailID: $0.body) })
            }
            // A copy has the same.
            let work = try await house.mailbox("work")
            let before = try await house.highest()
            _ = try await house.store.copy(set(2), from: house.inbox, to: work)
            let copied = try #require(try await house.changes(since: before).first)
            #expect(try await house.emailIDs(of: copied).map(\.emailID) == [rows[0].body])
        }
    }

    @Test("an account that is removed has no log", arguments: StoreFactory.all)
    func removedAccounts(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            try await house.store.remove(account: house.alice.id)
            await #expect(throws: StorageFault.noSuchAccount) { _ = try await house.changes() }
        }
    }

    @Test("who pages while others write sees each change exactly once", arguments: StoreFactory.all)
    func concurrentWriters(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let (writers, rounds) = (4, 25)
            var boxes: [MailboxID] = []
            for number in 0..<writers { boxes.append(try await house.mailbox("w\(number)")) }
            let mailboxes = boxes
            let start = try await house.highest()
            let answered = try await withThrowingTaskGroup(of: [ModSeq].self) { group in
                for mailbox in mailboxes {
                    group.addTask {
                        var given: [ModSeq] = []
                        for round in 0..<rounds {
                            given.append(try await house.deliver(to: mailbox).modSeq)
                            if round % 5 == 4 {
                                let uids = set(UInt32(round))
                                let flags = FlagChange.add(Flags(system: [.seen]))
                                if let modSeq = try await house.store.change(flags: flags, of: uids, in: mailbox, unchangedSince: nil).modSeq {
                                    given.append(modSeq)
                                }
                                if let modSeq = try await house.store.remove(uids, from: mailbox).modSeq { given.append(modSeq) }
                            }
                        }
                        return given
                    }
                }
                // Until it has seen as many as they write.
                group.addTask {
                    var (since, seen) = (start, [ModSeq]())
                    while seen.count < writers * (rounds + 2 * (rounds / 5)) {
                        guard case .page(let page) = try await house.store.changes(of: house.alice.id, since: since, most: 3) else { break }
                        seen += page.changes.map(\.modSeq)
                        since = page.upTo
                    }
                    return seen
                }
                var answers: [[ModSeq]] = []
                for try await answer in group { answers.append(answer) }
                return answers
            }
            // The reader's is one of them.
            let counts = answered.flatMap { $0 }.reduce(into: [ModSeq: Int]()) { $0[$1, default: 0] += 1 }
            #expect(counts.values.allSatisfy { $0 == 2 } && counts.count == writers * (rounds + 2 * (rounds / 5)))
            #expect(answered.contains { $0 == $0.sorted() && $0.count == counts.count })
        }
    }
}
