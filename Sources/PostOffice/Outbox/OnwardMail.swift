import MailModel
import MessageFormat
import Storage

/// Those of a message's destinations that other servers are to be asked for, by whose name it goes on: its own sender's, or one of ours that sends it on.
struct OnwardMail {
    /// Those to whom one entry of the queue goes. `forwarder` nil: with the sender that it came with.
    struct Share {
        let forwarder: Address?
        /// An address of a list, or one that takes reports, alone: what becomes of its mail is decided there.
        var isList = false
        var recipients: [QueuedRecipient]
    }

    /// In the order in which they were found.
    private(set) var shares: [Share] = []
    /// Of the shares, by the forwarder's key.
    private var places: [String?: Int] = [:]
    private var seen: Set<ForwardPath> = []

    var isEmpty: Bool { shares.isEmpty }

    /// A mailbox is passed over, as is who gets the message already.
    /// - parameter recipient: what is asked for a path that it goes to.
    mutating func add(_ destination: Destination, _ recipient: (ForwardPath) -> QueuedRecipient) {
        switch destination {
        case .mailbox: break
        case .queue(let path): add(recipient(path), nil)
        case .forward(let address, let forwarder): add(recipient(.mailbox(address)), forwarder)
        case .list(let address), .reports(let address):
            let recipient = recipient(.mailbox(address))
            if seen.insert(recipient.path).inserted { shares.append(Share(forwarder: nil, isList: true, recipients: [recipient])) }
        }
    }

    private mutating func add(_ recipient: QueuedRecipient, _ forwarder: Address?) {
        guard seen.insert(recipient.path).inserted else { return }
        if let place = places[forwarder?.key] {
            shares[place].recipients.append(recipient)
        } else {
            places[forwarder?.key] = shares.count
            shares.append(Share(forwarder: forwarder, recipients: [recipient]))
        }
    }
}

extension MessageHead {
    // "Delivered-To:" address          (no standard has it; RFC 9228 tells what is done)
    /// The same, in front of which it says to which address of ours the message came; nil where there is no room.
    static func delivered(to address: Address, _ octets: [UInt8]) -> MessageHead? { MessageHead(Array("Delivered-To: \(address.written)\r\n".utf8) + octets) }
}
