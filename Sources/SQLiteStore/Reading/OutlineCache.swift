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
        let slab: Slab
        let start: UInt32
        let end: UInt32
        /// `EncodedOutline.shift`.
        let shift: UInt32
    }

    /// Touched under the lock alone.
    fileprivate final class Slab {
        /// None any more when it is gone.
        var octets: [UInt8]
        let account: AccountID
        let bodies: [BodyID]
        /// How many of `bodies` are to be found in it.
        var living: Int
        var wasFound: Bool
        /// Not in the cache any more.
        var isGone = false

        init(_ octets: [UInt8], _ account: AccountID, _ bodies: [BodyID], living: Int, wasFound: Bool = false) {
            (self.octets, self.account, self.bodies, self.living, self.wasFound) = (octets, account, bodies, living, wasFound)
        }

        /// With what the dictionary takes for each.
        var cost: Int { octets.count + 80 * bodies.count + 200 }
    }

    fileprivate struct State {
        var slots: [Key: Slot] = [:]
        /// How many there are.
        var slabs = 0
        /// The next to go first; some are gone.
        var order: [Slab] = []
        var cost = 0
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
            for (index, body) in bodies.enumerated() {
                guard let slot = state.slots[Key(account: account, body: body)] else {
                    missing.append(index)
                    found.append(EncodedOutline([]))
                    continue
                }
                slot.slab.wasFound = true
                found.append(EncodedOutline(slot.slab.octets[Int(slot.start)..<Int(slot.end)], shift: Int(slot.shift)))
            }
        }
        return (found, missing)
    }

    /// `ranges`: where in `octets` the outline of each body lies. `shifts`: theirs, where there are any.
    func keep(_ octets: [UInt8], _ ranges: [(body: BodyID, range: Range<Int>)], shifts: [Int] = [], for account: AccountID) {
        guard !ranges.isEmpty, octets.count <= budget / 8 else { return }
        // Memory is given back outside the lock.
        var gone: [[UInt8]] = []
        state.withLock { state in
            let slab = Slab(octets, account, ranges.map(\.body), living: ranges.count)
            // Where they were before; the same one twice in `ranges` was here.
            var left: [Slab] = []
            for (index, (body, range)) in ranges.enumerated() {
                let slot = Slot(
                    slab: slab, start: UInt32(range.lowerBound), end: UInt32(range.upperBound),
                    shift: index < shifts.count ? UInt32(clamping: shifts[index]) : 0)
                if let old = state.slots.updateValue(slot, forKey: Key(account: account, body: body)) { left.append(old.slab) }
            }
            state.add(slab)
            for old in left { state.leave(old) }
            while state.cost > budget, let octets = state.removeOldest() { gone.append(octets) }
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
    fileprivate mutating func add(_ slab: OutlineCache.Slab) {
        slabs += 1
        cost += slab.cost
        order.append(slab)
    }

    /// Returns its octets.
    private mutating func remove(_ slab: OutlineCache.Slab) -> [UInt8] {
        slab.isGone = true
        slabs -= 1
        cost -= slab.cost
        defer { slab.octets = [] }
        return slab.octets
    }

    /// One of the slab's outlines is not to be found in it any more.
    fileprivate mutating func leave(_ slab: OutlineCache.Slab) {
        guard !slab.isGone else { return }
        slab.living -= 1
        guard 2 * slab.living < slab.bodies.count else { return }
        let whole = remove(slab)
        // Those that are gone pass when their turn comes, or when they are many.
        if order.count > 2 * slabs + 64 { order.removeAll(where: \.isGone) }
        guard slab.living > 0 else { return }
        var octets: [UInt8] = []
        var rest: [(body: BodyID, range: Range<Int>, shift: UInt32)] = []
        for body in Set(slab.bodies) {
            guard let slot = slots[OutlineCache.Key(account: slab.account, body: body)], slot.slab === slab else { continue }
            let start = octets.count
            octets += whole[Int(slot.start)..<Int(slot.end)]
            rest.append((body, start..<octets.count, slot.shift))
        }
        let smaller = OutlineCache.Slab(octets, slab.account, rest.map(\.body), living: rest.count, wasFound: slab.wasFound)
        for (body, range, shift) in rest {
            slots[OutlineCache.Key(account: slab.account, body: body)] = OutlineCache.Slot(
                slab: smaller, start: UInt32(range.lowerBound), end: UInt32(range.upperBound), shift: shift)
        }
        add(smaller)
    }

    /// Its octets; nil when there is none.
    fileprivate mutating func removeOldest() -> [UInt8]? {
        // Every slab has one more chance at most, so this ends.
        while let slab = order.first {
            order.removeFirst()
            guard !slab.isGone else { continue }
            if slab.wasFound, !order.isEmpty {
                slab.wasFound = false
                order.append(slab)
                continue
            }
            for body in slab.bodies {
                let key = OutlineCache.Key(account: slab.account, body: body)
                if slots[key]?.slab === slab { slots[key] = nil }
            }
            return remove(slab)
        }
        return nil
    }
}
