import MailModel
import Storage

/// One step of folding: within a transaction and a bound of rows it changes the rows that records name, and ends the claims on bodies of those that go.
struct Fold {
    private let transaction: Transaction
    private var release: Release
    private var rows: Int
    private var statements = Ledger.statementsAtOnce

    init(transaction: Transaction, folder: BodyFolder, rows: Int) {
        self.transaction = transaction
        release = Release(transaction, folder)
        self.rows = rows
    }

    var isSpent: Bool { rows <= 0 || statements <= 0 }

    /// Folds as much of the record as there is room for, and says how far it came.
    mutating func fold(_ waiting: Ledger.Waiting) throws -> Ledger.Waiting {
        var waiting = waiting
        let ranges = waiting.record.uids.ranges
        var index = Fold.firstRange(of: ranges, above: waiting.record.folded)
        let before = rows
        var departed = DepartedMessages()
        while index < ranges.count, !isSpent {
            let low = max(ranges[index].lowerBound, waiting.record.folded + 1)
            let end = try fold(low...ranges[index].upperBound, waiting.record, &departed)
            waiting.record.folded = end
            statements -= 1
            if end == ranges[index].upperBound { index += 1 }
        }
        try transaction.keep(departed, of: waiting.record)
        waiting.rows = max(1, waiting.rows - (before - rows))
        let id = SQLValue.int(waiting.record.id)
        if waiting.record.isFolded {
            try transaction.write("DELETE FROM ledger WHERE id=?", id)
        } else {
            try transaction.write("UPDATE ledger SET folded=? WHERE id=?", .int(Int64(waiting.record.folded)), id)
        }
        return waiting
    }

    /// Writes what the step gathered.
    func finish() throws { try release.finish() }

    /// The highest UID of the range that is folded now.
    private mutating func fold(_ range: ClosedRange<UInt32>, _ record: LedgerRecord, _ departed: inout DepartedMessages) throws -> UInt32 {
        switch record.change {
        case .flags(let mask):
            let end = Int(range.upperBound - range.lowerBound) < rows ? range.upperBound : range.lowerBound + UInt32(rows - 1)
            try transaction.write(
                "UPDATE message SET flags=(flags & ?) | ?, mod_seq=? WHERE mailbox=? AND uid BETWEEN ? AND ?",
                .int(Int64(bitPattern: mask.kept)), .int(Int64(bitPattern: mask.added)), .int(Int64(record.modSeq.rawValue)), .int(record.mailbox.rawValue),
                .int(Int64(range.lowerBound)), .int(Int64(end)))
            if let further = mask.further { try FurtherRows.change(range.lowerBound...end, of: record.mailbox, further, transaction) }
            rows -= Int(end - range.lowerBound) + 1
            return end
        case .expunged:
            let (bodies, end) = try remove(range, from: record.mailbox, &departed)
            for body in bodies { try release.letGo(body, .account(record.account)) }
            rows -= max(1, bodies.count)
            return end
        }
    }

    /// Removes the range's first rows; gives their bodies and how far it came.
    private func remove(
        _ range: ClosedRange<UInt32>, from mailbox: MailboxID, _ departed: inout DepartedMessages
    ) throws -> ([Int64], UInt32) {
        let found = try transaction.connection.prepare("SELECT uid, body FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?")
        try found.bind([.int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound)), .int(Int64(rows))])
        var bodies: [Int64] = []
        var last: UInt32 = 0
        while try found.step() {
            last = UInt32(clamping: found.int(0))
            bodies.append(found.int(1))
            departed.append(uid: last, body: found.int(1))
        }
        found.reset()
        let end = bodies.count < rows ? range.upperBound : last
        if !bodies.isEmpty {
            try transaction.write(
                "DELETE FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?",
                .int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(end)))
            // Of a mailbox that is gone it is not known.
            if transaction.catalog.mailbox(mailbox)?.keywords.hasFurther ?? true {
                try FurtherRows.remove(range.lowerBound...end, of: mailbox, transaction)
            }
        }
        return (bodies, end)
    }

    private static func firstRange(of ranges: [ClosedRange<UInt32>], above folded: UInt32) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= folded { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
