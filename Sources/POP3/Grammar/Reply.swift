package import NIOCore

/// A response's first line (RFC 1939 §3) with its response code (RFC 2449 §8, RFC 3206). The text is ours and holds no control character.
package struct Reply: Hashable, Sendable {
    package enum Code: String, Sendable {
        /// Another session has the maildrop (RFC 2449 §8.1.1).
        case inUse = "IN-USE"
        /// Another try, later, may go better (RFC 3206 §4).
        case systemTemporary = "SYS/TEMP"
        /// Somebody has to do something about it (RFC 3206 §4).
        case systemPermanent = "SYS/PERM"
        /// The user's credentials are at fault (RFC 3206 §6).
        case auth = "AUTH"
    }

    package let isOK: Bool
    package let code: Code?
    package let text: String

    package static func ok(_ text: String) -> Reply { Reply(isOK: true, code: nil, text: text) }
    package static func err(_ text: String, _ code: Code? = nil) -> Reply { Reply(isOK: false, code: code, text: text) }

    // response = ("+OK" / "-ERR") [SP "[" resp-code "]"] SP text CRLF
    package func write(to output: inout ByteBuffer) {
        output.writeStaticString(isOK ? "+OK " : "-ERR ")
        if let code { output.writeString("[\(code.rawValue)] ") }
        output.writeString(text)
        output.writeStaticString("\r\n")
    }
}

extension ByteBuffer {
    /// The end of a response of several lines (RFC 1939 §3).
    mutating func writeLastLine() { writeStaticString(".\r\n") }
}

/// The answers that do not depend on anything.
extension Reply {
    static var goodbye: Reply { .ok("Goodbye") }
    static var noSuchMessage: Reply { .err("No such message") }
    static var deleted: Reply { .err("That message is marked as deleted") }
    static var gone: Reply { .err("Another client has removed that message") }
    static var notServed: Reply { .err("Not served") }
    static var needsTLS: Reply { .err("Not without TLS: say STLS first") }
    static var tlsActive: Reply { .err("TLS is active already") }
    static var logInFirst: Reply { .err("Log in first") }
    static var loggedIn: Reply { .err("Already authenticated") }
    static var userFirst: Reply { .err("Say USER first") }
    static var refused: Reply { .err("Wrong user name or password", .auth) }
    static var notForAnother: Reply { .err("You may act for yourself only", .auth) }
    static var busy: Reply { .err("Logins have to wait, try later", .systemTemporary) }
    static var inUse: Reply { .err("Another session has the maildrop", .inUse) }
    static var cancelled: Reply { .err("Cancelled") }
    static var tooManyErrors: Reply { .err("Too many errors") }
    static var tooSlow: Reply { .err("The login took too long", .systemTemporary) }
    static var revoked: Reply { .err("The account was changed or disabled", .auth) }
    static var stopping: Reply { .err("The server is stopping", .systemTemporary) }

    /// The one place where a command's syntax error becomes an answer.
    init(_ error: SyntaxError) {
        self =
            switch error {
            case .unrecognized: .err("No such command")
            case .notALine: .err("A line ends with CRLF, and holds no CR, LF or NUL")
            case .tooLong: .err("The line is too long")
            case .missingArgument: .err("An argument is missing")
            case .unexpectedArgument: .err("There is an argument too many")
            case .argument: .err("Syntax error in the argument")
            case .messageNumber: .err("That is no message number")
            case .base64: .err("That is no base64")
            case .mechanism: .err("That mechanism is not served")
            }
    }
}
