import MailModel
import NIOCore
import Storage
import Testing

@Suite("The storage contract: placing messages")
struct StoreContractPlace {
    private func placements(_ mailboxes: [MailboxID]) -> [Placement] {
        mailboxes.map { Placement(mailbox: $0, internalDate: Timestamp(rawValue: 0)) }
    }

    @Test("one body goes to many mailboxes of many accounts, in order, a mailbox twice too", arguments: StoreFactory.all)
    func many(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let hers = house.inbox
            let his = try #require(try await house.store.mailbox(named: .inbox, of: bob.id)).id
            let body = try await house.stage(message("shared"))
            let placed = try await house.store.place(body, placements([hers, his, hers]))
            #expect(placed.map(\.mailbox) == [hers, his, hers])
            #expect(placed.map(\.uid.rawValue) == [1, 1, 2])
            // One ModSeq an account.
            #expect(placed[0].modSeq == placed[2].modSeq)
            for item in placed {
                let snapshot = try await house.snapshot(item.mailbox)
                let row = try #require(try snapshot.row(item.uid))
                #expect(row.body == body.id && row.modSeq == item.modSeq && snapshot.uidValidity == item.uidValidity)
                #expect(snapshot.highestModSeq == item.modSeq)
            }
            for account in [house.alice.id, bob.id] {
                #expect(String(buffer: try await house.store.read(nil, of: body.id, for: account)) == message("shared"))
            }
        }
    }

    @Test("all placements are made or none", arguments: StoreFactory.all)
    func atomic(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            let before = try await house.snapshot()
            let body = try await house.stage(message("nowhere"))
            await #expect(throws: StorageFault.noSuchMailbox) {
                _ = try await house.store.place(body, placements([house.inbox, MailboxID(rawValue: 99_999)]))
            }
            let after = try await house.snapshot()
            #expect(try after.rowsInOrder == before.rowsInOrder && after.uidNext == before.uidNext)
            #expect(after.highestModSeq == before.highestModSeq)
            await #expect(throws: (any Error).self) { _ = try await house.store.read(nil, of: body.id, for: house.alice.id) }
        }
    }

    @Test("flags, keywords and the internal date are kept; the size is that of the octets", arguments: StoreFactory.all)
    func fields(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let flags = Flags(system: [.flagged, .draft], keywords: [Keyword("$MDNSent"), Keyword("Work")].compactMap { $0 })
            try await house.deliver("dated", flags: flags, at: -86_400)
            let row = try #require(try await house.snapshot().row(at: 0))
            #expect(try await house.flags(1) == ["\\Flagged", "\\Draft", "$MDNSent", "Work"])
            #expect(row.internalDate == Timestamp(rawValue: -86_400) && Int(row.size) == message("dated").utf8.count)
        }
    }

    @Test("a message that comes with a keyword for which there is no room comes without it", arguments: StoreFactory.all)
    func tooManyKeywords(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let names = (0..<KeywordTable.capacity).compactMap { Keyword("k\($0)") }
            try await house.deliver(flags: Flags(keywords: names))
            try await house.deliver(flags: Flags(system: [.flagged], keywords: keywords("one-more", "k1000").keywords))
            #expect(try await house.uids() == [1, 2])
            #expect(try await house.flags(2) == ["\\Flagged", "k1000"])
            try await house.deliver(flags: keywords("K7"))
            #expect(try await house.flags(3) == ["k7"])
        }
    }

    @Test("UIDs only rise, also when the last message is gone: RFC 9051 §2.3.1.1", arguments: StoreFactory.all)
    func uidsRise(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            _ = try await house.store.change(flags: .add(Flags(system: [.deleted])), of: set(2, 3), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: house.inbox)
            #expect(try await house.deliver().uid.rawValue == 4)
            #expect(try await house.uids() == [1, 4])
        }
    }

    @Test("calls begun in order on one thread take effect in that order", arguments: StoreFactory.all)
    func order(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var bodies: [StagedBody] = []
            for number in 0..<40 { bodies.append(try await house.stage(message("number \(number)"))) }
            let tasks = bodies.map { body in
                Task.immediate { try await house.store.place(body, placements([house.inbox])) }
            }
            var placed: [Placed] = []
            for task in tasks { placed += try await task.value }
            #expect(placed.map(\.uid.rawValue) == Array(1...40))
            #expect(zip(placed, placed.dropFirst()).allSatisfy { $0.modSeq < $1.modSeq })
            #expect(try await house.snapshot().rowsInOrder.map(\.body) == bodies.map(\.id))
        }
    }

    @Test("concurrent deliveries each get a UID and a ModSeq of their own", arguments: StoreFactory.all)
    func concurrent(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let placed = try await withThrowingTaskGroup(of: Placed.self) { group in
                for number in 0..<200 { group.addTask { try await house.deliver("parallel \(number)") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(placed.map(\.uid.rawValue)) == Set(1...200))
            #expect(Set(placed.map(\.modSeq)).count == 200)
            let byUID = placed.sorted { $0.uid < $1.uid }
            #expect(zip(byUID, byUID.dropFirst()).allSatisfy { $0.modSeq < $1.modSeq })
            let snapshot = try await house.snapshot()
            #expect(snapshot.count == 200 && snapshot.uidNext.rawValue == 201 && snapshot.highestModSeq == byUID.last?.modSeq)
        }
    }

    @Test("under the free floor bodies are refused while flags and EXPUNGE still commit", arguments: StoreFactory.all)
    func full(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            guard let setFull = house.premises.setFull else { return }
            try await house.deliver(count: 2)
            setFull(true)
            await #expect(throws: StorageFault.full) { try await house.deliver() }
            let deleted = Flags(system: [.deleted])
            #expect(try await house.store.change(flags: .add(deleted), of: set(1), in: house.inbox, unchangedSince: nil).modSeq != nil)
            #expect(try await house.store.expunge(nil, in: house.inbox).uids == set(1))
            setFull(false)
            #expect(try await house.deliver().uid.rawValue == 3)
        }
    }
}
