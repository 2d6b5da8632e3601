package import MailModel

// Keywords beyond those of the rows' words, and which keywords are in use at all.
extension MailboxSnapshot {
    /// The further keywords of the message of a row of this or another version, as this one has them. None where the row says so; else O(log n), and
    /// `RowsNotAtHand`.
    package func further(of row: MessageRow) throws -> FurtherKeywords {
        guard row.hasFurther else { return FurtherKeywords() }
        return try further(of: row.uid)
    }

    package func further(of uid: UID) throws -> FurtherKeywords {
        guard let (block, offset) = try place(of: uid), let rows = block.allAtHand else { return FurtherKeywords() }
        return rows.further(offset)
    }

    /// Of those of the rows that have any.
    package func further(of rows: some Sequence<MessageRow>) throws -> [UID: FurtherKeywords] {
        var found: [UID: FurtherKeywords] = [:]
        for row in rows where row.hasFurther { found[row.uid] = try further(of: row.uid) }
        return found
    }

    /// A message's flags by name.
    package func flags(of row: MessageRow) throws -> Flags { keywords.flags(of: row.flags, try further(of: row)) }

    /// The UIDs of the messages that have the keyword at a further place. O(blocks + messages of those where one has it);
    /// `RowsNotAtHand`.
    package func uids(having place: Int) throws -> NumberSet {
        var found = NumberSet()
        var missing: [Block] = []
        for block in blocks {
            if let used = block.used, !used.contains(place: place) { continue }
            guard let rows = block.allAtHand else {
                missing.append(block)
                continue
            }
            for offset in rows.offsets(having: place) { found.insert(rows.rows[offset].uid) }
        }
        guard missing.isEmpty else { throw RowsNotAtHand(blocks: missing) }
        return found
    }

    /// The flags and keywords' places that messages have; nil where that is not known without reading rows. O(blocks), and once O(rows) of each block.
    package var used: FlagSet? {
        var used = FlagSet()
        for block in blocks {
            guard let some = block.used else { return nil }
            used.formUnion(some)
        }
        return used
    }

    /// Whether one more keyword has a place, or would get that of one that no message has.
    package var hasRoomForKeyword: Bool { !keywords.isFull || used.map { keywords.hasUnused($0) } ?? false }
}

// Changes, made by a store's writer on its own copy.
extension MailboxSnapshot {
    /// As `update`, with the further keywords of each row; those that are given back count, whatever the row says of itself.
    package mutating func updateAll(
        _ uids: NumberSet, _ change: (MessageRow, FurtherKeywords) throws -> (row: MessageRow, further: FurtherKeywords)?
    ) throws {
        guard !uids.isEmpty else { return }
        try updateBlocks(uids) { rows, ranges, range in
            var (new, further) = (ContiguousArray<MessageRow>(), [UID: FurtherKeywords]())
            new.reserveCapacity(rows.rows.count)
            var isChanged = false
            for (offset, row) in rows.rows.enumerated() {
                let old = rows.further(offset)
                let uid = row.uid.rawValue
                while range < ranges.count, ranges[range].upperBound < uid { range += 1 }
                guard range < ranges.count, ranges[range].lowerBound <= uid else {
                    new.append(row)
                    if !old.isEmpty { further[row.uid] = old }
                    continue
                }
                guard let now = try change(row, old) else {
                    isChanged = true
                    continue
                }
                if now.row != row || now.further != old { isChanged = true }
                new.append(now.row)
                if !now.further.isEmpty { further[row.uid] = now.further }
            }
            return isChanged ? KeywordedRows(new.unmarked, further: further) : nil
        }
    }
}

extension ContiguousArray<MessageRow> {
    /// `KeywordedRows` marks those that have further keywords where it is given any.
    fileprivate var unmarked: ContiguousArray<MessageRow> {
        guard contains(where: \.hasFurther) else { return self }
        var rows = self
        for index in rows.indices { rows[index].hasFurther = false }
        return rows
    }
}
