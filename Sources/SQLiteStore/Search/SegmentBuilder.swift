import Crypto
import MailModel
import MessageFormat
import Storage

/// Writes a segment, word by word in rising order, in blocks; it is there for queries once `finish` has committed.
final class SegmentBuilder {
    /// A block is closed past these, in octets.
    private static let fullWords = 32 << 10
    private static let fullPostings = 256 << 10
    private static let blocksInCommit = 16

    private let file: SearchFile
    private let key: SymmetricKey
    private let head: SegmentHead
    private var record: SegmentRecord
    private var words: [UInt8] = [0x0A]
    private var lengths: [Int] = []
    private var postings: [UInt8] = []
    private var blocks = 0

    init(_ file: SearchFile, _ account: AccountID, _ head: SegmentHead, _ key: SymmetricKey) throws {
        self.file = file
        self.key = key
        self.head = head
        guard let lowest = head.bodies.first, let highest = head.bodies.last else { throw StorageFault.unavailable("a segment of nothing") }
        try file.connection.execute("BEGIN IMMEDIATE")
        try file.connection.run(
            "INSERT INTO segment (account, bodies, lowest, highest, blocks, ready, head) VALUES (?,?,?,?,0,0,x'')",
            .int(account.rawValue), .int(Int64(head.bodies.count)), .int(lowest.rawValue), .int(highest.rawValue))
        let id = try file.connection.number("SELECT last_insert_rowid()") ?? 0
        record = SegmentRecord(id: id, account: account, count: head.bodies.count, lowest: lowest, highest: highest, blocks: 0)
    }

    /// `places`: ordinal << 2 | zones, rising; not empty.
    func add(_ word: UnsafeRawBufferPointer, _ places: ArraySlice<UInt64>) throws {
        if words.count > SegmentBuilder.fullWords || postings.count > SegmentBuilder.fullPostings { try closeBlock() }
        words.append(contentsOf: word)
        words.append(0x0A)
        let before = postings.count
        Postings.write(places, to: &postings)
        lengths.append(postings.count - before)
    }

    private func closeBlock() throws {
        guard !lengths.isEmpty else { return }
        var table: [UInt8] = []
        table.append(number: UInt64(lengths.count))
        for length in lengths { table.append(number: UInt64(length)) }
        let sealedWords = try Seal.seal(words, under: key, as: record.label(.searchWords, blocks))
        let sealedPostings = try Seal.seal(table + postings, under: key, as: record.label(.searchPostings, blocks))
        try file.connection.run(
            "INSERT INTO block VALUES (?,?,?)", .int(record.id << 24 | Int64(blocks)), .blob(sealedWords), .blob(sealedPostings))
        blocks += 1
        words = [0x0A]
        lengths = []
        postings = []
        if blocks % SegmentBuilder.blocksInCommit == 0 {
            try file.connection.execute("COMMIT")
            try file.connection.execute("BEGIN IMMEDIATE")
        }
    }

    /// Commits, and with the same commit removes what the segment stands for from now on.
    func finish(replacing old: [Int64] = [], also change: () throws -> Void = {}) throws -> SegmentRecord {
        try closeBlock()
        record = SegmentRecord(
            id: record.id, account: record.account, count: record.count, lowest: record.lowest, highest: record.highest, blocks: blocks)
        let sealed = try Seal.seal(head.encode(), under: key, as: record.label(.searchHead))
        try file.connection.run("UPDATE segment SET blocks=?, ready=1, head=? WHERE id=?", .int(Int64(blocks)), .blob(sealed), .int(record.id))
        for segment in old { try file.remove(segment) }
        try change()
        try file.connection.execute("COMMIT")
        return record
    }

    func abandon() {
        try? file.connection.execute("ROLLBACK")
        try? file.connection.execute("BEGIN IMMEDIATE")
        try? file.remove(record.id)
        try? file.connection.execute("COMMIT")
    }
}

extension YoungWords {
    /// Writes what is in memory as a segment.
    func write(_ builder: (SegmentHead) throws -> SegmentBuilder) throws -> SegmentBuilder {
        let order = bodies.indices.sorted { bodies[$0].rawValue < bodies[$1].rawValue }
        var ranks = [UInt64](repeating: 0, count: bodies.count)
        for (rank, ordinal) in order.enumerated() { ranks[ordinal] = UInt64(rank) }
        let isInOrder = order.elementsEqual(bodies.indices)
        let head = SegmentHead(
            bodies: ContiguousArray(order.map { bodies[$0] }),
            traits: order.enumerated().compactMap { rank, ordinal in
                traits[ordinal] == 0 ? nil : SegmentHead.Trait(ordinal: rank, bits: traits[ordinal])
            })
        let builder = try builder(head)
        // Postings by word: counted, then put in their places.
        var ends = [Int](repeating: 0, count: starts.count + 1)
        for posting in postings { ends[Int(posting >> 32) + 1] += 1 }
        for index in ends.indices.dropFirst() { ends[index] += ends[index - 1] }
        let firsts = ends
        var byWord = [UInt64](repeating: 0, count: postings.count)
        for posting in postings {
            let word = Int(posting >> 32)
            byWord[ends[word]] = ranks[Int(posting & 0xFFFF_FFFF) >> 2] << 2 | posting & 3
            ends[word] += 1
        }
        try list.withUnsafeBytes { list in
            func word(_ number: Int) -> UnsafeRawBufferPointer {
                let start = Int(starts[number])
                let end = number + 1 < starts.count ? Int(starts[number + 1]) - 1 : list.count - 1
                return UnsafeRawBufferPointer(rebasing: list[start..<end])
            }
            for number in starts.indices.sorted(by: { word($0).precedes(word($1)) }) {
                let range = firsts[number]..<ends[number]
                if !isInOrder { byWord[range].sort() }
                if !range.isEmpty { try builder.add(word(number), byWord[range]) }
            }
        }
        return builder
    }
}

extension UnsafeRawBufferPointer {
    /// Octet by octet.
    func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let order = compare(other)
        return order < 0
    }

    /// Under 0, 0, or over it.
    func compare(_ other: UnsafeRawBufferPointer) -> Int {
        let most = Swift.min(count, other.count)
        for index in 0..<most where self[index] != other[index] { return self[index] < other[index] ? -1 : 1 }
        return count - other.count
    }
}
