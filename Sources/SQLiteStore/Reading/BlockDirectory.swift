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
        let statement = try connection.prepare("SELECT mod_seq, blocks, used FROM directory WHERE mailbox=?")
        try statement.bind([.int(mailbox.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        guard let modSeq = ModSeq(rawValue: UInt64(clamping: statement.int(0))) else { return nil }
        return BlockDirectory(modSeq, packed: statement.blob(1), used: statement.isNull(2) ? nil : statement.blob(2))
    }

    func store(of mailbox: MailboxID, _ transaction: Transaction) throws {
        try transaction.write(
            "INSERT OR REPLACE INTO directory VALUES (?,?,?,?)",
            .int(mailbox.rawValue), .int(Int64(modSeq.rawValue)), .blob(packed), packedUsed.map { .blob($0) } ?? .null)
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
    private init?(_ modSeq: ModSeq, packed bytes: [UInt8], used: [UInt8]?) {
        var used = used.map { UsedReader($0) }
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
            blocks.append(MailboxSnapshot.BlockSummary(first: first, last: last, count: Int(count), unseen: Int(unseen), used: used?.next()))
            end = high
        }
        self.modSeq = modSeq
        self.blocks = blocks
    }
}

// Of each block the flags in use: eight octets, the lowest bits first; how many octets of further keywords; those.
extension BlockDirectory {
    /// Nil where it is not known of a block.
    private var packedUsed: [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(blocks.count * 9)
        for block in blocks {
            guard let used = block.used else { return nil }
            for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: used.bits.rawValue >> UInt64(shift * 8))) }
            let further = used.further.octets
            out.append(UInt8(further.count))
            out += further
        }
        return out
    }

    private struct UsedReader {
        private var rest: ArraySlice<UInt8>

        init(_ octets: [UInt8]) { rest = octets[...] }

        /// Nil: it is not known, or the octets are not what `packedUsed` gives.
        mutating func next() -> FlagSet? {
            guard rest.count >= 9, let count = rest.dropFirst(8).first, rest.count >= 9 + Int(count) else {
                rest = []
                return nil
            }
            var bits: UInt64 = 0
            for (index, octet) in rest.prefix(8).enumerated() { bits |= UInt64(octet) << UInt64(index * 8) }
            let further = FurtherKeywords(octets: rest.dropFirst(9).prefix(Int(count)))
            rest = rest.dropFirst(9 + Int(count))
            return further.map { FlagSet(bits: FlagBits(rawValue: bits), further: $0) }
        }
    }
}
