import MailModel
import MessageFormat
import Storage
import Synchronization

/// Opened outlines that were asked for lately, so that the next list of the same messages opens nothing.
///
/// The key names the account besides the body: what lies under it was opened with that account's own key before, so nobody is given anything of a body
/// that it could not open itself, whatever id it names. Ids of accounts and bodies are never given twice. An account that lets go of a body loses the entry
/// with the commit; one that is read at that very moment may stay until its slab goes, where only who still has the row of the message can ask for it.
///
/// Outlines that were read together lie in one array, a slab. When the budget is spent the oldest slab goes, unless it was asked for since its last chance.
/// A slab of which less than half is left is written anew without the rest.
final class OutlineCache: Sendable {
    fileprivate struct Key: Hashable {
        let account: AccountID
        let body: BodyID
    }

    fileprivate struct Slot {
        let slab: Int
        let start: UInt32
        let end: UInt32
    }

    fileprivate struct Slab {
        var octets: [UInt8]
        let account: AccountID
        var bodies: [BodyID]
        /// How many of `bodies` are to be found in it.
        var living: Int
        var wasFound = false

        /// With what the dictionary takes for each.
        var cost: Int { octets.count + 80 * bodies.count + 200 }
    }

    fileprivate struct State {
        var slots: [Key: Slot] = [:]
        var slabs: [Int: Slab] = [:]
        /// The next to go first.
        var order: [Int] = []
        var cost = 0
        var nextSlab = 0
    }

    private let state = Mutex(State())
    private let budget: Int

    /// 48 MiB: the outlines of some 35,000 messages of the usual kind.
    static let standardBudget = 48 << 20

    init(budget: Int = OutlineCache.standardBudget) { self.budget = budget }

    /// In the order of `bodies`; an empty one, and its place among `missing`, for each that is not here.
    func find(_ bodies: [BodyID], for account: AccountID) -> (found: [EncodedOutline], missing: [Int]) {
        var found: [EncodedOutline] = []
        found.reserveCapacity(bodies.count)
        var missing: [Int] = []
        state.withLock { state in
            var last: (id: Int, octets: [UInt8])?
            for (index, body) in bodies.enumerated() {
                guard let slot = state.slots[Key(account: account, body: body)] else {
                    missing.append(index)
                    found.append(EncodedOutline([]))
                    continue
                }
                if last?.id != slot.slab, let slab = state.slabs[slot.slab] {
                    last = (slot.slab, slab.octets)
                    state.slabs[slot.slab]?.wasFound = true
                }
                found.append(EncodedOutline(last?.octets[Int(slot.start)..<Int(slot.end)] ?? []))
            }
        }
        return (found, missing)
    }

    /// `ranges`: where in `octets` the outline of each body lies.
    func keep(_ octets: [UInt8], _ ranges: [(body: BodyID, range: Range<Int>)], for account: AccountID) {
        guard !ranges.isEmpty, octets.count <= budget / 8 else { return }
        // Slabs that go are let go of outside the lock.
        var gone: [Slab] = []
        state.withLock { state in
            let id = state.nextSlab
            state.nextSlab += 1
            // Where they were before; the same one twice in `ranges` was here.
            var left: [Int] = []
            for (body, range) in ranges {
                let slot = Slot(slab: id, start: UInt32(range.lowerBound), end: UInt32(range.upperBound))
                if let old = state.slots.updateValue(slot, forKey: Key(account: account, body: body)) { left.append(old.slab) }
            }
            let slab = Slab(octets: octets, account: account, bodies: ranges.map(\.body), living: ranges.count)
            state.slabs[id] = slab
            state.order.append(id)
            state.cost += slab.cost
            for old in left { state.leave(old) }
            while state.cost > budget, let slab = state.removeOldest() { gone.append(slab) }
        }
    }

    func forget(_ body: BodyID, of account: AccountID) {
        state.withLock { state in
            guard let slot = state.slots.removeValue(forKey: Key(account: account, body: body)) else { return }
            state.leave(slot.slab)
        }
    }

    /// Octets that it takes, about.
    var cost: Int { state.withLock { $0.cost } }
}

extension OutlineCache.State {
    /// One of the slab's outlines is not to be found in it any more.
    fileprivate mutating func leave(_ id: Int) {
        guard let slab = slabs[id] else { return }
        slabs[id]?.living -= 1
        guard 2 * (slab.living - 1) < slab.bodies.count else { return }
        slabs[id] = nil
        cost -= slab.cost
        guard slab.living > 1 else {
            // Those of slabs that are gone pass when their turn comes, or when they are many.
            if order.count > 2 * slabs.count + 64 { order.removeAll { slabs[$0] == nil } }
            return
        }
        var rest = OutlineCache.Slab(octets: [], account: slab.account, bodies: [], living: slab.living - 1, wasFound: slab.wasFound)
        for body in Set(slab.bodies) {
            let key = OutlineCache.Key(account: slab.account, body: body)
            guard let slot = slots[key], slot.slab == id else { continue }
            let start = UInt32(rest.octets.count)
            rest.octets += slab.octets[Int(slot.start)..<Int(slot.end)]
            rest.bodies.append(body)
            slots[key] = OutlineCache.Slot(slab: id, start: start, end: UInt32(rest.octets.count))
        }
        slabs[id] = rest
        cost += rest.cost
    }

    fileprivate mutating func removeOldest() -> OutlineCache.Slab? {
        // Every slab has one more chance at most, so this ends.
        while let id = order.first {
            order.removeFirst()
            if slabs[id]?.wasFound == true, !order.isEmpty {
                slabs[id]?.wasFound = false
                order.append(id)
                continue
            }
            guard let slab = slabs.removeValue(forKey: id) else { continue }
            for body in slab.bodies {
                let key = OutlineCache.Key(account: slab.account, body: body)
                if slots[key]?.slab == id { slots[key] = nil }
            }
            cost -= slab.cost
            return slab
        }
        return nil
    }
}
