import DequeModule

/// Who waits for a turn, each once, the first to come first.
struct TurnRing<Member: Hashable & Sendable>: Sendable {
    private var waiting = Deque<Member>()
    private var known: Set<Member> = []

    var isEmpty: Bool { known.isEmpty }
    var count: Int { known.count }
    /// In no order.
    var members: Set<Member> { known }

    mutating func add(_ member: Member) { if known.insert(member).inserted { waiting.append(member) } }

    mutating func take() -> Member? {
        while let member = waiting.popFirst() {
            if known.remove(member) != nil { return member }
        }
        return nil
    }

    /// Costs nothing now: its place in the row stays until its turn would come, or until there are more such places than members.
    mutating func remove(_ member: Member) {
        guard known.remove(member) != nil, waiting.count > 2 * known.count + 16 else { return }
        waiting.removeAll { !known.contains($0) }
    }
}
