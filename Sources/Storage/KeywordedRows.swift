package import MailModel

/// Rows with the keywords that their words of flags have no bits for, of those messages that have any (`MessageRow.hasFurther`): nearly always none.
///
/// Equal sets are kept once, so that a keyword on all messages costs four octets each and not a set each.
package struct KeywordedRows: Sendable {
    package private(set) var rows: ContiguousArray<MessageRow>
    /// Of each row where its set is in `sets`, and 1; 0: it has none. Empty where no row has any.
    private var numbers: ContiguousArray<UInt32> = []
    private var sets: ContiguousArray<FurtherKeywords> = []

    package init() { rows = [] }

    /// Rows that have none, whatever they say.
    package init(_ rows: ContiguousArray<MessageRow>) { self.init(rows, further: [:]) }

    /// Each row is marked by whether it has any in `further`.
    package init(_ rows: ContiguousArray<MessageRow>, further: [UID: FurtherKeywords]) {
        self.rows = rows
        guard !further.isEmpty else { return }
        var known: [FurtherKeywords: UInt32] = [:]
        for index in rows.indices {
            let set = further[rows[index].uid] ?? FurtherKeywords()
            if self.rows[index].hasFurther != !set.isEmpty { self.rows[index].hasFurther = !set.isEmpty }
            guard !set.isEmpty else { continue }
            if numbers.isEmpty { numbers = ContiguousArray(repeating: 0, count: rows.count) }
            if let number = known[set] {
                numbers[index] = number
            } else {
                sets.append(set)
                numbers[index] = UInt32(clamping: sets.count)
                known[set] = UInt32(clamping: sets.count)
            }
        }
    }

    /// Of the row at that offset.
    package func further(_ offset: Int) -> FurtherKeywords {
        guard offset < numbers.count, numbers[offset] > 0 else { return FurtherKeywords() }
        return sets[Int(numbers[offset]) - 1]
    }

    package var hasFurther: Bool { !sets.isEmpty }

    /// Of all rows that have any.
    package var further: [UID: FurtherKeywords] {
        guard !sets.isEmpty else { return [:] }
        var found: [UID: FurtherKeywords] = [:]
        for (row, number) in zip(rows, numbers) where number > 0 { found[row.uid] = sets[Int(number) - 1] }
        return found
    }

    /// The flags that at least one of the rows has.
    var used: FlagSet {
        var used = FlagSet(bits: FlagBits(rawValue: rows.reduce(UInt64(0)) { $0 | $1.flags.rawValue }))
        for set in sets { used.further.formUnion(set) }
        return used
    }

    /// Offsets of rows that have the keyword at a further place.
    func offsets(having place: Int) -> [Int] {
        guard !sets.isEmpty else { return [] }
        let having = sets.map { $0.contains(place) }
        return numbers.indices.filter { numbers[$0] > 0 && having[Int(numbers[$0]) - 1] }
    }
}
