package import MailModel

extension Timestamp {
    // date-time = full-date "T" full-time                                        (RFC 3339 §5.6)
    package init?(dateTime text: String) {
        let octets = Array(text.utf8)
        guard (20...40).contains(octets.count), octets[4] == UInt8(ascii: "-"), octets[7] == UInt8(ascii: "-"), octets[10] | 0x20 == UInt8(ascii: "t"),
            octets[13] == UInt8(ascii: ":"), octets[16] == UInt8(ascii: ":"), let year = Timestamp.number(octets[0..<4]),
            let month = Timestamp.number(octets[5..<7]), let day = Timestamp.number(octets[8..<10]), let hour = Timestamp.number(octets[11..<13]),
            let minute = Timestamp.number(octets[14..<16]), let second = Timestamp.number(octets[17..<19])
        else { return nil }
        var rest = octets[19...]
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return nil }
            rest = rest[fraction.endIndex...]
        }
        guard let offset = Timestamp.offset(Array(rest)) else { return nil }
        self.init(Civil(year: year, month: month, day: day, hour: hour, minute: minute, second: second), offset: offset)
    }

    // time-offset = "Z" / ( "+" / "-" ) time-hour ":" time-minute
    private static func offset(_ octets: [UInt8]) -> Int? {
        if octets.count == 1, octets[0] | 0x20 == UInt8(ascii: "z") { return 0 }
        guard octets.count == 6, octets[3] == UInt8(ascii: ":"), let hours = number(octets[1..<3]), let minutes = number(octets[4..<6]), hours < 24,
            minutes < 60
        else { return nil }
        switch octets[0] {
        case UInt8(ascii: "+"): return hours * 60 + minutes
        case UInt8(ascii: "-"): return -(hours * 60 + minutes)
        default: return nil
        }
    }

    // IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT                  (RFC 9110 §5.6.7)
    /// Of the forms of an HTTP-date, the one that is still sent.
    init?(httpDate text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].utf8.count == 4, parts[0].hasSuffix(","), parts[5] == "GMT", let day = Timestamp.number(Array(parts[1].utf8)[...]),
            let month = Timestamp.monthNames.firstIndex(of: String(parts[2])), let year = Timestamp.number(Array(parts[3].utf8)[...])
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false).compactMap { part in
            part.utf8.count == 2 ? Timestamp.number(Array(part.utf8)[...]) : nil
        }
        guard time.count == 3 else { return nil }
        self.init(Civil(year: year, month: month + 1, day: day, hour: time[0], minute: time[1], second: time[2]))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...4).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
