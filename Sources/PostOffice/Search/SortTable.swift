import MailModel
import MessageFormat
import Storage

/// What messages are compared by (RFC 5256 §2.2, §3; RFC 5957 §3): a column a key.
struct SortTable: Sendable {
    private var columns: [Column]
    private(set) var count = 0

    fileprivate struct Column: Sendable {
        let key: SortKey
        let isReversed: Bool
        /// Of a key that is a number.
        var numbers: [Int64] = []
        var texts: TextColumn
    }

    /// Octets of texts that a table may hold, whatever the mailbox holds: of very many messages less of each text counts.
    private static let mostOctets = 128 << 20

    /// `capacity`: how many messages there will be, at most.
    init(_ criteria: [SortCriterion], capacity: Int) {
        let texts = max(1, capacity) * max(1, criteria.count(where: \.key.isText))
        let most = min(TextColumn.most, max(16, SortTable.mostOctets / texts))
        columns = criteria.map { Column(key: $0.key, isReversed: $0.isReversed, texts: TextColumn(most: most)) }
    }

    /// `outline` may be nil where no key needs it.
    mutating func append(_ row: MessageRow, _ outline: EncodedOutline?) throws(OutlineCorrupt) {
        count += 1
        guard let outline else { return add(row) }
        try outline.read { (reader) throws(OutlineCorrupt) in
            _ = try reader.head()
            let envelope = try reader.envelopeView()
            var sent: Timestamp?
            for index in columns.indices {
                switch columns[index].key {
                case .date:
                    let date = if let sent { sent } else { row.sent(try reader.sentDate()) }
                    sent = date
                    columns[index].numbers.append(date.rawValue)
                case let key where key.isText: columns[index].texts.append(try key.text(envelope))
                case let key: columns[index].numbers.append(key.number(row))
                }
            }
        }
    }

    /// Only the first so many messages, after one that could not be added.
    mutating func cut(to count: Int) {
        self.count = count
        for index in columns.indices {
            columns[index].numbers.removeLast(max(0, columns[index].numbers.count - count))
            columns[index].texts.cut(to: count)
        }
    }

    private mutating func add(_ row: MessageRow) {
        for index in columns.indices { columns[index].numbers.append(columns[index].key.number(row)) }
    }

    /// The places of the messages, in order. Equal ones stay as they came, REVERSE or not (RFC 5256 §3).
    func order() -> [Int] {
        // By the lightest key first: each keeps the order of what is equal to it.
        columns.reversed().reduce(Array(0..<count)) { $1.sorted($0) }
    }

    /// Of a message, for comparing octet by octet as `order` does.
    func key(at place: Int) -> [UInt8] { columns.flatMap { $0.key(at: place) } }
}

extension SortTable.Column {
    fileprivate func key(at place: Int) -> [UInt8] {
        let octets = key.isText ? texts.key(at: place) : withUnsafeBytes(of: number(at: place).bigEndian) { Array($0) }
        return isReversed ? octets.map { ~$0 } : octets
    }

    /// In the order of the numbers.
    private func number(at place: Int) -> UInt64 { UInt64(bitPattern: numbers[place]) ^ 1 << 63 }

    private struct Entry {
        /// The number, or a text's first octets; smaller goes first.
        let head: UInt64
        let rank: Int
        let place: Int
    }

    fileprivate func sorted(_ places: [Int]) -> [Int] {
        var entries: [Entry] = []
        entries.reserveCapacity(places.count)
        for (rank, place) in places.enumerated() {
            let head = key.isText ? texts.head(place) : number(at: place)
            entries.append(Entry(head: isReversed ? ~head : head, rank: rank, place: place))
        }
        if key.isText {
            let (texts, isReversed) = (texts, isReversed)
            entries.sort { a, b in
                guard a.head == b.head else { return a.head < b.head }
                let difference = texts.compare(a.place, b.place)
                return difference == 0 ? a.rank < b.rank : (difference < 0) != isReversed
            }
        } else {
            entries.sort { a, b in a.head == b.head ? a.rank < b.rank : a.head < b.head }
        }
        return entries.map(\.place)
    }
}
