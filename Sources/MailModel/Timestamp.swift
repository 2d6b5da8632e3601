/// A moment, in whole seconds since 1970-01-01T00:00:00Z, without leap seconds; what INTERNALDATE and trace lines carry.
package struct Timestamp: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    @inlinable package init(rawValue: Int64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: Timestamp, b: Timestamp) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: Timestamp, b: Timestamp) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    /// Since when the program may ask; a constructor argument wherever time matters, so that tests move it.
    package typealias Clock = @Sendable () -> Timestamp

    /// The Gregorian date and time of day in UTC.
    package struct Civil: Hashable, Sendable {
        package var year: Int
        package var month: Int
        package var day: Int
        package var hour: Int
        package var minute: Int
        package var second: Int

        package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
            self.year = year
            self.month = month
            self.day = day
            self.hour = hour
            self.minute = minute
            self.second = second
        }
    }

    /// The moment of a civil date shown at `offset` minutes east of UTC; nil when a field is out of its range
    /// (second 60 is taken as 59, year 0...9999).
    package init?(_ civil: Civil, offset: Int = 0) {
        guard (0...9999).contains(civil.year), (1...12).contains(civil.month), (0...23).contains(civil.hour),
            (0...59).contains(civil.minute), (0...60).contains(civil.second), abs(offset) < 24 * 60,
            civil.day >= 1, civil.day <= Timestamp.days(in: civil.month, of: civil.year)
        else { return nil }
        let days = Timestamp.days(toYear: civil.year, month: civil.month, day: civil.day)
        let second = min(civil.second, 59)
        rawValue = days * 86_400 + Int64(civil.hour) * 3_600 + Int64(civil.minute) * 60 + Int64(second) - Int64(offset) * 60
    }

    package var civil: Civil { civil(offset: 0) }

    /// As a clock shows it `offset` minutes east of UTC.
    package func civil(offset: Int) -> Civil {
        // No date is so far away, and the sums below have room.
        let local = min(max(rawValue, -Timestamp.furthest), Timestamp.furthest) + Int64(offset) * 60
        let days = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
        let seconds = Int(local - days * 86_400)
        let (year, month, day) = Timestamp.date(ofDays: days)
        return Civil(year: year, month: month, day: day, hour: seconds / 3_600, minute: seconds / 60 % 60, second: seconds % 60)
    }

    /// Seconds; some 34,000 years.
    private static let furthest: Int64 = 1 << 40

    /// 0 is Sunday.
    package var weekday: Int {
        let days = rawValue >= 0 ? rawValue / 86_400 : (max(rawValue, .min + 86_399) - 86_399) / 86_400
        return Int(((days + 4) % 7 + 7) % 7)
    }

    package static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    package static let weekdayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // Days from 1970-01-01, counting years from March so that the leap day is a year's last.
    private static func days(toYear year: Int, month: Int, day: Int) -> Int64 {
        let y = Int64(month <= 2 ? year - 1 : year)
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(ofDays days: Int64) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shifted + 2) / 5 + 1)
        let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Timestamp: CustomStringConvertible {
    /// ISO 8601, in UTC: `2026-11-22T00:35:00Z`.
    package var description: String {
        let c = civil
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let year = String(repeating: "0", count: max(0, 4 - "\(c.year)".count)) + "\(c.year)"
        return "\(year)-\(two(c.month))-\(two(c.day))T\(two(c.hour)):\(two(c.minute)):\(two(c.second))Z"
    }
}
