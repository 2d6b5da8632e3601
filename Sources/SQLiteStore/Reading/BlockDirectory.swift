import MailModel
import Storage

/// Where a mailbox's blocks begin and end, as of a place in its account's change log.
struct BlockDirectory {
    let modSeq: ModSeq
    let blocks: [MailboxSnapshot.BlockSummary]

    /// `modSeq`: the account's, when the snapshot was the mailbox's. A mailbox in which nothing changes has a lower one, which the log's floor passes.
    init(_ snapshot: MailboxSnapshot, asOf modSeq: ModSeq) {
        self.modSeq = modSeq
        blocks = snapshot.blocks.map(\.summary)
    }

    /// Nil when there is none.
    static func load(of mailbox: MailboxID, _ connection: Connection) throws -> BlockDirectory? {
        let statement = try connection.prepare("SELECT mod_seq, blocks FROM directory WHERE mailbox=?")
        try statement.bind([.int(mailbox.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        guard let modSeq = ModSeq(rawValue: UInt64(clamping: statement.int(0))) else { return nil }
        return BlockDirectory(modSeq, packed: statement.blob(1))
    }

    func store(of mailbox: MailboxID, _ transaction: Transaction) throws {
        try transaction.write(
            "INSERT OR REPLACE INTO directory VALUES (?,?,?)",
            .int(mailbox.rawValue), .int(Int64(modSeq.rawValue)), .blob(packed))
    }
}

// Four numbers of variable length a block: the gap from the last block's end, the span, the rows, those unseen.
extension BlockDirectory {
    private var packed: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(blocks.count * 8)
        var end: UInt32 = 0
        for block in blocks {
            NumberSet.pack(block.first.rawValue - end, into: &out)
            NumberSet.pack(block.last.rawValue - block.first.rawValue, into: &out)
            NumberSet.pack(UInt32(clamping: block.count), into: &out)
            NumberSet.pack(UInt32(clamping: block.unseen), into: &out)
            end = block.last.rawValue
        }
        return out
    }

    /// Nil when that is not what `packed` gives.
    private init?(_ modSeq: ModSeq, packed bytes: [UInt8]) {
        var blocks: [MailboxSnapshot.BlockSummary] = []
        var index = 0
        var end: UInt32 = 0
        while index < bytes.count {
            guard let gap = NumberSet.unpack(bytes, &index), let span = NumberSet.unpack(bytes, &index),
                let count = NumberSet.unpack(bytes, &index), let unseen = NumberSet.unpack(bytes, &index)
            else { return nil }
            let (low, lowOver) = end.addingReportingOverflow(gap)
            let (high, highOver) = low.addingReportingOverflow(span)
            guard gap > 0, !lowOver, !highOver, let first = UID(rawValue: low), let last = UID(rawValue: high), count > 0, count - 1 <= span,
                unseen <= count
            else { return nil }
            blocks.append(MailboxSnapshot.BlockSummary(first: first, last: last, count: Int(count), unseen: Int(unseen)))
            end = high
        }
        self.modSeq = modSeq
        self.blocks = blocks
    }
}
