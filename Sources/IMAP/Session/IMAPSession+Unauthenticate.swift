import Conversation
import MailModel
import NIOCore

// UNAUTHENTICATE (RFC 8437).
extension IMAPSession {
    /// RFC 8437 §3: there is no NO; who cannot reset everything says goodbye. The stream cannot be made plain again.
    mutating func unauthenticate(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard !isCompressed else {
            output.writeBye("A compressed connection serves one login")
            state = .logout
            return nil
        }
        unauthenticate()
        output.writeTagged(tag, .ok("Nobody is logged in", .capability(capabilities)))
        return nil
    }

    /// Everything is as before the login but TLS, and what counts how often a password was wrong: who guesses gains nothing by it.
    private mutating func unauthenticate() {
        // The registered session ends with the login, and with the view all that is open; nothing is expunged.
        state = .notAuthenticated
        dialect = Dialect()
        reader.textMode = dialect.textMode
        reader.limits = .stranger
        reader.acceptsBinary = false
        reader.acceptsMultipleAppend = false
        notifications = nil
        ownNames = []
        errors = 0
        loginDeadline = Timestamp(rawValue: settings.clock().rawValue &+ settings.loginPatience)
    }
}
