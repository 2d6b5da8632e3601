package import Gatehouse
package import PostOffice
import Storage

/// What a session has done for it; one piece at a time. Listings and messages are written by the work itself.
package enum POP3Work: Sendable {
    case logIn(LoginAttempt)
    /// LIST and UIDL of all messages.
    case list(Listing)
    /// RETR and TOP that came together.
    case retrieve([Retrieval], Maildrop)
    /// Messages that will be retrieved, as it looks. Nothing is written, and the session goes on meanwhile.
    case readAhead(Range<Int>, Maildrop)
    /// QUIT: those that are marked go.
    case update(Marks, Maildrop)
}

/// What became of it.
package enum POP3Outcome: Sendable {
    case login(LoginResult)
    case listed
    case retrieved
    case readAhead(AheadBatch?)
    case updated(Bool)
}

package enum LoginResult: Sendable {
    case admitted(MaildropSession)
    /// The client is sent that, and the exchange goes on so.
    case challenged([UInt8], SASLExchange)
    case refused
    case busy
    /// The password was right.
    case inUse
    /// The maildrop cannot be opened; the reply says why.
    case unavailable(Reply)
}

/// Somebody who is logged in, and their maildrop, for as long as the session lasts.
package struct MaildropSession: Sendable {
    let login: LoginSession
    let maildrop: Maildrop

    package init(login: LoginSession, maildrop: Maildrop) {
        self.login = login
        self.maildrop = maildrop
    }

    /// The account may log out, and another session may have the maildrop.
    func end() {
        maildrop.giveBack()
        login.end()
    }
}

package struct Listing: Sendable {
    enum Column: Sendable { case octets, identifier }

    let column: Column
    let maildrop: Maildrop
    let marks: Marks
}

/// One message to be sent.
package struct Retrieval: Sendable {
    /// Its number less one.
    let index: Int
    let row: MessageRow
    /// Of its body, after the header; nil: the whole message.
    let lines: Int?
}
