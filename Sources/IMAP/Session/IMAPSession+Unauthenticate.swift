import MailModel

// UNAUTHENTICATE (RFC 8437).
extension IMAPSession {
    /// Everything is as before the login but TLS, and what counts how often a password was wrong: who guesses gains nothing by it.
    mutating func unauthenticate() {
        // The stay ends with the login, and with the view all that is open; nothing is expunged.
        state = .notAuthenticated
        dialect = Dialect()
        reader.textMode = dialect.textMode
        reader.limits = .stranger
        reader.acceptsBinary = false
        reader.acceptsMultipleAppend = false
        notifications = nil
        owed = NumberSet()
        ownNames = []
        contexts = Contexts()
        errors = 0
        loginDeadline = Timestamp(rawValue: settings.clock().rawValue &+ settings.loginPatience)
    }
}
