import MailModel
import Storage
import Testing

@Suite("The storage contract: random changes against a naive model")
struct StoreContractModel {
    @Test("300 random changes leave what the model holds", arguments: StoreFactory.all, [1, 2, 3, 4] as [UInt64])
    func random(_ factory: StoreFactory, seed: UInt64) async throws {
        try await House.with(factory) { house in
            var walk = try await RandomWalk(house, seed: seed)
            for step in 0..<300 {
                try await walk.step()
                if step % 10 == 9 { try await walk.compare("seed \(seed), step \(step)") }
            }
            try await walk.compareBodies()
            walk.house = try await house.restarted()
            try await walk.compare("seed \(seed), after a restart")
            try await walk.compareBodies()
            for _ in 0..<20 { try await walk.step() }
            try await walk.compare("seed \(seed), some steps after a restart")
        }
    }
}

private struct RandomWalk {
    var house: House
    var random: SplitMix
    var model = StoreModel()
    var serial = 0
    /// Highest seen before each mark, to ask the log from.
    var marks: [ModSeq] = [.zero]

    init(_ house: House, seed: UInt64) async throws {
        self.house = house
        random = SplitMix(seed: seed)
        for name in ["INBOX", "Trash", "a", "a/b"] {
            let id = try await house.mailbox(name)
            model.boxes[id] = StoreModel.Box(name: name)
        }
    }

