import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@Suite("The storage contract: bodies")
struct StoreContractBodies {
    private static let chunk = 64 * 1_024

    /// A message of exactly so many octets, no two stretches of it alike.
    private func large(_ size: Int, seed: UInt64 = 1) -> ByteBuffer {
        var random = SplitMix(seed: seed)
        var bytes = ByteBuffer(string: "Subject: large\r\nContent-Type: application/octet-stream\r\n\r\n")
        bytes.reserveCapacity(size)
        while bytes.readableBytes + 8 <= size { bytes.writeInteger(random.next() & 0x7F7F_7F7F_7F7F_7F7F | 0x2020_2020_2020_2020) }
        while bytes.readableBytes < size { bytes.writeInteger(UInt8(ascii: "x")) }
        return bytes
    }

    private func place(_ bytes: ByteBuffer, _ house: House, pieces: Int = 1) async throws -> BodyID {
        let body = try await house.stage(bytes, pieces: pieces)
        _ = try await house.store.place(body, [Placement(mailbox: house.inbox, internalDate: Timestamp(rawValue: 0))])
        return body.id
    }

    @Test("a body is given back octet for octet, of every size around a chunk and a segment", arguments: StoreFactory.all)
    func sizes(_ factory: StoreFactory) async throws {
        let chunk = Self.chunk
        try await House.with(factory) { house in
            for size in [100, chunk - 1, chunk, chunk + 1, 2 * chunk, 4 * chunk - 1, 4 * chunk, 4 * chunk + 1, 10 * chunk + 17] {
                let bytes = large(size, seed: UInt64(size))
                let id = try await place(bytes, house, pieces: 7)
                #expect(try await house.store.read(nil, of: id, for: house.alice.id) == bytes, "\(size) octets")
                #expect(Int(try #require(try await house.snapshot().rowsInOrder.last).size) == size)
            }
        }
    }

