package import MailModel

/// A message's narrow row.
package struct MessageRow: Hashable, Sendable {
    package let uid: UID
    package var flags: FlagBits
    package var modSeq: ModSeq
    package let body: BodyID
    package let internalDate: Timestamp
    /// Octets, as RFC822.SIZE says.
    package let size: UInt32

    package init(uid: UID, flags: FlagBits, modSeq: ModSeq, body: BodyID, internalDate: Timestamp, size: UInt32) {
        self.uid = uid
        self.flags = flags
        self.modSeq = modSeq
        self.body = body
        self.internalDate = internalDate
        self.size = size
    }
}

/// A mailbox's messages in order of UID, as of one commit: a value whose copies share their rows in blocks, so that a version that differs
/// by a message costs a block.
package struct MailboxSnapshot: Sendable {
    /// Immutable; two snapshots with the same block have the same rows there.
    package final class Block: Sendable {
        package let rows: ContiguousArray<MessageRow>
        package init(_ rows: ContiguousArray<MessageRow>) { self.rows = rows }
        package static let most = 512
    }

    package private(set) var blocks: ContiguousArray<Block> = []
    /// `starts[i]`: how many rows come before block i.
    private var starts: ContiguousArray<Int> = []
    package private(set) var count = 0

    package var mailbox: MailboxID
    package var uidValidity: UIDValidity
    package var uidNext: UID
    package var highestModSeq: ModSeq
    package var keywords: KeywordTable
    package var isDeleted = false
    /// Held with the snapshot: the store keeps the bodies of its rows readable until it is let go.
    package var lease: (any AnyObject & Sendable)?

    package init(mailbox: MailboxID, uidValidity: UIDValidity, uidNext: UID = .first, highestModSeq: ModSeq = .zero, keywords: KeywordTable = KeywordTable()) {
        self.mailbox = mailbox
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.keywords = keywords
    }

    /// The row of message sequence number `index + 1`; nil when there is none. O(log n).
    package func row(at index: Int) -> MessageRow? {
        guard index >= 0, index < count else { return nil }
        let block = block(holding: index)
        return blocks[block].rows[index - starts[block]]
    }

    package func row(_ uid: UID) -> MessageRow? { index(of: uid).flatMap { row(at: $0) } }

    /// Sequence number less one. O(log n).
    package func index(of uid: UID) -> Int? {
        let index = lowerBound(uid)
        guard let row = row(at: index), row.uid == uid else { return nil }
        return index
    }

    /// How many rows have a lower UID.
    package func lowerBound(_ uid: UID) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if let last = blocks[middle].rows.last, last.uid < uid { low = middle + 1 } else { high = middle }
        }
        guard low < blocks.count else { return count }
        let rows = blocks[low].rows
        var from = 0
        var to = rows.count
        while from < to {
            let middle = (from + to) / 2
            if rows[middle].uid < uid { from = middle + 1 } else { to = middle }
        }
        return starts[low] + from
    }

    /// Rows from `index` on, in order, until `body` answers false.
    package func forEach(from index: Int = 0, _ body: (Int, MessageRow) throws -> Bool) rethrows {
        guard index < count else { return }
        var position = max(0, index)
        var block = block(holding: position)
        while block < blocks.count {
            let rows = blocks[block].rows
            for offset in (position - starts[block])..<rows.count {
                guard try body(position, rows[offset]) else { return }
                position += 1
            }
            block += 1
        }
    }

    /// The rows of those UIDs, in order. O(ranges × log n + found).
    package func rows(_ uids: NumberSet) -> [(index: Int, row: MessageRow)] {
        var found: [(index: Int, row: MessageRow)] = []
        for range in uids.ranges {
            guard let low = UID(rawValue: range.lowerBound) else { continue }
            forEach(from: lowerBound(low)) { index, row in
                guard row.uid.rawValue <= range.upperBound else { return false }
                found.append((index, row))
                return true
            }
        }
        return found
    }

    /// The UIDs of all rows.
    package var uids: NumberSet {
        var set = NumberSet()
        forEach { _, row in
            set.insert(row.uid)
            return true
        }
        return set
    }

    private func block(holding index: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }
}

// Changes, made by a store's writer on its own copy.
extension MailboxSnapshot {
    /// Adds rows behind the last; their UIDs must rise. A full last block is left as it is. O(new + a block).
    package mutating func append(_ rows: some Collection<MessageRow>) {
        guard !rows.isEmpty else { return }
        var pending = ContiguousArray<MessageRow>()
        if let last = blocks.last, last.rows.count < Block.most {
            pending = last.rows
            blocks.removeLast()
            starts.removeLast()
            count -= last.rows.count
        }
        pending.reserveCapacity(min(Block.most, pending.count + rows.count))
        for row in rows {
            pending.append(row)
            if pending.count == Block.most {
                seal(pending)
                pending.removeAll(keepingCapacity: true)
            }
        }
        if !pending.isEmpty { seal(pending) }
    }

    private mutating func seal(_ rows: ContiguousArray<MessageRow>) {
        starts.append(count)
        blocks.append(Block(rows))
        count += rows.count
    }

    /// Replaces rows by what `change`, asked once for each in order, makes of them; nil removes. Blocks in which nothing changes stay the same.
    /// O(blocks + rows of touched blocks).
    package mutating func update(_ uids: NumberSet, _ change: (MessageRow) -> MessageRow?) {
        guard !uids.isEmpty else { return }
        let ranges = uids.ranges
        var newBlocks = ContiguousArray<Block>()
        newBlocks.reserveCapacity(blocks.count)
        var range = 0
        for block in blocks {
            guard let first = block.rows.first?.uid.rawValue, let last = block.rows.last?.uid.rawValue else { continue }
            while range < ranges.count, ranges[range].upperBound < first { range += 1 }
            guard range < ranges.count, ranges[range].lowerBound <= last else {
                newBlocks.append(block)
                continue
            }
            guard let rows = MailboxSnapshot.changed(block.rows, ranges, &range, change) else {
                newBlocks.append(block)
                continue
            }
            if !rows.isEmpty { newBlocks.append(Block(rows)) }
        }
        blocks = newBlocks
        starts.removeAll(keepingCapacity: true)
        count = 0
        for block in blocks {
            starts.append(count)
            count += block.rows.count
        }
    }

    /// A block's rows after the change; nil when they are as before. `range`: the first that does not end below the rows.
    private static func changed(
        _ rows: ContiguousArray<MessageRow>, _ ranges: [ClosedRange<UInt32>], _ range: inout Int, _ change: (MessageRow) -> MessageRow?
    ) -> ContiguousArray<MessageRow>? {
        var new: ContiguousArray<MessageRow>?
        for (index, row) in rows.enumerated() {
            let uid = row.uid.rawValue
            while range < ranges.count, ranges[range].upperBound < uid { range += 1 }
            guard range < ranges.count, ranges[range].lowerBound <= uid else {
                new?.append(row)
                continue
            }
            let now = change(row)
            if new == nil {
                guard now != row else { continue }
                new = ContiguousArray(rows[..<index])
                new?.reserveCapacity(rows.count)
            }
            if let now { new?.append(now) }
        }
        return new
    }
}
