package import MailModel

/// Which messages of a mailbox are looked for.
///
/// Every face translates what its clients write into this value, so that one search serves them all. It is walked recursively: whoever makes one bounds its
/// depth and the number of its conditions, as IMAP's grammar does.
package indirect enum SearchQuery: Hashable, Sendable {
    case all
    /// All of them hold; of none of them: every message.
    case and([SearchQuery])
    case or(SearchQuery, SearchQuery)
    case not(SearchQuery)
    /// The texts within are looked for approximately (RFC 6203 §3).
    case approximate(SearchQuery)

    // MARK: Answered by a message's row

    case uids(NumberSet)
    /// Places in the rows that are searched, from 0 on, rising and disjoint: how a client counts messages that knows them by number. They mean nothing in
    /// other rows.
    case places([Range<Int>])
    /// The message has all of these.
    case flags(SystemFlags)
    case keyword(Keyword)
    /// When the server received it (INTERNALDATE).
    case received(Range<Timestamp>)
    /// Octets.
    case size(Range<UInt64>)
    /// The message came, or its flags changed, with that ModSeq or a later one.
    case changed(since: ModSeq)
    /// The message, wherever a copy of it lies.
    case message(BodyID)

    // MARK: Answered by what is kept beside the row

    case thread(ThreadID)
    /// When it came into this mailbox, in whatever way (RFC 8514 §1).
    case saved(Range<Timestamp>)

    // MARK: Answered by the message

    /// The day of its Date field, in the zone that the field names; of a message without one that can be read, never.
    case sent(DaySpan)
    /// One of these fields, as a person reads it, holds the text; "" finds every message that has the field. The name is in lower case.
    case field(String, holds: String)
    /// The same of a field with addresses, or one of its addresses as it is written out holds the text.
    case addresses(String, hold: String)
    /// A text of the message's body holds it.
    case body(String)
    /// Its header or its body holds it.
    case text(String)

    /// No message.
    package static let nothing = SearchQuery.not(.all)
}

/// Days before one, that one, or those from it on.
package enum DaySpan: Hashable, Sendable {
    case before(CalendarDay)
    case on(CalendarDay)
    case since(CalendarDay)

    func contains(_ day: CalendarDay) -> Bool {
        switch self {
        case .before(let limit): day < limit
        case .on(let wanted): day == wanted
        case .since(let first): day >= first
        }
    }

    /// Their moments where days are those of UTC.
    package var inUTC: Range<Timestamp> {
        switch self {
        case .before(let day): .earliest..<DaySpan.start(of: day)
        case .on(let day): DaySpan.start(of: day)..<Timestamp(rawValue: DaySpan.start(of: day).rawValue + 86_400)
        case .since(let day): DaySpan.start(of: day)..<Timestamp.latest
        }
    }

    private static func start(of day: CalendarDay) -> Timestamp {
        Timestamp(Timestamp.Civil(year: day.year, month: day.month, day: day.day)) ?? Timestamp(rawValue: 0)
    }
}

extension Timestamp {
    /// Before and behind every moment that a message can have.
    package static let earliest = Timestamp(rawValue: .min)
    package static let latest = Timestamp(rawValue: .max)
}
