package import Gatehouse
package import MailModel
package import NIOCore
package import PostOffice

/// What a session has done for it. It answers `wait` until the outcome is there: at most one piece is under way.
package enum SMTPWork: Sendable {
    /// `setbacks`: failures and busy answers on this connection so far.
    case authenticate(Credentials, setbacks: Int)
    /// May the user send in that name?
    case authorize(Principal, Address)
    case resolve(ForwardPath)
    /// A whole message.
    case deliver(Submittal, ByteBuffer)
    /// A message's first piece.
    case open(Submittal, ByteBuffer, expected: Int?)
    case append(Intake.Incoming, ByteBuffer)
    /// Its last piece.
    case finish(Intake.Incoming, ByteBuffer, Submittal)
}

/// What became of it.
package enum SMTPOutcome: Sendable {
    case admitted(Tenure)
    case notAdmitted
    case busy
    case authorized
    case resolved(Intake.Recipient)
    case opened(Intake.Incoming)
    case appended
    case delivered(TransactionID)
    case refused(Refusal)
}

/// A transaction with what a trace line tells of its connection.
package struct Submittal: Sendable {
    package let transaction: Transaction
    package let client: ClientName?
    package let isExtended: Bool
    /// Who has logged in.
    package let user: Principal?
    package var isAuthenticated: Bool { user != nil }
}
