import MailModel
import NIOCore
import Storage
import Testing

@Suite("The storage contract: placing several messages, and in place of others")
struct StoreContractAdditions {
    private func addition(
        _ text: String, to mailbox: MailboxID, _ house: House, flags: Flags = Flags()
    ) async throws -> Addition {
        Addition(
            body: try await house.stage(message(text)),
            placement: Placement(mailbox: mailbox, flags: flags, internalDate: Timestamp(rawValue: 0)))
    }

    @Test("several bodies come in order under one ModSeq: RFC 3502 §6.3.11", arguments: StoreFactory.all)
    func several(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver("before")
            let archive = try await house.mailbox("Archive")
            var additions: [Addition] = []
            for number in 0..<5 {
                additions.append(
                    try await addition(
                        "number \(number)", to: number == 3 ? archive : house.inbox, house,
                        flags: keywords("k\(number)")))
            }
            let placed = try await house.store.place(additions, superseding: nil)
            #expect(placed.map(\.uid.rawValue) == [2, 3, 4, 1, 5])
            #expect(Set(placed.map(\.modSeq)).count == 1)
            let house = try await house.restarted()
            #expect(try await house.uids() == [1, 2, 3, 4, 5])
            #expect(try await house.text(5) == message("number 4"))
            #expect(try await house.text(1, in: archive) == message("number 3"))
            #expect(try await house.flags(4) == ["k2"])
        }
    }

    @Test("all bodies are placed or none", arguments: StoreFactory.all)
    func atomic(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            let before = try await house.snapshot()
            let additions = [
                try await addition("here", to: house.inbox, house),
                try await addition("nowhere", to: MailboxID(rawValue: 99_999), house),
            ]
            await #expect(throws: StorageFault.noSuchMailbox) {
                _ = try await house.store.place(additions, superseding: nil)
            }
            let after = try await house.snapshot()
            #expect(try after.rowsInOrder == before.rowsInOrder && after.uidNext == before.uidNext)
            #expect(after.highestModSeq == before.highestModSeq)
        }
    }

    @Test("nothing to place is nothing done", arguments: StoreFactory.all)
    func none(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let before = try await house.snapshot().highestModSeq
            #expect(try await house.store.place([], superseding: nil) == [])
            #expect(try await house.snapshot().highestModSeq == before)
        }
    }

    @Test("what is superseded goes without \\Deleted, and nothing else: RFC 8508 §3", arguments: StoreFactory.all)
    func superseded(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver("draft")
            try await house.deliver("other", flags: Flags(system: .deleted))
            let before = try await house.snapshot().highestModSeq
            let placed = try await house.store.place(
                [try await addition("better", to: house.inbox, house)],
                superseding: SupersededMessages(mailbox: house.inbox, uids: set(1)))
            #expect(placed.map(\.uid.rawValue) == [3])
            let snapshot = try await house.snapshot()
            #expect(try snapshot.rowsInOrder.map(\.uid.rawValue) == [2, 3])
            #expect(snapshot.highestModSeq == placed.first?.modSeq)
            #expect(try await house.store.expunged(since: before, in: house.inbox) == set(1))
            let status = try await house.store.status(of: house.inbox)
            #expect(status.messages == 2 && status.deleted == 1)
            #expect(try await house.restarted().uids() == [2, 3])
        }
    }

    @Test("what is superseded may lie in another mailbox than what takes its place", arguments: StoreFactory.all)
    func elsewhere(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            let archive = try await house.mailbox("Archive")
            _ = try await house.store.place(
                [try await addition("sent", to: archive, house)],
                superseding: SupersededMessages(mailbox: house.inbox, uids: set(2)))
            #expect(try await house.uids() == [1])
            #expect(try await house.uids(archive) == [1])
        }
    }

    @Test("when what is to be superseded is gone nothing is placed: RFC 8508 §3.4", arguments: StoreFactory.all)
    func gone(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            let before = try await house.snapshot()
            let late = try await addition("late", to: house.inbox, house)
            await #expect(throws: StorageFault.noSuchMessage) {
                _ = try await house.store.place([late], superseding: SupersededMessages(mailbox: house.inbox, uids: set(1, 7)))
            }
            let after = try await house.snapshot()
            #expect(try after.rowsInOrder == before.rowsInOrder && after.highestModSeq == before.highestModSeq)
        }
    }

    @Test("more bodies may wait to be placed together than fit into memory's budget", arguments: StoreFactory.all)
    func many(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bytes = ByteBuffer(string: message(String(repeating: "many words ", count: 22_000)))
            let outline = outline(of: bytes)
            var additions: [Addition] = []
            for _ in 0..<290 {
                let sink = try await house.store.receive(expected: bytes.readableBytes)
                try await sink.write(bytes)
                additions.append(
                    Addition(
                        body: try await sink.finish(outline),
                        placement: Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))))
            }
            #expect(try await house.store.place(additions, superseding: nil).count == 290)
            let last = additions[289].body.id
            additions = []
            let again = try await house.restarted()
            #expect(try await again.store.read(nil, of: last, for: house.alice.id) == bytes)
            #expect(try await again.uids().count == 290)
        }
    }
}
