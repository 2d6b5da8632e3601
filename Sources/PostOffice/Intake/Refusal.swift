/// Why a message, its sender or a recipient is not taken. Each face turns it into its own words.
package enum Refusal: Error, Hashable, Sendable {
    /// The domain is ours, the local part is nobody's.
    case unknownUser
    /// Another server's address, for a client that may not send there.
    case notLocal
    /// The sender's address is not the user's.
    case notOwner
    /// From or Sender names an address that is not the user's.
    case notAuthor
    /// Whose mail it is, From and Sender do not say clearly (RFC 5322 §3.6.2).
    case unclearAuthor
    /// It has been through more than `HeaderSurvey.mostHops` servers (RFC 5321 §6.3).
    case loop
    /// The recipient's mailbox is full (`QuotaStore`); later there may be room.
    case overQuota
    /// Less than the free floor is left on the disk; try later.
    case full
    /// The store failed; try later. The log has the cause.
    case unavailable
}
