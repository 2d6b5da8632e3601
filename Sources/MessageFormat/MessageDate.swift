package import MailModel
package import NIOCore

/// A date-time as a message writes it (RFC 5322 §3.3, §4.3): the moment, and the zone it was written in.
package struct MessageDate: Sendable, Hashable {
    package let timestamp: Timestamp
    /// Minutes east of UTC; 0 for a zone that is missing or that nobody knows (RFC 5322 §4.3).
    package let offset: Int

    package init(timestamp: Timestamp, offset: Int) {
        self.timestamp = timestamp
        self.offset = offset
    }

    /// The date and time as written, which SENTBEFORE, SENTON and SENTSINCE compare (RFC 9051 §6.4.4).
    package var civil: Timestamp.Civil { timestamp.civil(offset: offset) }

    /// Nil when there is no day, month, year and time of day to be found. A missing second is 0.
    package static func parse(_ text: ByteBuffer) -> MessageDate? {
        text.withUnsafeReadableBytes { octets in
            var parser = DateParser(octets)
            return parser.parse()
        }
    }

    package static func parse(_ text: String) -> MessageDate? { parse(ByteBuffer(string: text)) }

    /// `Sun, 22 Nov 2026 00:35:00 +0000`, shown `offset` minutes east of UTC.
    package static func format(_ timestamp: Timestamp, offset: Int = 0) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let offset = min(max(offset, -1_439), 1_439)
        let shown = Timestamp(rawValue: timestamp.rawValue &+ Int64(offset) * 60)
        let civil = shown.civil
        if (0...9_999).contains(civil.year) { return format(civil, weekday: shown.weekday, offset: offset) }
        let day = "\(Timestamp.weekdayNames[shown.weekday]), \(civil.day) \(Timestamp.monthNames[civil.month - 1])"
        let year = String(repeating: "0", count: max(0, 4 - "\(civil.year)".utf8.count)) + "\(civil.year)"
        let minutes = abs(offset)
        let zone = (offset < 0 ? "-" : "+") + two(minutes / 60) + two(minutes % 60)
        return "\(day) \(year) \(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) \(zone)"
    }

    /// A year of four digits, which is every message's.
    private static func format(_ civil: Timestamp.Civil, weekday: Int, offset: Int) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        func put(_ number: Int, digits: Int) {
            var divisor = digits == 4 ? 1_000 : 10
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        text.append(contentsOf: Timestamp.weekdayNames[weekday].utf8)
        text.append(contentsOf: [UInt8(ascii: ","), UInt8(ascii: " ")])
        put(civil.day, digits: 2)
        if civil.day < 10 { text.remove(at: text.count - 2) }
        text.append(UInt8(ascii: " "))
        text.append(contentsOf: Timestamp.monthNames[civil.month - 1].utf8)
        text.append(UInt8(ascii: " "))
        put(civil.year, digits: 4)
        for (number, mark) in [(civil.hour, UInt8(ascii: " ")), (civil.minute, UInt8(ascii: ":")), (civil.second, UInt8(ascii: ":"))] {
            text.append(mark)
            put(number, digits: 2)
        }
        text.append(UInt8(ascii: " "))
        text.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        put(abs(offset) / 60, digits: 2)
        put(abs(offset) % 60, digits: 2)
        return String(decoding: text, as: UTF8.self)
    }
}

// date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone
// Also read: the parts of the date parted by "-", and asctime's month day time year.
struct DateParser {
    private var lexer: FieldLexer

    init(_ octets: UnsafeRawBufferPointer) { lexer = FieldLexer(octets) }

    mutating func parse() -> MessageDate? {
        skipSeparators()
        var month: Int?
        if let octet = lexer.peek(), OctetSet.letters.contains(octet) {
            month = DateParser.month(lexer.run(.letters))
            skipSeparators()
            if month == nil, let octet = lexer.peek(), OctetSet.letters.contains(octet) {
                month = DateParser.month(lexer.run(.letters))
            }
        }
        skipSeparators()
        guard let day = number(digits: 2) else { return nil }
        skipSeparators()
        if month == nil { month = DateParser.month(lexer.run(.letters)) }
        guard let month else { return nil }
        skipSeparators()
        var year = self.year()
        guard let time = time() else { return nil }
        var offset = zone()
        if year == nil {
            skipSeparators()
            year = self.year()
            if offset == nil { offset = zone() }
        }
        guard let year else { return nil }
        let civil = Timestamp.Civil(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute, second: time.second)
        guard let timestamp = Timestamp(civil, offset: offset ?? 0) else { return nil }
        return MessageDate(timestamp: timestamp, offset: offset ?? 0)
    }

    private mutating func skipSeparators() {
        repeat { lexer.skipBlank() } while lexer.take(UInt8(ascii: ",")) || lexer.take(UInt8(ascii: "-"))
    }

    private mutating func number(digits: Int) -> Int? {
        let run = lexer.run(.digits)
        guard (1...digits).contains(run.count) else { return nil }
        return run.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    // RFC 5322 §4.3: two digits below 50 are this century's, other two or three digits count from 1900. Nil, and
    // nothing taken, at a time of day.
    private mutating func year() -> Int? {
        let start = lexer.index
        let count = lexer.run(.digits).count
        lexer.index = start
        guard (2...4).contains(count) else { return nil }
        let isTime = start + count < lexer.octets.count && lexer.octets[start + count] == UInt8(ascii: ":")
        guard !isTime, let number = number(digits: 4) else { return nil }
        return count == 4 ? number : count == 2 && number < 50 ? number + 2000 : number + 1900
    }

    private mutating func time() -> (hour: Int, minute: Int, second: Int)? {
        lexer.skipBlank()
        guard let hour = number(digits: 2) else { return nil }
        lexer.skipBlank()
        guard lexer.take(UInt8(ascii: ":")) else { return nil }
        lexer.skipBlank()
        guard let minute = number(digits: 2) else { return nil }
        lexer.skipBlank()
        guard lexer.take(UInt8(ascii: ":")) else { return (hour, minute, 0) }
        lexer.skipBlank()
        guard let second = number(digits: 2) else { return nil }
        return (hour, minute, second)
    }

    private mutating func zone() -> Int? {
        lexer.skipBlank()
        guard let sign = lexer.peek() else { return nil }
        if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            lexer.index += 1
            let run = lexer.run(.digits)
            guard run.count == 4 else { return 0 }
            let number = run.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            guard number / 100 < 24, number % 100 < 60 else { return 0 }
            let minutes = number / 100 * 60 + number % 100
            return sign == UInt8(ascii: "-") ? -minutes : minutes
        }
        let name = lexer.run(.letters)
        guard !name.isEmpty else { return nil }
        return DateParser.zones.first { HeaderText.matches(name, $0.name) }?.offset ?? 0
    }

    private static let zones: [(name: StaticString, offset: Int)] = [
        ("est", -300), ("edt", -240), ("cst", -360), ("cdt", -300), ("mst", -420), ("mdt", -360), ("pst", -480),
        ("pdt", -420),
    ]

    private static let months: [StaticString] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    // By the first three letters: some write the whole name.
    private static func month(_ word: UnsafeRawBufferPointer) -> Int? {
        guard word.count >= 3 else { return nil }
        let start = UnsafeRawBufferPointer(rebasing: word[..<3])
        return months.firstIndex { HeaderText.matches(start, $0) }.map { $0 + 1 }
    }
}
