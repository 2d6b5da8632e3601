import MailModel
import Storage

/// A search whose client is told how its results change (RFC 5267 §4.3), as they were told last.
struct UpdatingContext: Sendable {
    let tag: Tag
    let numbering: Numbering
    /// It means the same whatever is expunged or saved.
    let key: SearchKey
    /// Of a SORT; nil: a SEARCH.
    let criteria: [SortArguments.Criterion]?
    /// UIDs.
    private(set) var members: NumberSet
    /// Those of a SORT in their order.
    private(set) var order: [SortedMember]

    init(
        tag: Tag, _ numbering: Numbering, _ key: SearchKey, criteria: [SortArguments.Criterion]? = nil, members: NumberSet,
        order: [SortedMember] = []
    ) {
        self.tag = tag
        self.numbering = numbering
        self.key = key
        self.criteria = criteria
        self.members = members
        self.order = order
    }

    /// Octets of memory, and for ranges what working on them takes.
    var weight: Int { members.ranges.count * 32 + order.reduce(0) { $0 + $1.weight } }

    /// O(k log n) and the ranges of `members`, of a SORT O(n). `gone`: some of `members`; `new`: none of them, in any order, each with the
    /// key that a SORT needs; `number`: what the client calls a UID.
    mutating func change(gone: NumberSet, new: [SortedMember], _ number: (UInt32) -> UInt32) -> ContextUpdate {
        var update = ContextUpdate()
        guard !gone.isEmpty || !new.isEmpty else { return update }
        if !gone.isEmpty { members = members.subtracting(gone) }
        join(new)
        if criteria == nil {
            if !gone.isEmpty { update.removed = [ContextUpdate.Run(position: 0, numbers: gone.numbers.map(number))] }
            if !new.isEmpty { update.added = [ContextUpdate.Run(position: 0, numbers: new.map(\.uid).sorted().map(number))] }
        } else {
            if !gone.isEmpty { update.removed = remove(gone, number) }
            if !new.isEmpty { update.added = insert(new.sorted(), number) }
        }
        return update
    }

    private mutating func join(_ new: [SortedMember]) {
        if let last = members.last, new.allSatisfy({ $0.uid > last }) {
            for uid in new.map(\.uid).sorted() { members.insert(uid) }
        } else if !new.isEmpty {
            members = NumberSet(members.ranges + new.map { $0.uid...$0.uid })
        }
    }

    /// From the end on, so that the positions of the rest stay (RFC 5267 §4.3.4).
    private mutating func remove(_ gone: NumberSet, _ number: (UInt32) -> UInt32) -> [ContextUpdate.Run] {
        var runs: [ContextUpdate.Run] = []
        var last = -1
        for (place, member) in order.enumerated() where gone.contains(member.uid) {
            if place == last + 1, last >= 0 {
                runs[runs.count - 1].numbers.append(number(member.uid))
            } else {
                runs.append(ContextUpdate.Run(position: place + 1, numbers: [number(member.uid)]))
            }
            last = place
        }
        order.removeAll { gone.contains($0.uid) }
        return runs.reversed()
    }

    /// From the beginning on, so that each comes to the position that it is told (RFC 5267 §4.3.3). `new` is sorted.
    private mutating func insert(_ new: [SortedMember], _ number: (UInt32) -> UInt32) -> [ContextUpdate.Run] {
        var runs: [ContextUpdate.Run] = []
        var merged: [SortedMember] = []
        merged.reserveCapacity(order.count + new.count)
        var old = 0
        var last = -1
        for member in new {
            let place = firstPlace(behind: member, from: old)
            merged += order[old..<place]
            old = place
            if merged.count == last + 1, last >= 0 {
                runs[runs.count - 1].numbers.append(number(member.uid))
            } else {
                runs.append(ContextUpdate.Run(position: merged.count + 1, numbers: [number(member.uid)]))
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

/// A message in the order of a SORT.
struct SortedMember: Comparable, Sendable {
    /// What it is compared by, octet by octet; equal ones by their UIDs (RFC 5256 §3).
    let key: [UInt8]
    let uid: UInt32

    init(_ uid: UID, key: [UInt8] = []) {
        self.uid = uid.rawValue
        self.key = key
    }

    /// Octets of memory: its place, and an array's head.
    var weight: Int { 48 + key.count }

    static func < (a: SortedMember, b: SortedMember) -> Bool {
        for (x, y) in zip(a.key, b.key) where x != y { return x < y }
        return a.key.count == b.key.count ? a.uid < b.uid : a.key.count < b.key.count
    }
}
