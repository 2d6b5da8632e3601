package import MailModel
package import PostOffice
import Storage

/// A mail transaction as MAIL and RCPT have described it (RFC 5321 §3.3).
package struct MailTransaction: Hashable, Sendable {
    package var reversePath: ReversePath
    package var isSMTPUTF8: Bool
    /// Octets, where SIZE= has said (RFC 1870 §6).
    package var declaredSize: Int?
    /// RET= (RFC 3461 §4.3).
    package var returned: MailParameter.Returned?
    /// ENVID=, as it came.
    package var envelopeID: String?
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
            case .body, .smtpUTF8, .auth, .holdFor, .holdUntil, .deliverBy, .priority: break
            }
        }
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
