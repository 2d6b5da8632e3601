package import MailModel

/// Who keeps a body. It is there, and readable under the holder's key, for as long as one of them does.
package enum BodyHolder: Hashable, Sendable {
    /// By messages in the account's mailboxes.
    case account(AccountID)
    /// By entries of the outgoing queue.
    case queue
}
