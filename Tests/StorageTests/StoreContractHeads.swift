import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@Suite("The storage contract: heads")
struct StoreContractHeads {
    fileprivate static func head(_ name: String) throws -> MessageHead {
        try #require(MessageHead(Array("Return-Path: <ann@remote.example>\r\nDelivered-To: \(name)@example.org\r\n".utf8)))
    }

    fileprivate static func placement(_ mailbox: MailboxID, _ head: MessageHead?) -> Placement {
        var placement = Placement(mailbox: mailbox, internalDate: Timestamp(rawValue: 7))
        placement.head = head
        return placement
    }

    fileprivate struct Two {
        let house: House
        let bob: AccountRecord
        let bobs: MailboxID
        let hers: MessageHead
        let his: MessageHead

        init(_ house: House) async throws {
            self.house = house
            bob = try await house.addBob()
            bobs = try #require(try await house.store.mailbox(named: .inbox, of: bob.id)).id
            (hers, his) = (try StoreContractHeads.head("alice"), try StoreContractHeads.head("bob"))
        }

        /// One body, which stands behind another head in each of the two INBOXes.
        func deliver(_ text: ByteBuffer) async throws {
            let placements = [StoreContractHeads.placement(house.inbox, hers), StoreContractHeads.placement(bobs, his)]
            _ = try await house.store.place(try await house.stage(text), placements)
        }

        /// That a message shows those octets in every way in which it can be read.
        func expect(_ octets: [UInt8], _ uid: UInt32, in mailbox: MailboxID, of account: AccountID) async throws {
            let uid = try #require(UID(rawValue: uid))
            let row = try #require(try await house.snapshot(mailbox).row(uid))
            let (store, body) = (house.store, row.body)
            let whole = ByteBuffer(bytes: octets)
            #expect(Int(row.size) == octets.count)
            #expect(try await store.read(nil, of: body, for: account) == whole)
            #expect(try await store.read([body], for: account) == [whole])
            #expect(try await store.outlines(of: [body], for: account) == [outline(of: whole)])
            #expect(try await store.digests(of: [body], for: account) == [.message(outline(of: whole))])
            for _ in 0..<2 {
                let encoded = try #require(try await store.encodedOutlines(of: [body], for: account).first)
                #expect(try encoded.decoded() == outline(of: whole))
            }
            let size = octets.count
            for range in [0..<0, 0..<1, 5..<40, 0..<65, 60..<90, size - 3..<size, 70..<size, size - 1..<size + 9, size..<size + 9, size + 1..<size + 2] {
                let clamped = range.clamped(to: 0..<size)
                #expect(Array(buffer: try await store.read(range, of: body, for: account)) == Array(octets[clamped]), "\(range)")
            }
        }
    }

    @Test(
        "a body is one, and each account reads its own head and the text as one message, after a restart too", arguments: StoreFactory.all,
        [1, 200_000, 700_000])
    func read(_ factory: StoreFactory, _ lines: Int) async throws {
        try await House.with(factory) { house in
            let two = try await Two(house)
            let text = ByteBuffer(string: "Subject: shared\r\nMessage-ID: <1@a>\r\n\r\n" + String(repeating: "z", count: lines) + "\r\n")
            try await two.deliver(text)
            try await house.deliver("without a head")
            let again = Two(two, try await house.restarted())
            try await again.expect(two.hers.octets + Array(buffer: text), 1, in: house.inbox, of: house.alice.id)
            try await again.expect(two.his.octets + Array(buffer: text), 1, in: two.bobs, of: two.bob.id)
            #expect(try await again.house.text(2) == message("without a head"))
            let bodies = try await [again.house.snapshot().row(at: 0)?.body, again.house.snapshot(two.bobs).row(at: 0)?.body]
            #expect(bodies[0] == bodies[1])
            let status = try await again.house.store.status(of: house.inbox)
            #expect(status.size == Int64(two.hers.octets.count + text.readableBytes + message("without a head").utf8.count))
        }
    }

