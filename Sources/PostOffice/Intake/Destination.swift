package import MailModel

/// Where a message for an address goes.
package enum Destination: Hashable, Sendable {
    /// A collection of an account.
    case mailbox(MailboxID, of: AccountID)
    /// The outgoing queue, and from there to that address.
    case queue(ForwardPath)
    /// The same, to where an address of ours has its mail sent on: in that address's name (`SenderRewriting`).
    case forward(to: Address, by: Address)
    /// An address of a list: the outgoing queue, in an entry of its own, and what `ListMaster` makes of it.
    case list(Address)
    /// An address that takes reports: the outgoing queue, in an entry of its own, and there `ReportReader`.
    case reports(Address)
}

extension Destination {
    /// Whom the queue is to reach, as a trace writes it; nil: a mailbox.
    var onward: String? {
        switch self {
        case .mailbox: nil
        case .queue(let path): path.bare
        case .list(let address), .reports(let address): address.written
        case .forward(let address, _): address.written
        }
    }
}
