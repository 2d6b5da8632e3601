import Synchronization

/// So many octets that many bodies hold together. It is a measure and not a lock: who finds it spent holds no more.
final class OctetBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Int

    init(_ limit: Int) { self.limit = limit }

    func take(_ octets: Int) { used.add(octets, ordering: .relaxed) }
    func give(_ octets: Int) { used.subtract(octets, ordering: .relaxed) }
    var isSpent: Bool { used.load(ordering: .relaxed) > limit }
    var octets: Int { used.load(ordering: .relaxed) }
}

/// What bodies may hold on their way to their places, all together. None waits for another: a body that finds the memory spent goes to a file of its own
/// at once, whole but for what is asked of it next; one that finds the files spent is refused (`full`), and tried again by its sender.
struct BodyBudgets: Sendable {
    /// Memory of bodies whose end has not come.
    var gathering = OctetBudget(24 << 20)
    /// Memory of whole bodies that are to be placed.
    var staged = OctetBudget(64 << 20)
    /// Files of bodies whose end has not come.
    var spilled = OctetBudget(8 << 30)

    /// A body that is no larger may lie in memory even so: it is mail that comes in one piece, and its end follows.
    static let smallest = 20 << 10
}
