import MailModel
import MemoryStore
import Storage
import Synchronization
import Testing

@Suite("Rows that are not at hand")
struct ColdBlockTests {
    /// Which blocks were read, by their first UID.
    private final class Reads: Sendable {
        private let state = Mutex<[UInt32]>([])
        var all: [UInt32] { state.withLock { $0 } }
        func note(_ uid: UID) { state.withLock { $0.append(uid.rawValue) } }
    }

    private static let size = 10

    private static func row(_ uid: UInt32, seen: Bool) -> MessageRow {
        MessageRow(
            uid: UID(rawValue: uid).unsafelyKnown, flags: seen ? FlagBits(.seen) : FlagBits([]), modSeq: .zero, body: BodyID(rawValue: Int64(uid)),
            internalDate: Timestamp(rawValue: 0), size: 1)
    }

    /// 50 rows of even UIDs in five blocks, the first 25 seen.
    private static func snapshot(_ reads: Reads, fault: StorageFault? = nil, in bad: UInt32 = 0) -> MailboxSnapshot {
        var snapshot = MailboxSnapshot(mailbox: MailboxID(rawValue: 7), uidValidity: UIDValidity(rawValue: 1).unsafelyKnown)
        for start in stride(from: 0, to: 50, by: size) {
            let rows = ContiguousArray((start..<start + size).map { row(UInt32(2 * $0 + 2), seen: $0 < 25) })
            snapshot.append(
                MailboxSnapshot.Block(MailboxSnapshot.Block(rows).summary, of: snapshot.mailbox) { first, last in
                    reads.note(first)
                    if first.rawValue == bad {
                        if let fault { throw fault }
                        return ContiguousArray(rows.dropLast())
                    }
                    return rows
                })
        }
        return snapshot
    }

    private static func uid(_ number: UInt32) -> UID { UID(rawValue: number).unsafelyKnown }

    /// Everything that looks at rows, and the blocks that it needs.
    private static let looks: [(name: String, blocks: [UInt32], look: @Sendable (inout MailboxSnapshot) throws -> Void)] = [
        ("row(at:)", [42], { _ = try $0.row(at: 25) }),
        ("row(uid)", [42], { _ = try $0.row(uid(44)) }),
        ("index(of:)", [42], { _ = try $0.index(of: uid(45)) }),
        ("lowerBound", [42], { _ = try $0.lowerBound(uid(45)) }),
        ("places(of:)", [2, 82], { _ = try $0.places(of: NumberSet(3...90)) }),
        ("rows(_:)", [2, 22, 42], { _ = try $0.rows(NumberSet(3...50)) }),
        ("forEach(in:)", [22, 42], { try $0.forEach(in: 15..<21) { _, _ in true } }),
        ("forEach", [2, 22, 42, 62, 82], { try $0.forEach { _, _ in true } }),
        ("require", [62], { try $0.require(30..<40) }),
        ("firstUnseen", [42], { _ = try $0.firstUnseen }),
        ("uids", [2, 22, 42, 62, 82], { _ = try $0.uids }),
        ("update", [2, 22], { try $0.update(NumberSet(3...25)) { _ in nil } }),
        ("Block.rows", [82], { _ = try $0.blocks[4].rows }),
        ("Block.row", [82], { _ = try $0.blocks[4].row(0) }),
    ]

    @Test("nobody who looks gets \"no rows\" for rows that are not read, nor has them read where it runs", arguments: 0..<14)
    func looking(number: Int) async throws {
        let (name, blocks, look) = Self.looks[number]
        let reads = Reads()
        var snapshot = Self.snapshot(reads)
        var missing: [UInt32] = []
        #expect {
            try look(&snapshot)
        } throws: { error in
            missing = (error as? RowsNotAtHand)?.blocks.map(\.first.rawValue) ?? []
            return !missing.isEmpty
        }
        #expect(missing == blocks, "\(name) names what it lacks, at once")
        #expect(reads.all == [] && snapshot.count == 50)
        var copy = snapshot
        try await MemoryStore().withRows { try look(&copy) }
        #expect(reads.all == blocks, "and no other block is read, each once")
        #expect(snapshot.blocks.filter(\.isAtHand).map(\.first.rawValue) == blocks)
    }

    @Test("the table covers every one of them")
    func complete() { #expect(Self.looks.count == 14) }

    @Test("what needs no rows is known without them")
    func ends() throws {
        let reads = Reads()
        let snapshot = Self.snapshot(reads)
        #expect(snapshot.lastUID == Self.uid(100) && snapshot.count == 50)
        #expect(try snapshot.lowerBound(Self.uid(22)) == 10 && snapshot.lowerBound(Self.uid(101)) == 50)
        #expect(try snapshot.row(at: 50) == nil && snapshot.row(at: -1) == nil)
        #expect(try snapshot.places(of: NumberSet(21...100)) == [10..<50])
        #expect(reads.all == [])
    }

    @Test("one message of many reads one block")
    func one() async throws {
        let reads = Reads()
        let snapshot = Self.snapshot(reads)
        #expect(try await MemoryStore().withRows { try snapshot.row(Self.uid(66)) }?.uid == Self.uid(66))
        #expect(reads.all == [62])
    }

    @Test(
        "a block that cannot be read, or has other rows than were counted, is an error that names mailbox and UIDs, each time",
        arguments: [StorageFault.corrupt("a flipped bit"), .unavailable("the disk is on fire"), nil])
    func unreadable(fault: StorageFault?) async throws {
        let reads = Reads()
        let snapshot = Self.snapshot(reads, fault: fault, in: 42)
        for _ in 0..<2 {
            await #expect {
                _ = try await MemoryStore().withRows { try snapshot.rows(NumberSet(1...100)) }
            } throws: { error in
                switch error {
                case StorageFault.corrupt(let cause) where fault != .unavailable("the disk is on fire"): cause.hasPrefix("mailbox 7, rows 42 to 60")
                case StorageFault.unavailable(let cause): cause.hasPrefix("mailbox 7, rows 42 to 60")
                default: false
                }
            }
        }
        #expect(reads.all == [2, 22, 42, 42], "what could be read stays at hand")
        #expect(try await MemoryStore().withRows { try snapshot.row(Self.uid(66)) }?.uid == Self.uid(66))
    }
}
