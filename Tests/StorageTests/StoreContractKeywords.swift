import MailModel
import Storage
import Testing

@Suite("The storage contract: many keywords")
struct StoreContractKeywords {
    private func names(_ numbers: Range<Int>) -> [Keyword] { numbers.compactMap { Keyword("k\($0)") } }
    private func flags(_ numbers: Range<Int>) -> Flags { Flags(keywords: names(numbers)) }
    private func spelt(_ numbers: Range<Int>) -> Set<String> { Set(names(numbers).map(\.spelling)) }

    private func change(_ change: FlagChange, _ uids: NumberSet, _ house: House) async throws -> FlagsChanged {
        try await house.store.change(flags: change, of: uids, in: house.inbox, unchangedSince: nil)
    }

    @Test("keywords beyond the first 59 are added, removed and replaced as the others are, on few messages and on many", arguments: StoreFactory.all)
    func wide(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 30)
            let handle = try await house.store.open(house.inbox)
            let plain = handle.snapshot
            _ = try await change(.add(flags(0..<59)), set(1), house)
            _ = try await change(.add(flags(59..<62)), set(2, 3), house)
            let few = handle.snapshot
            let many = try await change(.add(Flags(system: .seen, keywords: names(60..<200))), NumberSet(3...30), house)
            #expect(many.stored == NumberSet(3...30) && many.modSeq != nil)
            #expect(try await house.flags(2) == spelt(59..<62))
            #expect(try await house.flags(3) == spelt(59..<200).union(["\\Seen"]))
            // What is there already changes nothing, and has no ModSeq.
            #expect(try await change(.add(flags(100..<110)), NumberSet(3...30), house).modSeq == nil)
            let removed = try await change(.remove(flags(59..<61)), NumberSet(1...30), house)
            #expect(try await house.flags(2) == ["k61"])
            #expect(try await house.flags(3) == spelt(61..<200).union(["\\Seen"]))
            #expect(try handle.snapshot.row(try #require(UID(rawValue: 1)))?.modSeq != removed.modSeq, "of the first message none was removed")
            _ = try await change(.replace(flags(7..<9)), NumberSet(10...30), house)
            #expect(try await house.flags(10) == ["k7", "k8"])
            _ = try await change(.replaceWithin([.others], flags(150..<152)), set(10, 3), house)
            #expect(try await house.flags(10) == ["k150", "k151"])
            #expect(try await house.flags(3) == ["k150", "k151", "\\Seen"])
            _ = try await change(.replaceWithin([.seen], flags(150..<160)), set(3), house)
            #expect(try await house.flags(3) == ["k150", "k151"])
            // Versions of before are what they were.
            #expect(try plain.rowsInOrder.allSatisfy { try plain.names(of: $0).isEmpty && !$0.hasFurther })
            #expect(try few.rowsInOrder.prefix(4).map { try few.names(of: $0) } == [spelt(0..<59), spelt(59..<62), spelt(59..<62), []])
            let again = try await house.restarted()
            #expect(try await again.flags(3) == ["k150", "k151"])
            #expect(try await again.flags(1) == spelt(0..<59))
            #expect(try await again.flags(11) == ["k7", "k8"])
        }
    }

    @Test("UNCHANGEDSINCE sees a change of a further keyword: RFC 7162 §3.1.3", arguments: StoreFactory.all)
    func unchangedSince(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 3)
            _ = try await change(.add(flags(0..<70)), set(1), house)
            let mark = try await house.snapshot().highestModSeq
            _ = try await change(.add(flags(69..<70)), set(2), house)
            let answer = try await house.store.change(flags: .add(flags(65..<66)), of: set(2, 3), in: house.inbox, unchangedSince: mark)
            #expect(answer.stored == set(3) && answer.refused == set(2))
            #expect(try await house.flags(2) == ["k69"])
            #expect(try await house.flags(3) == ["k65"])
        }
    }

    @Test("arrivals, copies and moves bring further keywords along by name, and go with them", arguments: StoreFactory.all)
    func travel(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let work = try await house.mailbox("Work")
            try await house.deliver(flags: flags(0..<80))
            try await house.deliver(flags: flags(79..<81))
            try await house.deliver(flags: flags(5..<6))
            try await house.deliver(to: work, flags: flags(70..<75))
            _ = try await house.store.copy(set(1, 2, 3), from: house.inbox, to: work)
            #expect(try await house.flags(2, in: work) == spelt(0..<80))
            #expect(try await house.flags(3, in: work) == spelt(79..<81))
            #expect(try await house.flags(4, in: work) == ["k5"])
            #expect(try await house.flags(1, in: work) == spelt(70..<75))
            _ = try await house.store.move(set(1, 3), from: work, to: house.inbox)
            #expect(try await house.flags(4) == spelt(70..<75))
            #expect(try await house.flags(5) == spelt(79..<81))
            _ = try await house.store.copy(set(1), from: house.inbox, to: work, flags: [.seen])
            #expect(try await house.flags(5, in: work) == [])
            _ = try await house.store.remove(set(1, 4), from: house.inbox)
            #expect(try await house.uids() == [2, 3, 5])
            #expect(try await house.flags(2) == spelt(79..<81))
            #expect(try await house.flags(5) == spelt(79..<81))
            let again = try await house.restarted()
            #expect(try await again.flags(2, in: work) == spelt(0..<80))
            #expect(try await again.flags(5) == spelt(79..<81))
            try await again.store.delete(mailbox: work)
        }
    }

    @Test("a thousand keywords have room; where none is left a keyword that no message has makes way", arguments: StoreFactory.all)
    func thousand(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(count: 2)
            let all = KeywordTable.capacity
            _ = try await change(.add(flags(0..<all)), set(1), house)
            #expect(try await house.flags(1).count == all)
            #expect(try await !house.snapshot().hasRoomForKeyword)
            await #expect(throws: StorageFault.tooManyKeywords) { _ = try await change(.add(flags(all..<all + 1)), set(2), house) }
            _ = try await change(.remove(flags(40..<1_000)), set(1), house)
            #expect(try await house.snapshot().hasRoomForKeyword)
            for round in 1...5 {
                let fresh = round * 2_000..<round * 2_000 + 900
                _ = try await change(.replace(flags(fresh)), set(2), house)
                #expect(try await house.flags(2) == spelt(fresh))
                #expect(try await house.flags(1) == spelt(0..<40).union(spelt(1_000..<all)))
                _ = try await change(.replace(Flags()), set(2), house)
            }
            let again = try await house.restarted()
            #expect(try await again.flags(1) == spelt(0..<40).union(spelt(1_000..<all)))
            #expect(try await again.flags(2) == [])
        }
    }

    @Test("of 59 keywords that come and go none is ever among the further ones", arguments: StoreFactory.all)
    func reuse(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.deliver(flags: flags(0..<1))
            try await house.deliver()
            let handle = try await house.store.open(house.inbox)
            for round in 1...20 {
                _ = try await change(.replace(flags(round * 100..<round * 100 + 29)), set(2), house)
                #expect(try await house.flags(2) == spelt(round * 100..<round * 100 + 29))
                #expect(try await house.flags(1) == ["k0"])
            }
            #expect(!handle.snapshot.keywords.hasFurther && handle.snapshot.keywords.keywords.count <= 59)
        }
    }
}
