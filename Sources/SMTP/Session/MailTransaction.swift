package import MailModel
package import PostOffice
package import Storage

/// A mail transaction as MAIL and RCPT have described it (RFC 5321 §3.3).
package struct MailTransaction: Hashable, Sendable {
    package var reversePath: ReversePath
    package var isSMTPUTF8: Bool
    /// BODY=BINARYMIME (RFC 3030 §3).
    package var isBinary = false
    /// Octets, where SIZE= has said (RFC 1870 §6).
    package var declaredSize: Int?
    /// RET= (RFC 3461 §4.3).
    package var returned: MailParameter.Returned?
    /// ENVID=, as it came.
    package var envelopeID: String?
    /// Of HOLDFOR and HOLDUNTIL.
    package var notBefore: Timestamp?
    package var deliverBy: QueueDraft.Deadline?
    /// MT-PRIORITY, where it was said.
    package var priority: Int8?
    /// REQUIRETLS (RFC 8689 §4.1).
    package var requiresTLS = false
    package var recipients: [Intake.Recipient] = []
    /// What checks wrote of sender and recipients.
    package var annotations: [HeadField] = []

    init(_ command: MailCommand) {
        reversePath = command.reversePath
        isSMTPUTF8 = command.parameters.contains(.smtpUTF8)
        for parameter in command.parameters {
            switch parameter {
            case .size(let octets): declaredSize = octets
            case .returns(let what): returned = what
            case .envelopeID(let id): envelopeID = id
            case .body(let type): isBinary = type == .binaryMIME
            case .priority(let value): priority = value
            case .requireTLS: requiresTLS = true
            // What they mean depends on the time: `schedule`.
            case .holdFor, .holdUntil, .deliverBy: break
            case .smtpUTF8, .auth: break
            }
        }
    }

    /// Reads what MAIL says of times. Returns why they cannot be kept; nil: they can.
    mutating func schedule(_ command: MailCommand, _ offer: QueueOffer, _ now: Timestamp) -> Reply? {
        for parameter in command.parameters {
            switch parameter {
            case .holdFor(let seconds): notBefore = now.after(seconds: seconds)
            case .holdUntil(let time): notBefore = time
            case .deliverBy(let by):
                // RFC 2852 §3: "rejected with a 55z reply", which names the least.
                if by.isReturned, by.seconds < offer.shortestDelivery {
                    return Reply(550, "5.4.7", "A message cannot be promised within less than \(offer.shortestDelivery) seconds")
                }
                deliverBy = QueueDraft.Deadline(time: now.after(seconds: by.seconds), isReturned: by.isReturned, isTraced: by.isTraced)
            case .size, .body, .smtpUTF8, .auth, .returns, .envelopeID, .priority, .requireTLS: break
            }
        }
        guard let notBefore else { return nil }
        if notBefore <= now { return .alreadyReleased }
        if notBefore > now.after(seconds: offer.longestHold) { return Reply(501, "5.5.4", "A message is held for \(offer.longestHold) seconds at most") }
        if let deliverBy, deliverBy.time <= notBefore { return .releasedTooLate }
        return nil
    }

    /// Adds a recipient with what RCPT said of it.
    mutating func add(_ recipient: Intake.Recipient, _ parameters: [RcptParameter]) {
        var recipient = recipient
        for parameter in parameters {
            switch parameter {
            case .notify(let notify): recipient.notify = QueuedRecipient.Notify(rawValue: notify.rawValue)
            case .original(let text, _): recipient.original = text
            }
        }
        recipients.append(recipient)
    }
}

extension Timestamp {
    func after(seconds: Int) -> Timestamp { Timestamp(rawValue: rawValue + Int64(seconds)) }
}
