package import MailModel
import Synchronization

/// A message's narrow row.
package struct MessageRow: Hashable, Sendable {
    package let uid: UID
    /// Whether the message has keywords that `flags` has no bits for (`MailboxSnapshot.further`).
    package var hasFurther: Bool
    package var flags: FlagBits
    package var modSeq: ModSeq
    package let body: BodyID
    package let internalDate: Timestamp
    /// Octets, as RFC822.SIZE says.
    package let size: UInt32

    package init(uid: UID, flags: FlagBits, modSeq: ModSeq, body: BodyID, internalDate: Timestamp, size: UInt32, hasFurther: Bool = false) {
        self.uid = uid
        self.hasFurther = hasFurther
        self.flags = flags
        self.modSeq = modSeq
        self.body = body
        self.internalDate = internalDate
        self.size = size
    }
}

/// Counts rows that are looked at one by one, so that a test can tell what a command costs.
package final class RowReads: Sendable {
    private let seen = Atomic(0)

    package init() {}

    package var count: Int { seen.load(ordering: .relaxed) }
    func add() { seen.add(1, ordering: .relaxed) }
}

/// A mailbox's messages in order of UID, as of one commit: a value whose copies share their rows in blocks, so that a version that differs
/// by a message costs a block.
package struct MailboxSnapshot: Sendable {
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
    /// Who counts what is read; usually nobody.
    package var reads: RowReads?

    package init(mailbox: MailboxID, uidValidity: UIDValidity, uidNext: UID = .first, highestModSeq: ModSeq = .zero, keywords: KeywordTable = KeywordTable()) {
        self.mailbox = mailbox
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.keywords = keywords
    }

    /// Nil when there are no rows. Known without them.
    package var lastUID: UID? { blocks.last?.last }

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

// What is found among rows. Nothing here reads any: what needs rows that are not at hand throws `RowsNotAtHand`, and a method for many rows names all that it lacks.
extension MailboxSnapshot {
    /// The row of message sequence number `index + 1`; nil when there is none. O(log n).
    package func row(at index: Int) throws -> MessageRow? {
        guard index >= 0, index < count else { return nil }
        reads?.add()
        let block = block(holding: index)
        return try blocks[block].row(index - starts[block])
    }

    package func row(_ uid: UID) throws -> MessageRow? { try index(of: uid).flatMap { try row(at: $0) } }

    /// Sequence number less one. O(log n).
    package func index(of uid: UID) throws -> Int? {
        let index = try lowerBound(uid)
        guard let row = try row(at: index), row.uid == uid else { return nil }
        return index
    }

    /// How many rows have a lower UID.
    package func lowerBound(_ uid: UID) throws -> Int {
        let block = block(endingNotBefore: uid)
        guard block < blocks.count else { return count }
        guard blocks[block].first < uid else { return starts[block] }
        let rows = try blocks[block].rows
        var from = 0
        var to = rows.count
        while from < to {
            let middle = (from + to) / 2
            if rows[middle].uid < uid { from = middle + 1 } else { to = middle }
        }
        return starts[block] + from
    }

    /// The block with the row of that UID, and its offset there.
    func place(of uid: UID) throws -> (block: Block, offset: Int)? {
        guard let index = try index(of: uid) else { return nil }
        let number = block(holding: index)
        return (blocks[number], index - starts[number])
    }

    /// The places of rows with those UIDs, rising, disjoint, none empty. O(ranges × log n).
    package func places(of uids: NumberSet) throws -> [Range<Int>] {
        var places: [Range<Int>] = []
        var missing: [Block] = []
        for range in uids.ranges {
            guard let first = UID(rawValue: range.lowerBound), let last = UID(rawValue: range.upperBound) else { continue }
            do {
                let lower = try lowerBound(first)
                let upper = last == .last ? count : try lowerBound(last.successor)
                if lower < upper { places.append(lower..<upper) }
            } catch let lacking as RowsNotAtHand {
                for block in lacking.blocks where missing.last !== block { missing.append(block) }
                // The other end too may lie in such a block.
                let end = block(endingNotBefore: last.successor)
                if end < blocks.count, last != .last, !blocks[end].isAtHand, missing.last !== blocks[end] { missing.append(blocks[end]) }
            }
        }
        guard missing.isEmpty else { throw RowsNotAtHand(blocks: missing) }
        return places
    }

    /// Rows of those places that there are, in order, until `body` answers false. Not begun while one of them is not at hand.
    package func forEach(in places: Range<Int>, _ body: (Int, MessageRow) throws -> Bool) throws {
        let places = places.clamped(to: 0..<count)
        guard !places.isEmpty else { return }
        try require(places)
        var position = places.lowerBound
        var block = block(holding: position)
        while position < places.upperBound {
            let (rows, start) = (try blocks[block].rows, starts[block])
            let end = min(places.upperBound, start + rows.count)
            while position < end {
                reads?.add()
                guard try body(position, rows[position - start]) else { return }
                position += 1
            }
            block += 1
        }
    }

    /// All rows.
    package func forEach(_ body: (Int, MessageRow) throws -> Bool) throws { try forEach(in: 0..<count, body) }

    /// Throws when rows of those places are not at hand. O(blocks).
    package func require(_ places: Range<Int>) throws { try require(CollectionOfOne(places)) }

    /// Of places in rising order.
    package func require(_ places: some Sequence<Range<Int>>) throws {
        var missing: [Block] = []
        for range in places {
            let range = range.clamped(to: 0..<count)
            guard !range.isEmpty else { continue }
            var number = block(holding: range.lowerBound)
            while number < blocks.count, starts[number] < range.upperBound {
                let block = blocks[number]
                if !block.isAtHand, missing.last !== block { missing.append(block) }
                number += 1
            }
        }
        guard missing.isEmpty else { throw RowsNotAtHand(blocks: missing) }
    }

    /// The first row without `\Seen`, as an index; blocks that are known to have none are not looked at.
    package var firstUnseen: Int? {
        get throws {
            for (number, block) in blocks.enumerated() where block.mayHaveUnseen {
                if let offset = try block.rows.firstIndex(where: { !$0.flags.contains(.seen) }) { return starts[number] + offset }
            }
            return nil
        }
    }

    /// The rows of those UIDs, in order. O(ranges × log n + found).
    package func rows(_ uids: NumberSet) throws -> [(index: Int, row: MessageRow)] {
        var missing: [Block] = []
        forEachBlock(touchedBy: uids) { if !blocks[$0].isAtHand { missing.append(blocks[$0]) } }
        guard missing.isEmpty else { throw RowsNotAtHand(blocks: missing) }
        var found: [(index: Int, row: MessageRow)] = []
        for range in try places(of: uids) {
            try forEach(in: range) { index, row in
                found.append((index, row))
                return true
            }
        }
        return found
    }

    /// The UIDs of all rows.
    package var uids: NumberSet {
        get throws {
            var set = NumberSet()
            try forEach { _, row in
                set.insert(row.uid)
                return true
            }
            return set
        }
    }

    /// The first block that does not end below the UID.
    private func block(endingNotBefore uid: UID) -> Int {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].last < uid { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

// Changes, made by a store's writer on its own copy.
extension MailboxSnapshot {
    /// Adds rows behind the last; their UIDs must rise. A full last block is left as it is. O(new + a block).
    /// `further`: the further keywords of those that have any.
    package mutating func append(_ rows: some Collection<MessageRow>, further: [UID: FurtherKeywords] = [:]) {
        guard !rows.isEmpty else { return }
        var further = further
        var pending = ContiguousArray<MessageRow>()
        if let last = blocks.last, last.count < Block.most, let rows = last.allAtHand {
            pending = rows.rows
            if rows.hasFurther { further.merge(rows.further) { _, last in last } }
            blocks.removeLast()
            starts.removeLast()
            count -= last.count
        }
        pending.reserveCapacity(min(Block.most, pending.count + rows.count))
        for row in rows {
            pending.append(row)
            if pending.count == Block.most {
                seal(pending, further)
                pending.removeAll(keepingCapacity: true)
            }
        }
        if !pending.isEmpty { seal(pending, further) }
    }

    private mutating func seal(_ rows: ContiguousArray<MessageRow>, _ further: [UID: FurtherKeywords]) {
        add(Block(KeywordedRows(rows, further: further)))
    }

    private mutating func add(_ block: Block) {
        starts.append(count)
        blocks.append(block)
        count += block.count
    }

    /// Adds a block behind the last, whose rows may be read later.
    package mutating func append(_ block: Block) { add(block) }

    /// Has the rows of those UIDs at hand, for `update`, as `Block.prepare` does.
    package func prepare(_ uids: NumberSet) throws {
        try forEachBlock(touchedBy: uids) { try blocks[$0].prepare() }
    }

    /// Reads anew every block that holds one of those UIDs.
    package mutating func refresh(_ uids: NumberSet, _ read: (UID, UID) throws -> KeywordedRows) rethrows {
        var fresh: [Int: KeywordedRows] = [:]
        try forEachBlock(touchedBy: uids) { fresh[$0] = try read(blocks[$0].first, blocks[$0].last) }
        guard !fresh.isEmpty else { return }
        let old = blocks
        removeAll()
        for (number, block) in old.enumerated() {
            guard let rows = fresh[number] else {
                add(block)
                continue
            }
            if !rows.rows.isEmpty { add(Block(rows)) }
        }
    }

    package mutating func removeAll() {
        blocks = []
        starts = []
        count = 0
    }

    /// The numbers of blocks between whose ends one of the UIDs lies, each once, in order.
    private func forEachBlock(touchedBy uids: NumberSet, _ body: (Int) throws -> Void) rethrows {
        var next = 0
        for range in uids.ranges {
            while next < blocks.count, blocks[next].last.rawValue < range.lowerBound { next += 1 }
            while next < blocks.count, blocks[next].first.rawValue <= range.upperBound {
                try body(next)
                next += 1
            }
        }
    }

    /// Replaces rows by what `change`, asked once for each in order, makes of them; nil removes. Blocks in which nothing changes stay the same.
    /// O(blocks + rows of touched blocks). `RowsNotAtHand` before anything is changed.
    package mutating func update(_ uids: NumberSet, _ change: (MessageRow) throws -> MessageRow?) throws {
        guard !uids.isEmpty else { return }
        try updateBlocks(uids) { rows, ranges, range in
            guard let changed = try MailboxSnapshot.changed(rows.rows, ranges, &range, change) else { return nil }
            return rows.hasFurther ? KeywordedRows(changed, further: rows.further) : KeywordedRows(changed)
        }
    }

    /// `change` gives the rows of a block after it, or nil when they are as before. It is given all ranges of `uids`, and the first that does not end
    /// below the rows, to be moved on.
    mutating func updateBlocks(
        _ uids: NumberSet, _ change: (KeywordedRows, [ClosedRange<UInt32>], inout Int) throws -> KeywordedRows?
    ) throws {
        var missing: [Block] = []
        forEachBlock(touchedBy: uids) { if !blocks[$0].isAtHand { missing.append(blocks[$0]) } }
        guard missing.isEmpty else { throw RowsNotAtHand(blocks: missing) }
        let ranges = uids.ranges
        var newBlocks = ContiguousArray<Block>()
        newBlocks.reserveCapacity(blocks.count)
        var range = 0
        for block in blocks {
            let (first, last) = (block.first.rawValue, block.last.rawValue)
            while range < ranges.count, ranges[range].upperBound < first { range += 1 }
            guard range < ranges.count, ranges[range].lowerBound <= last, let rows = block.allAtHand else {
                newBlocks.append(block)
                continue
            }
            guard let rows = try change(rows, ranges, &range) else {
                newBlocks.append(block)
                continue
            }
            if !rows.rows.isEmpty { newBlocks.append(Block(rows)) }
        }
        removeAll()
        for block in newBlocks { add(block) }
    }

    /// A block's rows after the change; nil when they are as before. `range`: the first that does not end below the rows.
    private static func changed(
        _ rows: ContiguousArray<MessageRow>, _ ranges: [ClosedRange<UInt32>], _ range: inout Int, _ change: (MessageRow) throws -> MessageRow?
    ) rethrows -> ContiguousArray<MessageRow>? {
        var new: ContiguousArray<MessageRow>?
        /// Rows before it are in `new`, or gone.
        var taken = 0
        var index = 0
        while range < ranges.count {
            index = firstRow(from: ranges[range].lowerBound, in: rows, above: index)
            while index < rows.count, rows[index].uid.rawValue <= ranges[range].upperBound {
                let row = rows[index]
                let now = try change(row)
                if now != row {
                    if new == nil {
                        new = []
                        new?.reserveCapacity(rows.count)
                    }
                    new?.append(contentsOf: rows[taken..<index])
                    if let now { new?.append(now) }
                    taken = index + 1
                }
                index += 1
            }
            guard index < rows.count else { break }
            range += 1
        }
        new?.append(contentsOf: rows[taken...])
        return new
    }

    /// The place of the first row whose UID is at least `uid`; rows before `start` are below it.
    private static func firstRow(from uid: UInt32, in rows: ContiguousArray<MessageRow>, above start: Int) -> Int {
        var (low, high) = (start, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].uid.rawValue < uid { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
