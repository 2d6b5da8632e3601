import MailModel

/// Why a store did not do what it was asked; in every case nothing was changed.
package enum StorageFault: Error, Equatable, Sendable {
    /// Less than the free floor is left on the disk; try later. Flags and EXPUNGE still commit.
    case full
    /// A failed write, sync or database call, in words for the log; try later.
    case unavailable(String)
    /// Bytes on disk are not what was stored: a wrong key, a flipped bit, a swapped record.
    case corrupt(String)
    /// The account's quota is used up, or would be passed.
    case overQuota
    case noSuchAccount
    case noSuchDomain
    case noSuchMailbox
    case noSuchMessage
    /// A mailbox, account or domain of that name exists.
    case nameTaken
    /// What was to be changed is not what it was taken for: somebody else has changed it.
    case conflict
    /// Flags were to be stored with a keyword for which the mailbox has no room (`KeywordTable.capacity`, `mostOctets`).
    case tooManyKeywords
    /// `Annotation.most`, or `Annotation.mostOfAccount`.
    case tooManyAnnotations
    /// INBOX cannot be deleted; a mailbox cannot be moved below itself; a name would grow too long; a domain with accounts cannot be removed.
    case notAllowed(String)
    /// The store is closing.
    case closed
}
