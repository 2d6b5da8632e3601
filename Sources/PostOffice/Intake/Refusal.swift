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
    /// A stranger brings it in the name of one of our users, to be sent on to another server.
    case borrowedName
    /// It looks like junk, and is for nobody here but for others by way of us.
    case unwanted
    /// It goes to an address that takes reports on failures, and is none.
    case notReport
    /// It has been through `HeaderSurvey.mostHops` servers (RFC 5321 §6.3).
    case loop
    /// It was delivered here to the same recipient before.
    case returned
    /// Its text has a bare CR, or a NUL, where neither may be.
    case malformed
    /// The recipient's mailbox is full (`QuotaStore`); later there may be room.
    case overQuota
    /// Less than the free floor is left on the disk; try later.
    case full
    /// The store failed; try later. The log has the cause.
    case unavailable
    /// A check's no, in SMTP's words.
    case policy(SMTPAnswer)
}

/// A refusal as SMTP says it (RFC 5321 §4.2, RFC 3463).
package struct SMTPAnswer: Hashable, Sendable {
    /// 400 to 599.
    package let code: Int
    /// Of the code's class, such as `5.7.1`.
    package let status: String
    /// One line.
    package let text: String

    /// Nil for what is no such refusal.
    package init?(_ code: Int, _ status: String, _ text: String) {
        let digits = status.split(separator: ".", omittingEmptySubsequences: false)
        guard (400...599).contains(code), digits.count == 3, digits[0] == "\(code / 100)",
            digits.allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }), text.utf8.count <= 400
        else { return nil }
        self.code = code
        self.status = status
        self.text = text
    }
}