    @Test("an empty text behind a head is the head", arguments: StoreFactory.all)
    func empty(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let two = try await Two(house)
            try await two.deliver(ByteBuffer())
            let octets = two.hers.octets
            let body = try #require(try await house.snapshot().row(at: 0)).body
            #expect(Array(buffer: try await house.store.read(nil, of: body, for: house.alice.id)) == octets)
            #expect(Array(buffer: try await house.store.read(0..<9, of: body, for: house.alice.id)) == Array(octets[..<9]))
        }
    }

    @Test("a copy takes its head along, to another account too", arguments: StoreFactory.all)
    func copied(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let two = try await Two(house)
            let text = ByteBuffer(string: message("hers alone"))
            _ = try await house.store.place(try await house.stage(text), [Self.placement(house.inbox, two.hers)])
            let archive = try await house.mailbox("Archive")
            _ = try await house.store.copy(set(1), from: house.inbox, to: archive)
            _ = try await house.store.copy(set(1), from: house.inbox, to: two.bobs)
            let octets = two.hers.octets + Array(buffer: text)
            let again = Two(two, try await house.restarted())
            try await again.expect(octets, 1, in: archive, of: house.alice.id)
            try await again.expect(octets, 1, in: two.bobs, of: two.bob.id)
            let bodies = try await [house.inbox, archive, two.bobs].asyncMap { try await again.house.snapshot($0).row(at: 0)?.body }
            #expect(Set(bodies).count == 1)
        }
    }

    @Test(
        "a copy into an account that has the body behind another head shows what its source shows, with a body of its own; and the other stays as it was",
        arguments: StoreFactory.all, [false, true])
    func otherHead(_ factory: StoreFactory, _ isMove: Bool) async throws {
        try await House.with(factory) { house in
            let two = try await Two(house)
            for lines in [3, 300_000] {
                let text = ByteBuffer(string: "Subject: both\r\n\r\n" + String(repeating: "z", count: lines) + "\r\n")
                try await two.deliver(text)
            }
            let small = Array(buffer: try await house.store.read(nil, of: try #require(try await house.snapshot().row(at: 0)).body, for: house.alice.id))
            let large = Array(buffer: try await house.store.read(nil, of: try #require(try await house.snapshot().row(at: 1)).body, for: house.alice.id))
            let his = Array(buffer: try await house.store.read(nil, of: try #require(try await house.snapshot(two.bobs).row(at: 0)).body, for: two.bob.id))
            // The same message twice among them: its new body is one.
            if isMove {
                let copied = try await house.store.move(set(1, 2), from: house.inbox, to: two.bobs)
                #expect(copied.target.map(\.rawValue) == [3, 4])
                #expect(try await house.uids() == [])
            } else {
                let archive = try await house.mailbox("Archive")
                _ = try await house.store.copy(set(1), from: house.inbox, to: archive)
                _ = try await house.store.copy(set(1), from: house.inbox, to: archive)
                _ = try await house.store.copy(set(1, 2), from: house.inbox, to: two.bobs)
                _ = try await house.store.copy(set(1, 2), from: archive, to: two.bobs)
            }
            let again = Two(two, try await house.restarted())
            try await again.expect(his, 1, in: two.bobs, of: two.bob.id)
            try await again.expect(small, 3, in: two.bobs, of: two.bob.id)
            try await again.expect(large, 4, in: two.bobs, of: two.bob.id)
            let rows = try await again.house.snapshot(two.bobs).rowsInOrder
            #expect(rows[0].body != rows[2].body && rows[1].body != rows[3].body)
            if !isMove {
                try await again.expect(small, 5, in: two.bobs, of: two.bob.id)
                #expect(rows[4].body == rows[5].body && rows[4].body != rows[0].body)
            }
            let usage = try again.house.store.usage(of: two.bob.id)
            #expect(usage[.storage] == rows.reduce(0) { $0 + Int64($1.size) })
        }
    }

    @Test("one who let a body go and gets it again by a copy sees the copy's head", arguments: StoreFactory.all)
    func onceHeld(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let two = try await Two(house)
            let text = ByteBuffer(string: message("both"))
            try await two.deliver(text)
            _ = try await house.store.outlines(of: [try #require(try await house.snapshot(two.bobs).row(at: 0)).body], for: two.bob.id)
            _ = try await house.store.remove(set(1), from: two.bobs)
            let between = try await house.restarted()
            _ = try await between.store.copy(set(1), from: house.inbox, to: two.bobs)
            try await Two(two, between).expect(two.hers.octets + Array(buffer: text), 2, in: two.bobs, of: two.bob.id)
        }
    }

    @Test("placements of one account have one head, or nothing is placed", arguments: StoreFactory.all)
    func oneHead(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let archive = try await house.mailbox("Archive")
            let body = try await house.stage(message("two heads"))
            let placements = [Self.placement(house.inbox, try Self.head("a")), Self.placement(archive, try Self.head("b"))]
            await #expect(throws: StorageFault.self) { _ = try await house.store.place(body, placements) }
            #expect(try await house.uids() == [])
        }
    }

    @Test("a quota counts heads", arguments: StoreFactory.all)
    func quota(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let (text, head) = (message("counted"), try Self.head("alice"))
            try await house.store.set(limits: Quota(storage: Int64(text.utf8.count + head.octets.count) - 1), of: house.alice.id)
            let body = try await house.stage(text)
            await #expect(throws: StorageFault.overQuota) { _ = try await house.store.place(body, [Self.placement(house.inbox, head)]) }
            try await house.store.set(limits: Quota(storage: Int64(text.utf8.count + head.octets.count)), of: house.alice.id)
            _ = try await house.store.place(try await house.stage(text), [Self.placement(house.inbox, head)])
        }
    }
}

extension StoreContractHeads.Two {
    fileprivate init(_ other: StoreContractHeads.Two, _ house: House) {
        self.house = house
        (bob, bobs, hers, his) = (other.bob, other.bobs, other.hers, other.his)
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
