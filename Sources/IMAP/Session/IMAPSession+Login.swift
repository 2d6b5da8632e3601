import Conversation
import Gatehouse
import MailModel
import NIOCore

// LOGIN and AUTHENTICATE PLAIN (RFC 9051 §6.2; RFC 4616).
extension IMAPSession {
    /// Octets of a SASL response: what AUTH may have in SMTP too (RFC 4954 §4).
    private static let longestResponse = 12_288

    mutating func authenticate(
        _ tag: Tag, _ mechanism: String, _ initial: SASLResponse?, _ output: inout ByteBuffer
    ) -> Step<IMAPWork>? {
        guard mechanism == "PLAIN" else {
            say(tag, .no("That mechanism is not served", .cannot), &output)
            return nil
        }
        if let initial { return logIn(tag, plain: initial.bytes, &output) }
        output.writeContinuation(base64: [])
        reader.expectLine(limit: IMAPSession.longestResponse)
        activity = .sasl(tag)
        return nil
    }

    /// A line that is no command: a SASL response, or the end of IDLE; nil: one that was too long.
    mutating func take(line: ByteBuffer?, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        let current = activity
        activity = .commands
        switch current {
        case .sasl(let tag):
            switch line.map(SASLLine.init) {
            case .response(let response): return logIn(tag, plain: response.bytes, &output)
            case .cancelled: say(tag, .bad("Cancelled"), &output)
            case .malformed, nil: say(tag, .bad("That is no base64"), &output)
            }
            return nil
        case .idle(let tag, _):
            endIdle(tag, line, &output)
            return nil
        case .commands, .receiving:
            return nil
        }
    }

    /// message = [authzid] UTF8NUL authcid UTF8NUL passwd (RFC 4616 §2).
    private mutating func logIn(_ tag: Tag, plain message: [UInt8], _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        let fields = message.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, let user = String(validating: fields[1], as: UTF8.self), !user.isEmpty else {
            say(tag, .bad("That is no PLAIN message"), &output)
            return nil
        }
        guard fields[0].isEmpty || fields[0] == fields[1] else {
            say(tag, .no("You may act for yourself only", .authorizationFailed), &output)
            return nil
        }
        return logIn(tag, user: user, password: Array(fields[2]))
    }

    mutating func logIn(_ tag: Tag, _ credentials: LoginCredentials) -> Step<IMAPWork>? {
        logIn(tag, user: credentials.user, password: Array(credentials.password.utf8))
    }

    private mutating func logIn(_ tag: Tag, user: String, password: [UInt8]) -> Step<IMAPWork>? {
        pending.append(.login(tag))
        return .work(.logIn(LoginAttempt(user: user, password: Password(octets: password), setbacks: failures + postponements)))
    }

    mutating func absorb(_ result: LoginResult, _ tag: Tag, _ output: inout ByteBuffer) {
        switch result {
        case .admitted(let login):
            state = .authenticated(login)
            errors = 0
            reader.limits = CommandReader.Limits(line: 64 << 10, command: 256 << 10, message: settings.messageLimit)
            reader.acceptsBinary = true
            reader.acceptsMultipleAppend = true
            output.writeTagged(tag, .ok("Logged in", .capability(capabilities)))
        case .refused:
            failures += 1
            output.writeTagged(tag, .no("Wrong user name or password", .authenticationFailed))
            guard failures >= settings.mostFailures else { return }
            output.writeBye("Too many failed logins")
            state = .logout
        case .busy:
            postponements = min(postponements + 1, 16)
            output.writeTagged(tag, .no("Logins have to wait, try later", .unavailable))
        }
    }
}
