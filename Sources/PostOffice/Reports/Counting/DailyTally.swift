package import Storage

/// What is counted of one domain on one day in UTC. Bounded, whatever is counted.
package protocol DailyTally: Sendable {
    static var terms: DailyTerms { get }

    init()

    /// Nil for what `octets` has not made.
    init?(_ octets: [UInt8])

    /// As it is kept.
    var octets: [UInt8] { get }
    /// Octets that it takes, about. Adding another makes it grow by no more than the other's.
    var size: Int { get }
    /// What was counted and has no row.
    var leftOut: Int { get }
    /// Itself, and then what is left of it with less and less detail, for where there is less room.
    var forms: [Self] { get }

    /// With what another counted of the same day and domain, later.
    mutating func add(_ later: Self)
}

extension DailyTally {
    func adding(_ later: Self) -> Self {
        var sum = self
        sum.add(later)
        return sum
    }
}

/// A tally is there and cannot be read: it is left as it is.
package struct UnreadableTally: Error, Hashable, Sendable { let key: String }

/// Where tallies of a kind are kept, how many, and for how long.
package struct DailyTerms: Hashable, Sendable {
    package let keyspace: Keyspace
    /// Stands between date and domain in a key, where other things are kept in the keyspace too.
    let mark: String
    /// What it is that is counted, for the log.
    let subject: String
    package let mostDomains: Int
    /// Of one day, be it not written down yet; and of all days.
    let mostDayOctets: Int
    let mostOctets: Int
    package let keptDays: Int
    /// Tallies that are written down at once.
    let batch: Int

    func key(_ day: ReportDay) -> String { day.key(mark) }

    /// Nil: the key is another's.
    func day(_ key: String) -> ReportDay? { ReportDay(key: key, mark) }
}
