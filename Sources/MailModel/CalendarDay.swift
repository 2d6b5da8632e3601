/// A day of the Gregorian calendar, in no zone.
package struct CalendarDay: Hashable, Comparable, Sendable {
    package let year: Int
    package let month: Int
    package let day: Int

    /// Nil for a day that never is.
    package init?(year: Int, month: Int, day: Int) {
        guard Timestamp(Timestamp.Civil(year: year, month: month, day: day)) != nil else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day on which a clock `offset` minutes east of UTC shows `moment`.
    package init(of moment: Timestamp, offset: Int = 0) {
        let civil = moment.civil(offset: offset)
        year = civil.year
        month = civil.month
        day = civil.day
    }

    package static func < (a: CalendarDay, b: CalendarDay) -> Bool {
        (a.year, a.month, a.day) < (b.year, b.month, b.day)
    }
}
