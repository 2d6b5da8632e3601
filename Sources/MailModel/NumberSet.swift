/// A set of non-zero 32-bit numbers (UIDs or message sequence numbers) kept as sorted, disjoint, non-adjacent ranges,
/// so that `1:1000000` costs what `1` costs.
package struct NumberSet: Hashable, Sendable {
    package private(set) var ranges: [ClosedRange<UInt32>]

    package init() { ranges = [] }

    package init(_ range: ClosedRange<UInt32>) { ranges = [range] }

    /// From ranges in any order, overlapping or not. O(n log n).
    package init(_ unordered: [ClosedRange<UInt32>]) {
        ranges = []
        for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range) }
    }

    package init(_ uids: some Sequence<UID>) {
        self.init(uids.map { $0.rawValue...$0.rawValue })
    }

    package var isEmpty: Bool { ranges.isEmpty }

    /// How many numbers are in it.
    package var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

    package var first: UInt32? { ranges.first?.lowerBound }
    package var last: UInt32? { ranges.last?.upperBound }

    /// Adds a number; O(1) when it is not lower than every range's start, as when numbers come in order.
    package mutating func insert(_ number: UInt32) {
        if let last = ranges.last, number < last.lowerBound {
            if !contains(number) { self = NumberSet(ranges + [number...number]) }
        } else {
            append(number...number)
        }
    }

    package mutating func insert(_ uid: UID) { insert(uid.rawValue) }

    /// O(log n).
    package func contains(_ number: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(number)
    }

    package func contains(_ uid: UID) -> Bool { contains(uid.rawValue) }

    /// Every number, rising. Do not walk a set that a peer wrote: `1:4294967295` is one; intersect it first.
    package var numbers: some Sequence<UInt32> { ranges.lazy.joined() }

    /// The numbers that are in both. O(n + m).
    package func intersection(_ other: NumberSet) -> NumberSet {
        var result = NumberSet()
        var i = 0
        var j = 0
        while i < ranges.count, j < other.ranges.count {
            let low = max(ranges[i].lowerBound, other.ranges[j].lowerBound)
            let high = min(ranges[i].upperBound, other.ranges[j].upperBound)
            if low <= high { result.ranges.append(low...high) }
            if ranges[i].upperBound < other.ranges[j].upperBound { i += 1 } else { j += 1 }
        }
        return result
    }

    /// The numbers that are not in `other`. O(n + m).
    package func subtracting(_ other: NumberSet) -> NumberSet {
        var result = NumberSet()
        var j = 0
        for range in ranges {
            var low = range.lowerBound
            while j < other.ranges.count, other.ranges[j].upperBound < low { j += 1 }
            var next = j
            var isLeft = true
            while next < other.ranges.count, other.ranges[next].lowerBound <= range.upperBound {
                let hole = other.ranges[next]
                if low < hole.lowerBound { result.ranges.append(low...hole.lowerBound - 1) }
                guard hole.upperBound < range.upperBound else {
                    isLeft = false
                    break
                }
                low = hole.upperBound + 1
                next += 1
            }
            if isLeft { result.ranges.append(low...range.upperBound) }
        }
        return result
    }

    /// `range.lowerBound` must not lie before the start of the last range.
    private mutating func append(_ range: ClosedRange<UInt32>) {
        guard let last = ranges.last else { return ranges.append(range) }
        if last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }
}

extension NumberSet: CustomStringConvertible {
    /// As IMAP writes it: `1:3,5` (RFC 9051 §9 sequence-set). Empty for the empty set, which IMAP cannot write.
    package var description: String {
        ranges.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }
            .joined(separator: ",")
    }
}