    mutating func step() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<35: try await place()
        case ..<65: try await change()
        case ..<73: try await expunge()
        case ..<83: try await transfer(moving: false)
        case ..<93: try await transfer(moving: true)
        case ..<96: try await create()
        case ..<98: try await delete()
        default: try await rename()
        }
    }

    private mutating func box() -> MailboxID {
        model.boxes.keys.sorted().randomElement(using: &random) ?? house.inbox
    }

    private mutating func flags() -> Set<String> {
        Set(StoreModel.names.filter { _ in Bool.random(using: &random) && Bool.random(using: &random) })
    }

    /// Some UIDs of the mailbox, and some that nobody has.
    private mutating func uids(of id: MailboxID) -> NumberSet {
        let top = model.boxes[id]?.nextUID ?? 1
        var ranges: [ClosedRange<UInt32>] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let low = UInt32.random(in: 1...top, using: &random)
            ranges.append(low...UInt32.random(in: low...top + 2, using: &random))
        }
        return NumberSet(ranges)
    }

    private mutating func noteChange(_ modSeq: ModSeq?) throws -> ModSeq {
        let modSeq = try #require(modSeq)
        #expect(modSeq > model.modSeqs.last ?? .zero, "a ModSeq is given to one change, and rises")
        model.modSeqs.append(modSeq)
        if Int.random(in: 0..<20, using: &random) == 0 { marks.append(modSeq) }
        return modSeq
    }

    private mutating func place() async throws {
        let targets = (0..<Int.random(in: 1...3, using: &random)).map { _ in box() }
        let flags = targets.map { _ in self.flags() }
        serial += 1
        let text = message("walk \(serial)")
        let placements = zip(targets, flags).map {
            Placement(mailbox: $0, flags: StoreModel.flags($1), internalDate: Timestamp(rawValue: Int64(serial)))
        }
        let placed = try await house.store.place(try await house.stage(text), placements)
        let modSeq = try noteChange(placed.first?.modSeq)
        for (index, item) in placed.enumerated() {
            let uid = model.boxes[targets[index]]?.append(text, flags[index], modSeq)
            #expect(item.mailbox == targets[index] && item.uid.rawValue == uid && item.modSeq == modSeq)
        }
    }

    private mutating func change() async throws {
        let id = box()
        let uids = uids(of: id)
        let names = flags()
        let limit = Int.random(in: 0..<4, using: &random) == 0 ? model.modSeqs.randomElement(using: &random) : nil
        let kind = Int.random(in: 0..<3, using: &random)
        let flags = StoreModel.flags(names)
        let change: FlagChange = kind == 0 ? .add(flags) : kind == 1 ? .remove(flags) : .replace(flags)
        let answer = try await house.store.change(flags: change, of: uids, in: id, unchangedSince: limit)
        let messages = model.boxes[id]?.messages ?? []
        let named = messages.indices.filter { uids.contains(messages[$0].uid) }
        let touched = named.filter { messages[$0].modSeq <= limit ?? .max }
        #expect(answer.stored == NumberSet(touched.map { messages[$0].uid...messages[$0].uid }))
        #expect(answer.refused == NumberSet(Set(named).subtracting(touched).map { messages[$0].uid...messages[$0].uid }))
        let new = { (old: Set<String>) in kind == 0 ? old.union(names) : kind == 1 ? old.subtracting(names) : names }
        let differing = touched.filter { new(messages[$0].flags) != messages[$0].flags }
        guard !differing.isEmpty else {
            #expect(answer.modSeq == nil)
            return
        }
        let modSeq = try noteChange(answer.modSeq)
        for index in differing {
            model.boxes[id]?.messages[index].flags = new(messages[index].flags)
            model.boxes[id]?.messages[index].modSeq = modSeq
        }
    }

    private mutating func expunge() async throws {
        let id = box()
        let uids = Bool.random(using: &random) ? nil : uids(of: id)
        let answer = try await house.store.expunge(uids, in: id)
        let modSeq = answer.uids.isEmpty ? nil : try noteChange(answer.modSeq)
        let gone = model.boxes[id]?.remove(modSeq) { $0.flags.contains("\\Deleted") && (uids?.contains($0.uid) ?? true) }
        #expect(Set(answer.uids.numbers) == gone)
        #expect(answer.modSeq == modSeq)
    }

    private mutating func transfer(moving: Bool) async throws {
        let (source, target) = (box(), box())
        let uids = uids(of: source)
        let answer =
            moving
            ? try await house.store.move(uids, from: source, to: target) : try await house.store.copy(uids, from: source, to: target)
        let messages = (model.boxes[source]?.messages ?? []).filter { uids.contains($0.uid) }
        #expect(answer.source.map(\.rawValue) == messages.map(\.uid))
        guard !messages.isEmpty else {
            #expect(answer.modSeq == nil && answer.target.isEmpty)
            return
        }
        let modSeq = try noteChange(answer.modSeq)
        let new = messages.map { model.boxes[target]?.append($0.text, $0.flags, modSeq) }
        #expect(answer.target.map { $0.rawValue as UInt32? } == new)
        if moving {
            let gone = Set(messages.map(\.uid))
            _ = model.boxes[source]?.remove(modSeq) { gone.contains($0.uid) }
        }
    }

    private mutating func create() async throws {
        serial += 1
        let name = "new \(serial)"
        let validity = try await house.store.mailboxes(of: house.alice.id).map(\.uidValidity).max()
        let record = try await house.store.create(mailbox: MailboxName(name).unsafelyKnown, of: house.alice.id, specialUse: nil)
        #expect(record.uidValidity > (try #require(validity)))
        model.boxes[record.id] = StoreModel.Box(name: name)
    }

    private mutating func delete() async throws {
        let id = box()
        guard id != house.inbox, model.boxes.count > 3 else { return }
        try await house.store.delete(mailbox: id)
        model.boxes[id] = nil
    }

    private mutating func rename() async throws {
        let id = box()
        guard id != house.inbox, let old = model.boxes[id]?.name else { return }
        serial += 1
        let new = "renamed \(serial)"
        try await house.store.rename(mailbox: id, to: MailboxName(new).unsafelyKnown)
        for (other, box) in model.boxes where box.name == old || box.name.hasPrefix(old + "/") {
            model.boxes[other]?.name = new + box.name.dropFirst(old.count)
        }
    }

    /// Every mailbox, counter and log against the model.
    func compare(_ place: String) async throws {
        for (id, box) in model.boxes {
            let snapshot = try await house.snapshot(id)
            let rows = try snapshot.rowsInOrder
            try #require(rows.map(\.uid.rawValue) == box.messages.map(\.uid), "\(place), \(box.name)")
            #expect(try rows.map { try snapshot.names(of: $0) } == box.messages.map(\.flags), "\(place), \(box.name)")
            #expect(rows.map(\.modSeq) == box.messages.map(\.modSeq), "\(place), \(box.name)")
            #expect(snapshot.uidNext.rawValue == box.nextUID && rows.allSatisfy { $0.modSeq <= snapshot.highestModSeq }, "\(place)")
            let status = try await house.store.status(of: id)
            #expect(status.messages == rows.count && status.size == rows.reduce(0) { $0 + Int64($1.size) }, "\(place)")
            #expect(status.unseen == box.messages.count { !$0.flags.contains("\\Seen") }, "\(place)")
            #expect(status.deleted == box.messages.count { $0.flags.contains("\\Deleted") }, "\(place)")
            #expect(try await house.store.mailbox(named: MailboxName(box.name).unsafelyKnown, of: house.alice.id)?.id == id, "\(place)")
            for mark in marks {
                let expected = Set(box.expunged.filter { $0.modSeq > mark }.map(\.uid))
                #expect(Set(try await house.store.expunged(since: mark, in: id).numbers) == expected, "\(place), since \(mark)")
            }
        }
    }

    func compareBodies() async throws {
        for (id, box) in model.boxes {
            let snapshot = try await house.snapshot(id)
            for message in box.messages {
                let row = try #require(try UID(rawValue: message.uid).flatMap { try snapshot.row($0) })
                #expect(String(buffer: try await house.store.read(nil, of: row.body, for: house.alice.id)) == message.text)
            }
        }
    }
}
