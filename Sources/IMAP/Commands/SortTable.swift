import MailModel
import MessageFormat
import Storage

/// What messages are compared by in a SORT (RFC 5256 §2.2, §3; RFC 5957 §3): a column a key.
struct SortTable: Sendable {
    private let criteria: [SortArguments.Criterion]
    private var columns: [Column]
    private var count = 0

    private enum Column: Sendable {
        case numbers([Int64])
        case texts(TextColumn)
    }

    init(_ criteria: [SortArguments.Criterion], capacity: Int) {
        self.criteria = criteria
        columns = criteria.map { criterion in
            guard criterion.key.isText else {
                var numbers: [Int64] = []
                numbers.reserveCapacity(capacity)
                return .numbers(numbers)
            }
            return .texts(TextColumn())
        }
    }

    /// `outline` may be nil where no key needs it.
    mutating func append(_ row: MessageRow, _ outline: MessageOutline?) {
        count += 1
        for (index, criterion) in criteria.enumerated() {
            switch columns[index] {
            case .numbers(var numbers):
                // Out of its place, so that it is not copied.
                columns[index] = .numbers([])
                numbers.append(criterion.key.number(row, outline))
                columns[index] = .numbers(numbers)
            case .texts(var texts):
                columns[index] = .texts(TextColumn())
                texts.append(outline.map(criterion.key.text) ?? "")
                columns[index] = .texts(texts)
            }
        }
    }

    /// The places of the messages, in order. Equal ones stay as they came, REVERSE or not (RFC 5256 §3).
    func order() -> [Int] {
        Array(0..<count).sorted { a, b in
            for (index, criterion) in criteria.enumerated() {
                let difference = compare(a, b, columns[index])
                if difference != 0 { return (difference < 0) != criterion.isReversed }
            }
            return a < b
        }
    }

    /// Of a message, for comparing octet by octet as `order` does.
    func key(at place: Int) -> [UInt8] {
        var key: [UInt8] = []
        for (index, criterion) in criteria.enumerated() {
            let start = key.count
            switch columns[index] {
            case .numbers(let numbers):
                let number = UInt64(bitPattern: numbers[place]) ^ 1 << 63
                for shift in stride(from: 56, through: 0, by: -8) { key.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
            case .texts(let texts):
                key += texts.key(at: place)
            }
            if criterion.isReversed { for at in start..<key.count { key[at] = ~key[at] } }
        }
        return key
    }

    private func compare(_ a: Int, _ b: Int, _ column: Column) -> Int {
        switch column {
        case .numbers(let numbers): numbers[a] < numbers[b] ? -1 : numbers[a] > numbers[b] ? 1 : 0
        case .texts(let texts): texts.compare(a, b)
        }
    }
}

/// Folded texts one behind the other.
struct TextColumn: Sendable {
    private var octets: [UInt8] = []
    private var ends: [Int] = []
    /// The first eight octets of each.
    private var heads: [UInt64] = []

    /// Octets of a text that count, and hardly more are held.
    static let most = 256

    mutating func append(_ text: String) {
        let start = octets.count
        var text = text
        // RFC 5255 §4: i;unicode-casemap.
        text.withUTF8 { Casemap.fold(UnsafeRawBufferPointer($0), into: &octets, most: start + TextColumn.most) }
        var head: UInt64 = 0
        for octet in octets[start...].prefix(8) { head = head << 8 | UInt64(octet) }
        head <<= UInt64(8 * (8 - min(8, octets.count - start)))
        ends.append(octets.count)
        heads.append(head)
    }

    func compare(_ a: Int, _ b: Int) -> Int {
        if heads[a] != heads[b] { return heads[a] < heads[b] ? -1 : 1 }
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

    fileprivate func number(_ row: MessageRow, _ outline: MessageOutline?) -> Int64 {
        switch self {
        case .arrival: row.internalDate.rawValue
        case .date: row.sentDate(outline).rawValue
        default: Int64(row.size)
        }
    }

    fileprivate func text(_ outline: MessageOutline) -> String {
        let envelope = outline.envelope
        return switch self {
        case .cc: envelope.cc.first?.mailbox ?? ""
        case .from: envelope.from.first?.mailbox ?? ""
        case .to: envelope.to.first?.mailbox ?? ""
        case .displayFrom: envelope.from.first?.shown ?? ""
        case .displayTo: envelope.to.first?.shown ?? ""
        default: SubjectStem(envelope.subject).text
        }
    }
}

extension MessageRow {
    /// RFC 5256 §2.2: without a Date that can be read, INTERNALDATE.
    func sentDate(_ outline: MessageOutline?) -> Timestamp { outline?.sentDate?.timestamp ?? internalDate }
}

extension EnvelopeAddress {
    /// What a mail program shows (RFC 5957 §3): the name, or else the address; of a group its name.
    fileprivate var shown: String {
        let name = EncodedWord.decode(displayName ?? "")
        return name.isEmpty ? addrSpec ?? mailbox ?? "" : name
    }
}
