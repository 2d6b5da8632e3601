package import MailModel

/// SEARCH's (RFC 9051 §6.4.4, RFC 4731).
package struct SearchArguments: Hashable, Sendable {
    package struct ReturnOptions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let min = ReturnOptions(rawValue: 1)
        package static let max = ReturnOptions(rawValue: 2)
        package static let all = ReturnOptions(rawValue: 4)
        package static let count = ReturnOptions(rawValue: 8)
        /// RFC 9051 §6.4.4.1.
        package static let save = ReturnOptions(rawValue: 16)
        /// RFC 6203 §4.
        package static let relevancy = ReturnOptions(rawValue: 32)
    }

    /// Nil without RETURN: answered by SEARCH on IMAP4rev1, by ESEARCH ALL on rev2. `RETURN ()` is `all`.
    package var returns: ReturnOptions?
    /// Only with RETURN, and never with `all` (RFC 9394).
    package var partial: PartialRange?
    /// UPDATE: the client wants to be told how the results change (RFC 5267 §4.3).
    package var isUpdated = false
    /// As written, in capitals; nil when none was.
    package var charset: String?
    /// False: answer NO [BADCHARSET]; the texts in `key` are empty then.
    package var isCharsetSupported: Bool
    package var key: SearchKey

    package init(returns: ReturnOptions? = nil, charset: String? = nil, isCharsetSupported: Bool = true, key: SearchKey) {
        self.returns = returns
        self.charset = charset
        self.isCharsetSupported = isCharsetSupported
        self.key = key
    }
}

/// A search program (RFC 9051 §6.4.4; RFC 3501 §6.4.4 for the keys with \Recent). At most `deepest` levels and `most`
/// keys.
package indirect enum SearchKey: Hashable, Sendable {
    case all
    /// Every key of a list; never empty.
    case and([SearchKey])
    case or(SearchKey, SearchKey)
    case not(SearchKey)
    /// Its texts are looked for approximately (RFC 6203 §3).
    case fuzzy(SearchKey)

    case sequence(SequenceSet)
    case uid(SequenceSet)

    /// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN: exactly one flag. UNSEEN and so on are `not` of it.
    case flag(SystemFlags)
    case keyword(Keyword)
    /// \Recent and not \Seen.
    case new
    /// Not \Recent.
    case old
    case recent

    /// FROM, TO, CC, BCC, SUBJECT: substring of that field, as a person reads it.
    case from(String)
    case to(String)
    case cc(String)
    case bcc(String)
    case subject(String)
    /// Field name in lower case; "" finds all messages that have the field.
    case header(field: String, String)
    case body(String)
    case text(String)

    /// INTERNALDATE, without regard to time and zone.
    case before(CalendarDay)
    case on(CalendarDay)
    case since(CalendarDay)
    /// The Date field, without regard to time and zone.
    case sentBefore(CalendarDay)
    case sentOn(CalendarDay)
    case sentSince(CalendarDay)
    /// RFC 8514.
    case savedBefore(CalendarDay)
    case savedOn(CalendarDay)
    case savedSince(CalendarDay)
    case saveDateSupported

    /// Octets.
    case larger(UInt64)
    case smaller(UInt64)
    /// Seconds, 1... (RFC 5032): INTERNALDATE is at least that long ago / within that time.
    case older(UInt32)
    case younger(UInt32)

    /// RFC 7162 §3.1.5: changed at or after; the metadata entry that may be named means the same for all.
    case modSeq(ModSeq)
    /// RFC 8474 §5.3: object ids as they are written.
    case emailID(String)
    case threadID(String)

    package static let deepest = 32
    package static let most = 1_000
}
