package import Gatehouse
package import MailModel
package import NIOCore
package import PostOffice
package import Storage

/// What the session has done for it.
package enum IMAPWork: Sendable {
    case logIn(LoginAttempt)
    // Indirect: it is handed on often, and large.
    indirect case command(Job)
    /// Has the connection poked when the mailbox changes: IDLE.
    case watch(any MailboxHandle)
    /// Tells what NOTIFY asked for.
    case notice(Notice, Job)
    /// Works out how searches' results have changed (RFC 5267 §4.3).
    case update(Updating)
    /// Whether a message can go into that mailbox, before it comes.
    case checkTarget(MailboxName, Principal)
    /// Has rows of the selected mailbox at hand.
    case read([MailboxSnapshot.Block], OpenMailbox)
    /// Bytes of a message that is too big to be gathered.
    case receive(Incoming, ByteBuffer)
    /// The last of them, of a message that others follow in the same command.
    case finish(Incoming, ByteBuffer)
    /// A part that a URL names.
    case include(Inclusion)
    case place(Placing)
}

/// What became of it.
package enum IMAPOutcome: Sendable {
    case login(LoginResult)
    indirect case command(Completion)
    case watching(any AnyObject & Sendable)
    case noticed(Completion)
    /// What is not written yet, and the contexts that go on.
    case updated(ByteBuffer, Updating)
    /// Nil: it can.
    case target(StatusResponse?)
    /// Nil: they are at hand.
    case rows(StatusResponse?)
    case received
    case included(Inclusion.Outcome)
    /// `notice`: told before what is new in the mailbox.
    case placed(StatusResponse, notice: StatusResponse?)
}

package enum LoginResult: Sendable {
    case admitted(Login)
    /// The client is sent that, and the exchange goes on so.
    case challenged([UInt8], SASLExchange)
    case refused
    case busy
}

/// Who is logged in, for as long as the session holds it.
package struct Login: Sendable {
    let principal: Principal
    let session: ActiveSession
    let revocation: Revocation
}

/// What ENABLE has turned on, and with it how answers are written.
package struct Dialect: Hashable, Sendable {
    /// IMAP4rev2: ESEARCH instead of SEARCH, no \Recent, UTF-8.
    var isRev2 = false
    /// UTF8=ACCEPT (RFC 9755).
    var acceptsUTF8 = false
    /// CONDSTORE: MODSEQ in FETCH answers (RFC 7162 §3.1).
    var hasModSeqs = false
    /// QRESYNC: VANISHED instead of EXPUNGE (RFC 7162 §3.2.10).
    var hasVanished = false
    /// UIDONLY: no sequence numbers either way (RFC 9586 §3).
    var isUIDOnly = false

    var tellsVanished: Bool { hasVanished || isUIDOnly }

    var textMode: TextMode { isRev2 || acceptsUTF8 ? .utf8 : .ascii }
}

/// A command that needs the mailroom.
package struct Job: Sendable {
    let tag: Tag
    let command: Command
    let principal: Principal
    var dialect: Dialect
    /// Of the selected mailbox.
    var view: MailboxView?
}

/// A command's end.
package struct Completion: Sendable {
    /// Untagged answers that are not written yet.
    var output = ByteBuffer()
    var answer: StatusResponse
    var effect = Effect.none
    var dialect: Dialect
    /// The command named messages by their numbers, whatever its verb.
    var usedNumbers = false
    /// What NOTIFY has set.
    var notifications: Notifications?
    var context: ContextWish?

    enum Effect: Sendable {
        case none
        /// The view after the command.
        indirect case view(MailboxView)
        case selected(MailboxView)
        case unselected
        /// More has happened than NOTIFY can tell.
        case overflow
    }
}

/// A part of a message that a URL names, on its way into the message.
package struct Inclusion: Sendable {
    let incoming: Incoming
    /// The bytes before it that `incoming` does not have yet.
    let before: ByteBuffer
    let url: String
    /// What a relative URL is about.
    let selected: OpenMailbox?
    /// Octets that it may have.
    let room: Int
    let principal: Principal

    package enum Outcome: Sendable {
        /// So many octets.
        case included(Int)
        case refused(StatusResponse)
    }
}

/// Whole messages that are to be placed.
package struct Placing: Sendable {
    let verb: Verb
    let filings: [Filing]
    /// The bytes that the last of them does not have yet.
    let rest: ByteBuffer
    let mailbox: MailboxName
    /// What REPLACE takes away.
    let superseded: Replaced?
    /// Whether one of them came as a literal8.
    let isBinary: Bool
    /// CONDSTORE is on.
    let hasModSeqs: Bool
    let turn: Turn
    let principal: Principal

    struct Replaced: Sendable {
        let uids: NumberSet
        let mailbox: OpenMailbox
    }
}
