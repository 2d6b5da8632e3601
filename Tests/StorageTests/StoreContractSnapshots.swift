import MailModel
import Storage
import Synchronization
import Testing

@Suite("The storage contract: snapshots and watching")
struct StoreContractSnapshots {
    private static let deleted = Flags(system: [.deleted])

    @Test("a snapshot does not change, whatever happens to the mailbox", arguments: StoreFactory.all)
    func immutable(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            let handle = try await house.store.open(house.inbox)
            let old = handle.snapshot
            let rows = try old.rowsInOrder
            _ = try await house.store.change(flags: .add(Flags(system: [.seen])), of: set(1), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.move(set(2), from: house.inbox, to: try await house.mailbox("Trash"))
            try await house.deliver()
            #expect(try old.rowsInOrder == rows && old.count == 3 && old.uidNext.rawValue == 4)
            #expect(try handle.snapshot.uids == set(1, 3, 4))
        }
    }

    @Test("every snapshot taken after a call returned shows what it did, on every handle", arguments: StoreFactory.all)
    func fresh(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let first = try await house.store.open(house.inbox)
            let second = try await house.store.open(house.inbox)
            for number: UInt32 in 1...20 {
                let placed = try await house.deliver()
                for handle in [first, second] {
                    #expect(try handle.snapshot.row(placed.uid)?.modSeq == placed.modSeq && handle.snapshot.count == Int(number))
                }
            }
        }
    }

    @Test("bodies of a held snapshot stay readable after their messages are expunged", arguments: StoreFactory.all)
    func lease(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            let handle = try await house.store.open(house.inbox)
            var held: MailboxSnapshot? = handle.snapshot
            let bodies = try #require(held).rowsInOrder.map(\.body)
            _ = try await house.store.change(flags: .add(Self.deleted), of: set(1), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: house.inbox)
            let later = handle.snapshot
            _ = try await house.store.change(flags: .add(Self.deleted), of: set(2), in: house.inbox, unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: house.inbox)
            for (index, body) in bodies.enumerated() {
                #expect(String(buffer: try await house.store.read(nil, of: body, for: house.alice.id)) == message("message \(index)"))
            }
            _ = try await house.store.outlines(of: bodies, for: house.alice.id)
            #expect(held?.count == 3)
            held = nil
            // The later snapshot still shows the second message, but not the first.
            #expect(String(buffer: try await house.store.read(nil, of: bodies[1], for: house.alice.id)) == message("message 1"))
            #expect(later.count == 2)
        }
    }

    @Test("bodies of a held snapshot stay readable after the mailbox is deleted", arguments: StoreFactory.all)
    func leaseOfDeleted(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("work")
            try await house.deliver("kept", to: work)
            let handle = try await house.store.open(work)
            let held = handle.snapshot
            try await house.store.delete(mailbox: work)
            let body = try #require(try held.row(at: 0)).body
            #expect(String(buffer: try await house.store.read(nil, of: body, for: house.alice.id)) == message("kept"))
            #expect(handle.snapshot.isDeleted)
        }
    }

    @Test("a body without message or snapshot is gone", arguments: StoreFactory.all)
    func released(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver()
            var held: MailboxSnapshot? = try await house.snapshot()
            let body = try #require(try held?.row(at: 0)).body
            _ = try await house.store.move(set(1), from: house.inbox, to: try await house.mailbox("Trash"))
            _ = try await house.store.change(flags: .add(Self.deleted), of: set(1), in: try await house.mailbox("Trash"), unchangedSince: nil)
            _ = try await house.store.expunge(nil, in: try await house.mailbox("Trash"))
            #expect(held?.count == 1)
            _ = try await house.store.read(nil, of: body, for: house.alice.id)
            held = nil
            let later = try await house.restarted().store
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await later.read(nil, of: body, for: house.alice.id) }
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await later.outlines(of: [body], for: house.alice.id) }
        }
    }

    /// Counts pokes.
    private final class Bell: Sendable {
        private let rings = Mutex(0)
        var count: Int { rings.withLock { $0 } }
        var ring: @Sendable () -> Void { { [self] in rings.withLock { $0 += 1 } } }
    }

    @Test("a watch is poked by every change of its mailbox, by none of another, and by none once released", arguments: StoreFactory.all)
    func watch(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bell = Bell()
            let trashBell = Bell()
            let trash = try await house.mailbox("Trash")
            let handle = try await house.store.open(house.inbox)
            let trashHandle = try await house.store.open(trash)
            var watch: (any AnyObject & Sendable)? = handle.watch(bell.ring)
            let trashWatch = trashHandle.watch(trashBell.ring)
            #expect(watch != nil && bell.count == 0)
            var last = 0
            func expectPoke(_ what: Comment, _ change: () async throws -> Void) async throws {
                try await change()
                #expect(bell.count > last, what)
                last = bell.count
            }
            try await expectPoke("place") { try await house.deliver(count: 1) }
            try await expectPoke("flags") {
                _ = try await house.store.change(flags: .add(Self.deleted), of: set(1), in: house.inbox, unchangedSince: nil)
            }
            #expect(trashBell.count == 0)
            try await expectPoke("expunge") { _ = try await house.store.expunge(nil, in: house.inbox) }
            try await expectPoke("copy") {
                try await house.deliver(to: trash)
                _ = try await house.store.copy(set(1), from: trash, to: house.inbox)
            }
            let before = trashBell.count
            try await expectPoke("move") { _ = try await house.store.move(set(2), from: house.inbox, to: trash) }
            #expect(trashBell.count > before)
            _ = try await house.store.expunge(nil, in: house.inbox)
            #expect(bell.count == last)
            watch = nil
            try await house.deliver()
            #expect(bell.count == last)
            withExtendedLifetime(trashWatch) {}
        }
    }

    @Test("a watch is poked when the mailbox is deleted", arguments: StoreFactory.all)
    func watchDeleted(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let bell = Bell()
            let work = try await house.mailbox("work")
            let handle = try await house.store.open(work)
            let watch = handle.watch(bell.ring)
            try await house.store.delete(mailbox: work)
            #expect(bell.count == 1)
            withExtendedLifetime(watch) {}
        }
    }

    @Test("when a watch is poked the snapshot already shows the change", arguments: StoreFactory.all)
    func pokeAfterCommit(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let handle = try await house.store.open(house.inbox)
            let counts = Mutex<[Int]>([])
            let seen: @Sendable () -> Void = { [weak handle] in
                guard let handle else { return }
                let count = handle.snapshot.count
                counts.withLock { $0.append(count) }
            }
            let watch = handle.watch(seen)
            try await house.deliver(count: 5)
            #expect(counts.withLock { $0 } == [1, 2, 3, 4, 5])
            withExtendedLifetime(watch) {}
        }
    }

    @Test("a message is recent to one session only: RFC 3501 §2.3.2", arguments: StoreFactory.all)
    func recent(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            let first = try await house.store.open(house.inbox)
            let second = try await house.store.open(house.inbox)
            #expect(try await house.store.status(of: house.inbox).recentFloor == 0)
            #expect(first.claimRecent() == 0)
            #expect(second.claimRecent() == 3)
            #expect(try await house.store.status(of: house.inbox).recentFloor == 3)
            try await house.deliver()
            #expect(second.claimRecent() == 3)
            #expect(first.claimRecent() == 4)
        }
    }

    @Test("a mailbox of several blocks is searched, cut and joined rightly")
    func blocks() throws {
        let most = MailboxSnapshot.Block.most
        var snapshot = MailboxSnapshot(mailbox: MailboxID(rawValue: 1), uidValidity: UIDValidity(rawValue: 1).unsafelyKnown)
        func row(_ uid: Int) -> MessageRow {
            MessageRow(
                uid: UID(rawValue: UInt32(uid)).unsafelyKnown, flags: FlagBits([]), modSeq: .zero, body: BodyID(rawValue: Int64(uid)),
                internalDate: Timestamp(rawValue: 0), size: 1)
        }
        var expected: [Int] = []
        for uid in 1...(3 * most + 7) {
            snapshot.append(CollectionOfOne(row(2 * uid)))
            expected.append(2 * uid)
        }
        let shared = snapshot
        let gone = NumberSet([UInt32(10)...12, UInt32(2 * most)...UInt32(4 * most + 6)])
        try snapshot.update(gone) { _ in nil }
        expected.removeAll { gone.contains(UInt32($0)) }
        #expect(try snapshot.rowsInOrder.map { Int($0.uid.rawValue) } == expected && snapshot.count == expected.count)
        for (index, uid) in expected.enumerated() {
            #expect(try snapshot.row(at: index)?.uid.rawValue == UInt32(uid))
            #expect(try snapshot.index(of: UID(rawValue: UInt32(uid)).unsafelyKnown) == index)
            #expect(try snapshot.index(of: UID(rawValue: UInt32(uid + 1)).unsafelyKnown) == nil)
        }
        #expect(try snapshot.row(at: expected.count) == nil && snapshot.row(at: -1) == nil)
        #expect(shared.count == 3 * most + 7 && shared.blocks.last === snapshot.blocks.last)
        #expect(try snapshot.rows(NumberSet(1...UInt32.max)).map(\.index) == Array(0..<expected.count))
    }
}
