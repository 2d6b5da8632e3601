package import Gatehouse
package import MailModel
package import NIOCore
package import PostOffice

/// What a session has done for it. It answers `wait` until the outcome is there: at most one piece is under way.
package enum SMTPWork: Sendable {
    case authenticate(LoginAttempt)
    /// May the user send now, and in that name? Nil: without one.
    case authorize(Principal, Address?)
    case resolve(ForwardPath, from: ReversePath, Presence)
    // What checks say, where some ask in that phase.
    case judgeConnection
    case judgeHello(Presence)
    /// With `authorize`, where somebody has logged in.
    case judgeSender(ReversePath, Presence)
    /// With `resolve`.
    case judgeRecipient(ForwardPath, ReversePath, Presence)
    /// A whole message.
    case deliver(Submittal, ByteBuffer)
    /// A message's first piece.
    case open(Submittal, ByteBuffer, expected: Int?)
    case append(Intake.Mail, ByteBuffer)
    /// Its last piece.
    case finish(Intake.Mail, ByteBuffer, Submittal)
}

/// Who speaks, as far as it is known.
package struct Presence: Sendable {
    package var name: ClientName?
    package var user: Principal?
}

/// What became of it.
package enum SMTPOutcome: Sendable {
    case admitted(LoginSession)
    /// The client is sent that, and the exchange goes on so.
    case challenged([UInt8], SASLExchange)
    case notAdmitted
    case busy
    case authorized
    /// The checks have no objection.
    case passed([HeadField])
    case resolved(Intake.Recipient, annotations: [HeadField] = [])
    case opened(Intake.Mail)
    case appended
    case delivered(TransactionID)
    case refused(Refusal)
}

/// A transaction with what a trace line tells of its connection.
package struct Submittal: Sendable {
    package let transaction: MailTransaction
    package let client: ClientName?
    package let isExtended: Bool
    /// Who has logged in.
    package let user: Principal?
    /// What checks have written so far.
    package var annotations: [HeadField] = []
    package var isAuthenticated: Bool { user != nil }
}
