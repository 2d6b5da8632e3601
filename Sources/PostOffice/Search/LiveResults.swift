package import MailModel

/// The results of a search, or of a sort, that are kept up to date: as whoever watches them was told last.
package struct LiveResults: Sendable {
    /// Nil: they have no order but the mailbox's.
    package let criteria: [SortCriterion]?
    /// UIDs.
    package private(set) var members: NumberSet
    /// Those of a sort, in order.
    package private(set) var order: [SortedMember]

    package init(criteria: [SortCriterion]? = nil, members: NumberSet, order: [SortedMember] = []) {
        self.criteria = criteria
        self.members = members
        self.order = order
    }

    /// Octets of memory, and for ranges what working on them takes.
    package var weight: Int { members.ranges.count * 32 + order.reduce(0) { $0 + $1.weight } }

    /// O(k log n) and the ranges of `members`, of a sort O(n). `gone`: some of `members`; `new`: none of them, in any order, each with the key that a sort needs.
    package mutating func change(gone: NumberSet, new: [SortedMember]) -> ResultChange {
        var change = ResultChange()
        guard !gone.isEmpty || !new.isEmpty else { return change }
        if !gone.isEmpty { members = members.subtracting(gone) }
        join(new)
        if criteria == nil {
            if !gone.isEmpty { change.removed = [ResultChange.Run(position: 0, uids: Array(gone.numbers))] }
            if !new.isEmpty { change.added = [ResultChange.Run(position: 0, uids: new.map(\.uid).sorted())] }
        } else {
            if !gone.isEmpty { change.removed = remove(gone) }
            if !new.isEmpty { change.added = insert(new.sorted()) }
        }
        return change
    }

    private mutating func join(_ new: [SortedMember]) {
        if let last = members.last, new.allSatisfy({ $0.uid > last }) {
            for uid in new.map(\.uid).sorted() { members.insert(uid) }
        } else if !new.isEmpty {
            members = NumberSet(members.ranges + new.map { $0.uid...$0.uid })
        }
    }

    /// From the end on, so that the positions of the rest stay (RFC 5267 §4.3.4).
    private mutating func remove(_ gone: NumberSet) -> [ResultChange.Run] {
        var runs: [ResultChange.Run] = []
        var last = -1
        for (place, member) in order.enumerated() where gone.contains(member.uid) {
            if place == last + 1, last >= 0 {
                runs[runs.count - 1].uids.append(member.uid)
            } else {
                runs.append(ResultChange.Run(position: place + 1, uids: [member.uid]))
            }
            last = place
        }
        order.removeAll { gone.contains($0.uid) }
        return runs.reversed()
    }

    /// From the beginning on, so that each comes to the position that it is told (RFC 5267 §4.3.3). `new` is sorted.
    private mutating func insert(_ new: [SortedMember]) -> [ResultChange.Run] {
        var runs: [ResultChange.Run] = []
        var merged: [SortedMember] = []
        merged.reserveCapacity(order.count + new.count)
        var old = 0
        var last = -1
        for member in new {
            let place = firstPlace(behind: member, from: old)
            merged += order[old..<place]
            old = place
            if merged.count == last + 1, last >= 0 {
                runs[runs.count - 1].uids.append(member.uid)
            } else {
                runs.append(ResultChange.Run(position: merged.count + 1, uids: [member.uid]))
            }
            last = merged.count
            merged.append(member)
        }
        order = merged + order[old...]
        return runs
    }

    private func firstPlace(behind member: SortedMember, from start: Int) -> Int {
        var (low, high) = (start, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < member { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// How results have changed: what leaves, then what joins. Applied run by run, each at its position, it makes the new results of the old ones.
package struct ResultChange: Hashable, Sendable {
    /// Results that lie side by side, in order.
    package struct Run: Hashable, Sendable {
        /// From 1 on: of the first of them when the runs before are applied. 0: they have no order but the mailbox's.
        package var position: Int
        /// Not empty.
        package var uids: [UInt32]
    }

    package var removed: [Run] = []
    package var added: [Run] = []

    package var isEmpty: Bool { removed.isEmpty && added.isEmpty }
    /// All that leave and join.
    package var uids: NumberSet { NumberSet((removed + added).flatMap(\.uids).map { $0...$0 }) }
}

/// A message in the order of a sort.
package struct SortedMember: Comparable, Hashable, Sendable {
    /// What it is compared by, octet by octet; equal ones by their UIDs (RFC 5256 §3).
    package let key: [UInt8]
    package let uid: UInt32

    package init(_ uid: UID, key: [UInt8] = []) {
        self.uid = uid.rawValue
        self.key = key
    }

    /// Octets of memory: its place, and an array's head.
    package var weight: Int { 48 + key.count }

    package static func < (a: SortedMember, b: SortedMember) -> Bool {
        for (x, y) in zip(a.key, b.key) where x != y { return x < y }
        return a.key.count == b.key.count ? a.uid < b.uid : a.key.count < b.key.count
    }
}
