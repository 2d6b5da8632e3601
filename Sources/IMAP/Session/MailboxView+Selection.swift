import MailModel
import Storage

/// A sequence number that no message has (RFC 9051 §9 seq-number: BAD).
struct NoSuchNumber: Error {}

// Which messages a command means.
extension MailboxView {
    /// Places in `rows`, rising, disjoint, none empty. UIDs that no message has are passed over (RFC 9051 §6.4.9).
    func places(of set: SequenceSet, _ numbering: Numbering) throws(NoSuchNumber) -> [Range<Int>] {
        switch (set, numbering) {
        case (.saved, _):
            return places(ofUIDs: saved)
        case (.ranges, .uid):
            let last = rows.row(at: rows.count - 1)?.uid.rawValue ?? 0
            return places(ofUIDs: set.resolved(last: last) ?? NumberSet())
        case (.ranges(let ranges), .sequence):
            let count = UInt32(clamping: rows.count)
            // "*" means no message where there is none (RFC 9051 §9, seq-number); clients ask for 1:* without looking.
            if count == 0, ranges.allSatisfy({ $0.first == 0 || $0.second == 0 }) { return [] }
            guard set.highest <= count else { throw NoSuchNumber() }
            return (set.resolved(last: count) ?? NumberSet()).ranges.map { Int($0.lowerBound) - 1..<Int($0.upperBound) }
        }
    }

    func places(ofUIDs uids: NumberSet) -> [Range<Int>] {
        uids.ranges.compactMap { range in
            guard let first = UID(rawValue: range.lowerBound), let last = UID(rawValue: range.upperBound) else { return nil }
            let lower = rows.lowerBound(first)
            let upper = last == .last ? rows.count : rows.lowerBound(last.successor)
            return lower < upper ? lower..<upper : nil
        }
    }

    func uids(at places: [Range<Int>]) -> NumberSet {
        var uids = NumberSet()
        for range in places {
            rows.forEach(from: range.lowerBound) { index, row in
                guard index < range.upperBound else { return false }
                uids.insert(row.uid)
                return true
            }
        }
        return uids
    }

    /// The sequence numbers of those UIDs that are in the view.
    func numbers(of uids: NumberSet) -> NumberSet {
        var numbers = NumberSet()
        for range in places(ofUIDs: uids) { for index in range { numbers.insert(UInt32(clamping: index + 1)) } }
        return numbers
    }

    /// Whether one of these messages is gone, without the client having been told (RFC 5530 EXPUNGEISSUED).
    func lacksSome(of uids: NumberSet) -> Bool {
        let live = current
        guard live.highestModSeq != rows.highestModSeq || live.count != rows.count else { return false }
        return uids.numbers.contains { number in UID(rawValue: number).flatMap { live.index(of: $0) } == nil }
    }
}
