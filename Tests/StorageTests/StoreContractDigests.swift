import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@Suite("The storage contract: bodies that are no messages")
struct StoreContractDigests {
    @Test("an event is kept, copied and listed by its own digest, is not parsed, and is no message", arguments: StoreFactory.all)
    func event(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let text = ByteBuffer(string: "BEGIN:VCALENDAR\r\nSUMMARY: Subject: no header\r\nEND:VCALENDAR\r\n")
            let digest = OtherDigest(kind: try #require(OtherDigest.Kind(rawValue: 2)), version: 3, octets: Array("an event's digest".utf8))
            let sink = try await house.store.receive(expected: text.readableBytes)
            try await sink.write(text)
            let body = try await sink.finish(.other(digest))
            _ = try await house.store.place(body, [Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))])
            try await house.deliver("a message")
            let archive = try await house.mailbox("Archive")
            _ = try await house.store.copy(set(1, 2), from: house.inbox, to: archive)
            let bob = try await house.addBob()
            let bobs = try #require(try await house.store.mailbox(named: .inbox, of: bob.id)).id
            _ = try await house.store.copy(set(1, 2), from: house.inbox, to: bobs)
            let again = try await house.restarted()
            for (mailbox, account) in [(house.inbox, house.alice.id), (archive, house.alice.id), (bobs, bob.id)] {
                let rows = try await again.snapshot(mailbox).rowsInOrder
                #expect(rows[0].body == body.id && Int(rows[0].size) == text.readableBytes)
                #expect(try await again.store.read(nil, of: body.id, for: account) == text)
                let letter = outline(of: ByteBuffer(string: message("a message")))
                let digests = try await again.store.digests(of: rows.map(\.body).reversed(), for: account)
                #expect(digests == [.message(letter), .other(digest)])
                await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.outlines(of: [body.id], for: account) }
                await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.encodedOutlines(of: rows.map(\.body), for: account) }
            }
            #expect(try await again.store.particulars(of: set(1, 2), in: house.inbox).map(\.thread.rawValue).first == body.id.rawValue)
        }
    }

    @Test("what is no message has no head", arguments: StoreFactory.all)
    func noHead(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let sink = try await house.store.receive(expected: 1)
            try await sink.write(ByteBuffer(string: "x"))
            let body = try await sink.finish(.other(OtherDigest(kind: try #require(OtherDigest.Kind(rawValue: 1)), version: 1, octets: [])))
            var placement = Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))
            placement.head = .init(Array("Received: x\r\n".utf8))
            await #expect(throws: StorageFault.self) { _ = try await house.store.place(body, [placement]) }
        }
    }
}
