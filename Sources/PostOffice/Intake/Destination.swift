package import MailModel

/// Where a message for an address goes.
package enum Destination: Hashable, Sendable {
    /// A collection of an account.
    case mailbox(MailboxID, of: AccountID)
    /// The outgoing queue, and from there to that address.
    case queue(ForwardPath)
    /// The same, to where an address of ours has its mail sent on: in that address's name (`SenderRewriting`).
    case forward(to: Address, by: Address)
}