    @Test("an empty body and bodies of odd octets are given back", arguments: StoreFactory.all)
    func odd(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let samples: [[UInt8]] = [[], [0], [0x0D], [0x0A], [0xFF, 0xFE, 0x00, 0x0D, 0x0A, 0x0A, 0x0D], Array(0...255)]
            for octets in samples {
                let id = try await place(ByteBuffer(bytes: octets), house)
                #expect(Array(try await house.store.read(nil, of: id, for: house.alice.id).readableBytesView) == octets)
                #expect(Array(try await house.store.read(0..<1_000, of: id, for: house.alice.id).readableBytesView) == octets)
            }
        }
    }

    @Test("a range is read across chunk borders and clamped to the body", arguments: StoreFactory.all)
    func ranges(_ factory: StoreFactory) async throws {
        let chunk = Self.chunk
        try await House.with(factory) { house in
            for size in [3 * chunk + 100, 6 * chunk + 3] {
                let bytes = large(size, seed: 9)
                let id = try await place(bytes, house, pieces: 5)
                var ranges = [0..<0, 0..<1, 0..<chunk, chunk - 1..<chunk + 1, chunk..<2 * chunk, chunk - 5..<2 * chunk + 5]
                ranges += [size - 1..<size, size..<size, size - 10..<size + 10, size + 5..<size + 9, 0..<Int.max, 3 * chunk..<size]
                var random = SplitMix(seed: 5)
                for _ in 0..<40 {
                    let low = Int.random(in: 0..<size, using: &random)
                    ranges.append(low..<Int.random(in: low...size, using: &random))
                }
                for range in ranges {
                    let clamped = range.clamped(to: 0..<size)
                    let expected = bytes.getSlice(at: clamped.lowerBound, length: clamped.count)
                    #expect(try await house.store.read(range, of: id, for: house.alice.id) == expected, "\(range) of \(size)")
                }
            }
        }
    }

    @Test("many bodies come back at once, in the order asked for, of every size", arguments: StoreFactory.all)
    func readMany(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var bodies: [(id: BodyID, bytes: ByteBuffer)] = []
            for size in [70, 4_096, 65_536, 300_000, 90, 65_537, 1, 4_000, 4_000, 140_000, 5_000] {
                var bytes = ByteBuffer(string: message("many"))
                while bytes.readableBytes < size { bytes.writeString("line \(bytes.readableBytes) of \(size)\r\n") }
                bodies.append((try await place(bytes, house), bytes))
            }
            let ids = bodies.map(\.id)
            #expect(try await house.store.read(ids, for: house.alice.id) == bodies.map(\.bytes))
            #expect(try await house.store.read(ids.reversed(), for: house.alice.id) == bodies.map(\.bytes).reversed())
            #expect(try await house.store.read([ids[4], ids[4]], for: house.alice.id) == [bodies[4].bytes, bodies[4].bytes])
            #expect(try await house.store.read([BodyID](), for: house.alice.id).isEmpty)
            let bob = try await house.addBob()
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await house.store.read(ids, for: bob.id) }
            await #expect(throws: StorageFault.noSuchMessage) {
                _ = try await house.store.read([ids[0], BodyID(rawValue: 99_999)], for: house.alice.id)
            }
        }
    }

    @Test("outlines come back as they were given, in the order asked for", arguments: StoreFactory.all)
    func outlines(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let texts = (0..<30).map { message("outline \($0)") }
            var ids: [BodyID] = []
            for text in texts { ids.append(try await place(ByteBuffer(string: text), house)) }
            let multipart = """
                From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r
                --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hallo</p>\r\n--b\r\nContent-Type: message/rfc822\r\n\r
                Subject: inner\r\n\r\nbody\r\n--b--\r\n
                """
            ids.append(try await place(ByteBuffer(string: multipart), house))
            let expected = (texts + [multipart]).map { outline(of: ByteBuffer(string: $0)) }
            #expect(try await house.store.outlines(of: ids, for: house.alice.id) == expected)
            #expect(try await house.store.outlines(of: ids.reversed(), for: house.alice.id) == expected.reversed())
            #expect(try await house.store.outlines(of: [ids[3], ids[3]], for: house.alice.id) == [expected[3], expected[3]])
            #expect(try await house.store.outlines(of: [], for: house.alice.id).isEmpty)
            await #expect(throws: StorageFault.noSuchMessage) {
                _ = try await house.store.outlines(of: [ids[0], BodyID(rawValue: 99_999)], for: house.alice.id)
            }
        }
    }

    @Test("a body is there only for accounts that hold a message with it (S9)", arguments: StoreFactory.all)
    func privacy(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let id = try await place(ByteBuffer(string: message("private")), house)
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await house.store.read(nil, of: id, for: bob.id) }
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await house.store.outlines(of: [id], for: bob.id) }
            await #expect(throws: StorageFault.noSuchMessage) {
                _ = try await house.store.read(nil, of: BodyID(rawValue: 99_999), for: bob.id)
            }
            #expect(String(buffer: try await house.store.read(nil, of: id, for: house.alice.id)) == message("private"))
        }
    }

    @Test("one holder's expunging leaves the body to the other", arguments: StoreFactory.all)
    func otherHolder(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bob = try await house.addBob()
            let his = try #require(try await house.store.mailbox(named: .inbox, of: bob.id)).id
            let body = try await house.stage(message("both"))
            let placements = [house.inbox, his].map { Placement(mailbox: $0, flags: Flags(system: [.deleted]), internalDate: Timestamp(rawValue: 0)) }
            _ = try await house.store.place(body, placements)
            _ = try await house.store.expunge(nil, in: house.inbox)
            #expect(String(buffer: try await house.store.read(nil, of: body.id, for: bob.id)) == message("both"))
            let later = try await house.restarted().store
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await later.read(nil, of: body.id, for: house.alice.id) }
            try await later.remove(account: house.alice.id)
            #expect(String(buffer: try await later.read(nil, of: body.id, for: bob.id)) == message("both"))
        }
    }

    @Test("a body that is discarded, or dropped, or never finished, is nowhere", arguments: StoreFactory.all)
    func discarded(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let sink = try await house.store.receive(expected: nil)
            try await sink.write(large(5 * Self.chunk))
            sink.discard()
            await #expect(throws: (any Error).self) { _ = try await sink.finish(outline(of: large(5 * Self.chunk))) }
            var dropped: (any BodySink)? = try await house.store.receive(expected: 10)
            try await dropped?.write(ByteBuffer(string: "half of it"))
            dropped = nil
            let staged = try await house.stage(large(6 * Self.chunk)).id
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await house.store.read(nil, of: staged, for: house.alice.id) }
            #expect(try await house.uids().isEmpty)
            #expect(try await house.deliver().uid == .first)
        }
    }

    @Test("body ids are never given twice", arguments: StoreFactory.all)
    func ids(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var seen: Set<BodyID> = []
            for number in 0..<20 {
                let body = try await house.stage(message("id \(number)"))
                #expect(seen.insert(body.id).inserted)
                guard number.isMultiple(of: 2) else { continue }
                _ = try await house.store.place(
                    body, [Placement(mailbox: house.inbox, flags: Flags(system: [.deleted]), internalDate: Timestamp(rawValue: 0))])
                _ = try await house.store.expunge(nil, in: house.inbox)
            }
        }
    }
}
