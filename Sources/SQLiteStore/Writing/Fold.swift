import Glibc
import MailModel
import Storage

/// One step of folding: within a transaction and a bound of rows it changes the rows that records name, and ends the claims on bodies of those that go.
struct Fold {
    private let transaction: Transaction
    private let folder: BodyFolder
    private var rows: Int
    private var statements = Ledger.statementsAtOnce
    /// Octets of bodies that went, by segment.
    private var dead: [Int64: Int64] = [:]
    private var lastBody: Int64 = 0

    init(transaction: Transaction, folder: BodyFolder, rows: Int) {
        self.transaction = transaction
        self.folder = folder
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
    func finish() throws {
        for (segment, octets) in dead { try transaction.write("UPDATE segment SET dead=dead+? WHERE id=?", .int(octets), .int(segment)) }
        // Ids of bodies, which clients may know as EMAILIDs, are not given again.
        guard lastBody > 0 else { return }
        try transaction.write("INSERT INTO meta VALUES ('last-body', ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)", .int(lastBody))
    }

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
            for body in bodies { try letGo(body, record.account) }
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

    /// A message of `account` holds the body no more; removes the body when it was the last.
    private mutating func letGo(_ body: Int64, _ account: AccountID) throws {
        try transaction.write("DELETE FROM holder WHERE body=? AND account=? AND messages<=1", .int(body), .int(account.rawValue))
        guard transaction.connection.changes > 0 else {
            return try transaction.write("UPDATE holder SET messages=messages-1 WHERE body=? AND account=?", .int(body), .int(account.rawValue))
        }
        let outlines = transaction.catalog.outlines
        transaction.afterCommit.append { outlines.forget(BodyID(rawValue: body), of: account) }
        guard try transaction.connection.number("SELECT 1 FROM holder WHERE body=? LIMIT 1", .int(body)) == nil else { return }
        let place = try transaction.connection.prepare("SELECT segment, length FROM body WHERE id=?")
        try place.bind([.int(body)])
        guard try place.step() else { return place.reset() }
        let (segment, length) = (place.int(0), place.int(1))
        place.reset()
        try transaction.write("DELETE FROM body WHERE id=?", .int(body))
        lastBody = max(lastBody, body)
        if segment == 0 {
            let path = folder.file(BodyID(rawValue: body))
            transaction.afterCommit.append { unlink(path) }
        } else {
            dead[segment, default: 0] += length
        }
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
