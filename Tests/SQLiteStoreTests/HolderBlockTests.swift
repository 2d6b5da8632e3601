import Glibc
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("With each body lies who holds it")
struct HolderBlockTests {
    private func block(_ holders: Int, of body: Int64 = 7) -> HolderBlock {
        HolderBlock(
            body: BodyID(rawValue: body), arrived: Fixture.now,
            holders: (0..<holders).map {
                HolderBlock.Holder(account: AccountID(rawValue: Int64($0) + 1), wrappedKey: RandomOctets.draw(HolderBlock.wrappedKey))
            })
    }

    @Test("a block is read back as it was written, and not at all with any one octet changed or missing", arguments: [0, 1, 3])
    func roundTrip(holders: Int) {
        let block = block(holders)
        var out = ByteBuffer()
        block.write(to: &out)
        #expect(out.readableBytes == block.octets)
        #expect(HolderBlock(out) == block)
        for index in 0..<out.readableBytes {
            var changed = out
            changed.setInteger(out.getInteger(at: index, as: UInt8.self).map { $0 ^ 0x10 } ?? 0, at: index)
            #expect(HolderBlock(changed) == nil, "octet \(index)")
            #expect(HolderBlock(out.getSlice(at: 0, length: index) ?? ByteBuffer()) == nil)
        }
    }

    @Test("headers of both versions are told apart, and neither is taken for the other")
    func headers() throws {
        for version in [RecordHeader.Version.bare, .withHolders] {
            var out = ByteBuffer()
            RecordHeader(body: BodyID(rawValue: 3), size: 10, length: 26, version: version).write(to: &out)
            #expect(out.readableBytes == RecordHeader.octets)
            #expect(RecordHeader(out)?.version == version)
            let other: RecordHeader.Version = version == .bare ? .withHolders : .bare
            out.setInteger(other.rawValue, at: 0)
            #expect(RecordHeader(out) == nil)
        }
    }

    @Test("a walk finds every record around what is damaged, and old records too")
    func scan() throws {
        let fixture = try Fixture()
        let path = fixture.folder + "/walk"
        var bytes = ByteBuffer()
        let chunks = ByteBuffer(repeating: 0x4D, count: BodySeal.sealedSize(of: 100))
        for id in 1...4 as ClosedRange<Int64> {
            let record = BodyRecord(block(1, of: id), size: 100, chunks: chunks)
            for piece in [record.header, record.chunks, record.holders] { bytes.writeImmutableBuffer(piece) }
        }
        block(2, of: 3).write(to: &bytes)
        RecordHeader(body: BodyID(rawValue: 5), size: 100, length: Int64(chunks.readableBytes), version: .bare).write(to: &bytes)
        bytes.writeImmutableBuffer(chunks)
        bytes.writeRepeatingByte(0, count: 10_000)
        RecordHeader(body: BodyID(rawValue: 6), size: 1 << 20, length: 1 << 21).write(to: &bytes)
        // The second record's header, and the third's holders.
        let length = RecordHeader.octets + chunks.readableBytes + HolderBlock.octets(holders: 1)
        for index in [length + 5, 3 * length - 20] {
            bytes.setInteger(~(try #require(bytes.getInteger(at: index, as: UInt8.self))), at: index)
        }
        let fd = try Disk.open(path, O_RDWR | O_CREAT)
        defer { close(fd) }
        try bytes.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: 0, path: path) }
        var scan = RecordScan(fd: fd, path: path)
        var found: [String] = []
        while let next = try scan.next() {
            switch next.content {
            case .body(let header, let block): found.append("\(header.body.rawValue):\(block?.holders.count ?? -1)@\(next.position)")
            case .holders(let block): found.append("\(block.body.rawValue)+\(block.holders.count)")
            }
        }
        // The second's block stands by itself.
        #expect(found == ["1:1@0", "2+1", "3:-1@\(2 * length)", "4:1@\(3 * length)", "3+2", "5:-1@\(4 * length + HolderBlock.octets(holders: 2))"])
        #expect(scan.strange > 0)
    }

