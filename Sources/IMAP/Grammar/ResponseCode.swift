package import MailModel

/// What stands in brackets before a response's text (RFC 9051 §7.1, and what it lists in §7.1 from other RFCs).
package enum ResponseCode: Hashable, Sendable {
    case alert
    case alreadyExists
    case appendLimit(Int?)
    /// RFC 4315 §3. Not empty.
    case appendUID(UIDValidity, NumberSet)
    case authenticationFailed
    case authorizationFailed
    /// The URL that names nothing here (RFC 4469 §4.1): what of it may stand there.
    case badURL(String)
    /// RFC 5465 §3.1: the events that are served.
    case badEvent(NotifyEvents)
    /// Names of the charsets that are supported.
    case badCharset([String])
    case cannot
    case capability([String])
    case clientBug
    case closed
    /// RFC 4978 §3.
    case compressionActive
    case contactAdmin
    /// `source` and `target` in the same order (RFC 4315 §3). Not empty, equally long.
    case copyUID(UIDValidity, source: [UID], target: [UID])
    case corruption
    case expired
    case expungeIssued
    case hasChildren
    case highestModSeq(ModSeq)
    /// RFC 9585 §4: `done` is below `of`.
    case inProgress(Tag, done: Int, of: Int)
    case inUse
    case limit
    /// RFC 5464 §4.2.1, §4.3.
    case metadataLongEntries(Int)
    case metadataMaxSize(Int)
    case metadataTooMany
    /// RFC 8474 §4.1, §4.2.
    case mailboxID(MailboxID)
    /// RFC 9738 §4: messages at once, and the lowest that was processed, where some were.
    case messageLimit(Int, UID?)
    /// RFC 7162 §3.1.3. Not empty.
    case modified(NumberSet)
    case noModSeq
    case nonExistent
    case noPerm
    /// RFC 5465 §5.8.
    case notificationOverflow
    case notSaved
    /// RFC 5267 §4.3.1: of the search whose results are not updated.
    case noUpdate(Tag)
    case overQuota
    case parse
    /// The last says whether new keywords can be made (`\*`).
    case permanentFlags(SystemFlags, [Keyword], canCreate: Bool)
    case privacyRequired
    case readOnly
    case readWrite
    case serverBug
    /// RFC 7889's companion in RFC 4469 §4.2.
    case tooBig
    case tryCreate
    case uidNext(UID)
    case uidNotSticky
    /// RFC 9586 §3.
    case uidRequired
    case uidValidity(UIDValidity)
    case unavailable
    case unknownCTE
    case unseen(UInt32)
    case useAttr
    /// A code without data of an extension, which names it in its own file: an atom.
    case word(String)
}

/// The answer's first word (RFC 9051 §7.1).
package enum Condition: String, Hashable, Sendable {
    case ok = "OK"
    case no = "NO"
    case bad = "BAD"
}
