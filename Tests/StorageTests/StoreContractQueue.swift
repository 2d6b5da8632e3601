import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@Suite("The storage contract: the outgoing queue")
struct StoreContractQueue {
    private func draft(_ names: String..., head: String? = nil, at date: Int64 = 5, path: ReversePath = .null) throws -> QueueDraft {
        QueueDraft(
            transaction: try #require(TransactionID("id-\(names.count)")), reversePath: path,
            recipients: try names.map { QueuedRecipient(.mailbox(try #require(Address($0)))) }, traits: [.eightBit], arrived: Timestamp(rawValue: date),
            head: try head.map { try #require(MessageHead(Array($0.utf8))) })
    }

    private func paths() throws -> [ReversePath] {
        let address = try #require(Address("jürgen@bücher.example"))
        let odd = try #require(Address("a..b@example.net"))
        return [.null, .mailbox(address), ReversePath(odd, unquoted: "a..b")]
    }

    @Test("a message is placed in mailboxes and queued in one commit, and all of it is there after a restart", arguments: StoreFactory.all, [10, 600_000])
    func place(_ factory: StoreFactory, _ size: Int) async throws {
        try await House.with(factory) { house in
            let text = "Subject: out\r\n\r\n" + String(repeating: "z", count: size) + "\r\n"
            let drafts = try paths().map { try draft("dora@remote.example", "ernst@remote.example", head: "Received: from us\r\n", path: $0) }
            let placement = Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))
            let done = try await house.store.place(try await house.stage(text), [placement], queueing: drafts)
            #expect(done.placed.map(\.uid.rawValue) == [1] && done.queued.count == 3 && done.queued == done.queued.sorted())
            let again = try await house.restarted()
            let entries = try await again.store.queue(after: nil, most: 10)
            #expect(entries.map(\.id) == done.queued && entries.map(\.draft) == drafts && entries.allSatisfy { $0.hold == nil })
            #expect(Set(entries.map(\.body)) == [try #require(try await again.snapshot().row(at: 0)).body])
            for entry in entries {
                #expect(try await again.store.queued(entry.id) == entry)
                let whole = "Received: from us\r\n" + text
                #expect(entry.size == whole.utf8.count)
                #expect(String(buffer: try await again.store.read(nil, of: entry.id)) == whole)
                #expect(Array(buffer: try await again.store.read(10..<30, of: entry.id)) == Array(Array(whole.utf8)[10..<30]))
            }
            #expect(try await again.text(1) == text)
        }
    }

    @Test("a body lives while an account or the queue holds it", arguments: StoreFactory.all)
    func lives(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let placement = Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))
            let drafts = try [draft("a@remote.example"), draft("b@remote.example")]
            let first = try await house.store.place(try await house.stage(message("first")), [placement], queueing: drafts).queued
            let second = try await house.store.place(try await house.stage(message("second")), [placement], queueing: drafts).queued
            _ = try await house.store.remove(set(1), from: house.inbox)
            for entry in second { try await house.store.end(entry) }
            let again = try await house.restarted()
            #expect(try await again.store.queue(after: nil, most: 10).map(\.id) == first)
            #expect(String(buffer: try await again.store.read(nil, of: first[1])) == message("first"))
            #expect(try await again.text(2) == message("second"))
            try await again.store.end(first[0])
            #expect(String(buffer: try await again.store.read(nil, of: first[1])) == message("first"))
            try await again.store.end(first[1])
            for gone in first + second {
                await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.queued(gone) }
                await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.read(nil, of: gone) }
                await #expect(throws: StorageFault.noSuchMessage) { try await again.store.end(gone) }
            }
        }
    }

    @Test("to the queue alone a message goes without an account", arguments: StoreFactory.all)
    func alone(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            for number in 0..<5 {
                _ = try await house.store.place(try await house.stage(message("\(number)")), [], queueing: [draft("a@remote.example", at: Int64(number))])
            }
            var seen: [String] = []
            var last: QueueID?
            while let entry = try await house.store.queue(after: last, most: 1).first {
                seen.append(String(buffer: try await house.store.read(nil, of: entry.id)))
                last = entry.id
            }
            #expect(seen == (0..<5).map { message("\($0)") })
            #expect(try await house.store.queue(after: nil, most: 2).count == 2)
            #expect(try await house.store.queue(after: nil, most: 0).isEmpty)
        }
    }

    @Test("what cannot all be placed is not queued either, and what cannot be queued is not placed", arguments: StoreFactory.all)
    func allOrNothing(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let placements = [house.inbox, MailboxID(rawValue: 99_999)].map { Placement(mailbox: $0, internalDate: Timestamp(rawValue: 0)) }
            let body = try await house.stage(message("nowhere"))
            await #expect(throws: StorageFault.noSuchMailbox) {
                _ = try await house.store.place(body, placements, queueing: [draft("a@remote.example")])
            }
            let other = try await house.stage(message("to nobody"))
            await #expect(throws: StorageFault.self) { _ = try await house.store.place(other, [placements[0]], queueing: [draft()]) }
            try await house.store.set(limits: Quota(message: 1), of: house.alice.id)
            try await house.deliver("fills it")
            let third = try await house.stage(message("over quota"))
            await #expect(throws: StorageFault.overQuota) {
                _ = try await house.store.place(third, [placements[0]], queueing: [draft("a@remote.example")])
            }
            #expect(try await house.store.queue(after: nil, most: 10).isEmpty)
            #expect(try await house.uids() == [1])
        }
    }
}

extension QueueStore {
    /// As when each of its recipients, of whom there is one, has got it.
    func end(_ entry: QueueID) async throws {
        _ = try await update(QueueUpdate(entry, recipients: [0: RecipientProgress(phase: .delivered, due: Timestamp(rawValue: 0))]))
    }
}
