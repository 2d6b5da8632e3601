import MailModel
import MessageFormat
import Storage

/// What messages are compared by in a SORT (RFC 5256 §2.2, §3; RFC 5957 §3): a column a key.
struct SortTable: Sendable {
    private var columns: [Column]
    private(set) var count = 0

    fileprivate struct Column: Sendable {
        let key: SortArguments.Key
        let isReversed: Bool
        /// Of a key that is a number.
        var numbers: [Int64] = []
        var texts: TextColumn
    }

    /// Octets of texts that a table may hold, whatever the mailbox holds: of very many messages less of each text counts.
    private static let mostOctets = 128 << 20

    /// `capacity`: how many messages there will be, at most.
    init(_ criteria: [SortArguments.Criterion], capacity: Int) {
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

/// Folded texts one behind the other.
struct TextColumn: Sendable {
    private var octets: [UInt8] = []
    private var ends: [Int] = []
    /// The first eight octets of each.
    private var heads: [UInt64] = []

    /// Octets of a text that count, and hardly more are held.
    private let octetsOfText: Int
    static let most = 256

    init(most: Int = TextColumn.most) { octetsOfText = most }

    mutating func append(_ text: String) {
        let start = octets.count
        var text = text
        // RFC 5255 §4: i;unicode-casemap.
        text.withUTF8 { Casemap.fold(UnsafeRawBufferPointer($0), into: &octets, most: start + octetsOfText) }
        var head: UInt64 = 0
        for octet in octets[start...].prefix(8) { head = head << 8 | UInt64(octet) }
        head <<= UInt64(8 * (8 - min(8, octets.count - start)))
        ends.append(octets.count)
        heads.append(head)
    }

    mutating func cut(to count: Int) {
        guard count < ends.count else { return }
        octets.removeLast(octets.count - (count == 0 ? 0 : ends[count - 1]))
        ends.removeLast(ends.count - count)
        heads.removeLast(heads.count - count)
    }

    /// A number that is smaller for a text that goes before others; the same for some that `compare` knows apart.
    func head(_ place: Int) -> UInt64 { heads[place] }

    func compare(_ a: Int, _ b: Int) -> Int { heads[a] == heads[b] ? compareTails(a, b) : heads[a] < heads[b] ? -1 : 1 }

    /// Of texts whose heads are alike.
    private func compareTails(_ a: Int, _ b: Int) -> Int {
        let (one, other) = (range(a), range(b))
        for (x, y) in zip(octets[one], octets[other]) where x != y { return x < y ? -1 : 1 }
        return one.count - other.count
    }

    /// For comparing octet by octet: two zeros end a text, so that it comes before longer ones.
    func key(at place: Int) -> [UInt8] { octets[range(place)].flatMap { $0 == 0 ? [0, 0xFF] : [$0] } + [0, 0] }

    private func range(_ place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }
}

extension SortArguments.Key {
    var isText: Bool {
        switch self {
        case .arrival, .date, .size: false
        case .cc, .from, .subject, .to, .displayFrom, .displayTo: true
        }
    }

    /// Whether the narrow row does not do.
    var needsOutline: Bool { isText || self == .date }

    /// Of those that the narrow row tells.
    fileprivate func number(_ row: MessageRow) -> Int64 { self == .arrival ? row.internalDate.rawValue : Int64(row.size) }

    fileprivate func text(_ envelope: EnvelopeView) throws(OutlineCorrupt) -> String {
        switch self {
        case .cc: try envelope.cc.firstAddress()?.mailbox ?? ""
        case .from: try envelope.from.firstAddress()?.mailbox ?? ""
        case .to: try envelope.to.firstAddress()?.mailbox ?? ""
        case .displayFrom: try envelope.from.firstAddress()?.shown ?? ""
        case .displayTo: try envelope.to.firstAddress()?.shown ?? ""
        default: SubjectStem(envelope.subject.map { String(decoding: $0, as: UTF8.self) }).text
        }
    }
}

extension MessageRow {
    /// RFC 5256 §2.2: without a Date that can be read, INTERNALDATE.
    func sent(_ date: MessageDate?) -> Timestamp { date?.timestamp ?? internalDate }
}

extension EnvelopeAddress {
    /// What a mail program shows (RFC 5957 §3): the name, or else the address; of a group its name.
    fileprivate var shown: String {
        let name = EncodedWord.decode(displayName ?? "")
        return name.isEmpty ? addrSpec ?? mailbox ?? "" : name
    }
}
