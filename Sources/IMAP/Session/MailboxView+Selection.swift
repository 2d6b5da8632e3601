import MailModel
import Storage

/// A sequence number that no message has (RFC 9051 §9 seq-number: BAD).
struct NoSuchNumber: Error {}

// Which messages a command means. What needs rows that are not at hand throws `RowsNotAtHand`.
extension MailboxView {
    /// Places in `rows`, rising, disjoint, none empty. UIDs that no message has are passed over (RFC 9051 §6.4.9).
    func places(of set: SequenceSet, _ numbering: Numbering) throws -> [Range<Int>] {
        switch (set, numbering) {
        case (.saved, _):
            return try places(ofUIDs: saved)
        case (.ranges, .uid):
            let last = rows.lastUID?.rawValue ?? 0
            return try places(ofUIDs: set.resolved(last: last) ?? NumberSet())
        case (.ranges(let ranges), .sequence):
            let count = UInt32(clamping: rows.count)
            // "*" means no message where there is none (RFC 9051 §9, seq-number); clients ask for 1:* without looking.
            if count == 0, ranges.allSatisfy({ $0.first == 0 || $0.second == 0 }) { return [] }
            guard set.highest <= count else { throw NoSuchNumber() }
            return (set.resolved(last: count) ?? NumberSet()).ranges.map { Int($0.lowerBound) - 1..<Int($0.upperBound) }
        }
    }

    func places(ofUIDs uids: NumberSet) throws -> [Range<Int>] { try rows.places(of: uids) }

    func uids(at places: [Range<Int>]) throws -> NumberSet {
        try rows.require(places)
        var uids = NumberSet()
        for range in places {
            try rows.forEach(in: range) { _, row in
                uids.insert(row.uid)
                return true
            }
        }
        return uids
    }

    /// The sequence numbers of those UIDs that are in the view.
    func numbers(of uids: NumberSet) throws -> NumberSet {
        var numbers = NumberSet()
        for range in try places(ofUIDs: uids) { for index in range { numbers.insert(UInt32(clamping: index + 1)) } }
        return numbers
    }

    /// Whether one of these messages is gone, without the client having been told (RFC 5530 EXPUNGEISSUED).
    func lacksSome(of uids: NumberSet) throws -> Bool {
        let live = current
        guard live.highestModSeq != rows.highestModSeq || live.count != rows.count else { return false }
        return try live.places(of: uids).reduce(0) { $0 + $1.count } < uids.count
    }
}