    @Test("a record carries what the index says of its holders, small and large", arguments: [1_000, 600_000])
    func written(size: Int) async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$test")
        let bobs = try #require(try await store.mailbox(named: .inbox, of: bob.id)).id
        let body = try await Fixture.stage(Fixture.message(1, size: size), in: store)
        let placements = [inbox, bobs, inbox].map { Placement(mailbox: $0, internalDate: Fixture.now) }
        _ = try await store.place(body, placements)
        let expected = try await store.readers.run { try $0.holders(of: body.id) }
        #expect(expected.map(\.account) == [alice, bob.id])
        await store.close()
        let path = try #require(fixture.files(in: size > 100_000 ? "large" : "segments").first)
        #expect(try fixture.records(path) == [.body(body.id, HolderBlock(body: body.id, arrived: Fixture.now, holders: expected))])
    }

    @Test("who gets a copy later is written into a segment before the commit; compaction writes all holders with the body, and carries the others along")
    func compaction() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$test")
        let bobs = try #require(try await store.mailbox(named: .inbox, of: bob.id)).id
        let large = try await Fixture.stage(Fixture.message(9, size: 600_000), in: store)
        _ = try await store.place(large, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        let small = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await store.place(small, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        for number in 2...6 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox, flags: Flags(system: .deleted)) }
        _ = try await store.copy(NumberSet(1...2), from: inbox, to: bobs)
        _ = try await store.expunge(nil, in: inbox)
        while try await store.check().bodies > 2 { try await store.settle() }
        await store.close()
        let before = try #require(fixture.files(in: "segments").first)
        #expect(try fixture.records(before).suffix(2).map(\.body) == [large.id, small.id])
        store = try fixture.open()
        #expect(try await store.compact(all: true).segments == 1)
        let holders = try await store.readers.run { reader in try [large.id, small.id].map { try reader.holders(of: $0) } }
        #expect(holders.map { $0.map(\.account) } == [[alice, bob.id], [alice, bob.id]])
        #expect(try await store.check().faults == [])
        await store.close()
        let after = try #require(fixture.files(in: "segments").first)
        #expect(after != before)
        let found = try fixture.records(after)
        #expect(found.first == .body(small.id, HolderBlock(body: small.id, arrived: Fixture.now, holders: holders[1])))
        #expect(found.contains(.holders(HolderBlock(body: large.id, arrived: Fixture.now, holders: [holders[0][1]]))))
    }
}

/// What a walk over a file found.
enum FoundRecord: Hashable {
    case body(BodyID, HolderBlock?)
    case holders(HolderBlock)

    var body: BodyID {
        switch self {
        case .body(let id, _): id
        case .holders(let block): block.body
        }
    }
}

extension Fixture {
    func records(_ path: String) throws -> [FoundRecord] {
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        var scan = RecordScan(fd: fd, path: path)
        var found: [FoundRecord] = []
        while let next = try scan.next() {
            switch next.content {
            case .body(let header, let block): found.append(.body(header.body, block))
            case .holders(let block): found.append(.holders(block))
            }
        }
        return found
    }

    /// All octets of a file of the folder, by its name in it.
    func octets(of name: String) throws -> [UInt8] {
        let path = folder + "/" + name
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        return Array(buffer: try Disk.read(Int(Disk.size(of: fd)), from: fd, at: 0, path: path))
    }

    /// Every file in the folder, by its name in it.
    func everyFile(_ sub: String = "") -> [String] {
        Disk.names(in: folder + "/" + sub).flatMap { name -> [String] in
            var facts = stat()
            guard lstat(folder + "/" + sub + name, &facts) == 0 else { return [] }
            return facts.st_mode & S_IFMT == S_IFDIR ? everyFile(sub + name + "/") : [sub + name]
        }.sorted()
    }
}
