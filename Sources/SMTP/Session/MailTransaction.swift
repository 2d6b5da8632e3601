package import MailModel
package import PostOffice

/// A mail transaction as MAIL and RCPT have described it (RFC 5321 §3.3).
package struct MailTransaction: Hashable, Sendable {
    package var reversePath: ReversePath
    package var isSMTPUTF8: Bool
    /// Octets, where SIZE= has said (RFC 1870 §6).
    package var declaredSize: Int?
    package var recipients: [Intake.Recipient] = []
    /// What checks wrote of sender and recipients.
    package var annotations: [HeadField] = []

    init(_ command: MailCommand) {
        reversePath = command.reversePath
        isSMTPUTF8 = command.parameters.contains(.smtpUTF8)
        for case .size(let octets) in command.parameters { declaredSize = octets }
    }
}
