import MailModel
import MessageFormat
import NIOCore

// Flags, dates and sets of numbers.
extension ArgumentReader {
    private static let mostFlags = 1_000

    //     flag-list = "(" [flag *(SP flag)] ")"             ; RFC 9051 §9
    mutating func flagList(ignoringUnknown: Bool = false) throws(SyntaxError) -> Flags {
        var flags = Flags()
        var seen: Set<Keyword> = []
        try list(atMost: ArgumentReader.mostFlags, orEmpty: true) { (reader) throws(SyntaxError) in
            try reader.flag(into: &flags, &seen, ignoringUnknown: ignoringUnknown)
        }
        return flags
    }

    //     store-att-flags = ... (flag-list / (flag *(SP flag)))
    mutating func flags() throws(SyntaxError) -> Flags {
        if peek() == UInt8(ascii: "(") { return try flagList() }
        var flags = Flags()
        var seen: Set<Keyword> = []
        var count = 0
        repeat {
            count += 1
            guard count <= ArgumentReader.mostFlags else { throw SyntaxError("List too long") }
            try flag(into: &flags, &seen, ignoringUnknown: false)
        } while scanner.take(0x20)
        return flags
    }

    //     flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
    // \Recent cannot be set by a client (RFC 3501 §2.3.2); APPEND overlooks it, for clients copy it from a FETCH.
    private mutating func flag(
        into flags: inout Flags, _ seen: inout Set<Keyword>, ignoringUnknown: Bool
    )
        throws(SyntaxError)
    {
        guard take("\\") else {
            let keyword = try flagKeyword()
            if seen.insert(keyword).inserted { flags.keywords.append(keyword) }
            return
        }
        switch try keyword() {
        case "ANSWERED": flags.system.insert(.answered)
        case "FLAGGED": flags.system.insert(.flagged)
        case "DELETED": flags.system.insert(.deleted)
        case "SEEN": flags.system.insert(.seen)
        case "DRAFT": flags.system.insert(.draft)
        default: if !ignoringUnknown { throw SyntaxError("Unknown system flag") }
        }
    }

    //     flag-keyword = "$MDNSent" / "$Forwarded" / "$Junk" / "$NotJunk" / "$Phishing" / atom
    mutating func flagKeyword() throws(SyntaxError) -> Keyword {
        guard let keyword = Keyword(try atom()) else { throw SyntaxError("Keyword too long") }
        return keyword
    }

    //     sequence-set = (seq-number / seq-range) ["," sequence-set] / seq-last-command     ; RFC 9051 §9
    //     seq-range    = seq-number ":" seq-number ; seq-last-command = "$"
    mutating func sequenceSet() throws(SyntaxError) -> SequenceSet {
        if take("$") { return .saved }
        var spans: [SequenceSet.Span] = []
        repeat {
            let first = try seqNumber()
            spans.append(SequenceSet.Span(first: first, second: take(":") ? try seqNumber() : first))
        } while take(",")
        return .ranges(spans)
    }

    //     seq-number = nz-number / "*"
    mutating func seqNumber() throws(SyntaxError) -> UInt32 {
        if take("*") { return 0 }
        return UInt32(truncatingIfNeeded: try number(from: 1, upTo: UInt64(UInt32.max)))
    }

    //     date      = date-text / DQUOTE date-text DQUOTE
    //     date-text = date-day "-" date-month "-" date-year ; date-day = 1*2DIGIT ; date-year = 4DIGIT
    mutating func date() throws(SyntaxError) -> CalendarDay {
        let isQuoted = take("\"")
        let day = try digits(1...2)
        let month = try monthBetweenHyphens()
        let year = try digits(4...4)
        if isQuoted, !take("\"") { throw SyntaxError("Date expected") }
        guard let date = CalendarDay(year: year, month: month, day: day) else { throw SyntaxError("No such day") }
        return date
    }

    //     date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
    //     date-day-fixed = (SP DIGIT) / 2DIGIT ; time = 2DIGIT ":" 2DIGIT ":" 2DIGIT ; zone = ("+" / "-") 4DIGIT
    mutating func dateTime() throws(SyntaxError) -> Timestamp {
        guard take("\"") else { throw SyntaxError("Date expected") }
        let day = scanner.take(0x20) ? try digits(1...1) : try digits(1...2)
        let month = try monthBetweenHyphens()
        var civil = Timestamp.Civil(year: try digits(4...4), month: month, day: day)
        try space()
        civil.hour = try digits(2...2)
        guard take(":") else { throw SyntaxError("Time expected") }
        civil.minute = try digits(2...2)
        guard take(":") else { throw SyntaxError("Time expected") }
        civil.second = try digits(2...2)
        try space()
        let isWest = take("-")
        guard isWest || take("+") else { throw SyntaxError("Zone expected") }
        let zone = try digits(4...4)
        let minutes = zone / 100 * 60 + zone % 100
        guard zone % 100 < 60, take("\""), let moment = Timestamp(civil, offset: isWest ? -minutes : minutes) else {
            throw SyntaxError("No such date and time")
        }
        return moment
    }

    private mutating func monthBetweenHyphens() throws(SyntaxError) -> Int {
        guard take("-"), let name = scanner.take(count: 3), take("-") else { throw SyntaxError("Date expected") }
        let wanted = String(buffer: name).lowercased()
        guard let index = Timestamp.monthNames.firstIndex(where: { $0.lowercased() == wanted }) else {
            throw SyntaxError("No such month")
        }
        return index + 1
    }

    private mutating func digits(_ counts: ClosedRange<Int>) throws(SyntaxError) -> Int {
        var value = 0
        var count = 0
        while count < counts.upperBound, let octet = peek(), OctetSet.digits.contains(octet) {
            value = value * 10 + Int(octet - 0x30)
            count += 1
            _ = scanner.next()
        }
        guard counts.contains(count) else { throw SyntaxError("Date expected") }
        return value
    }
}
