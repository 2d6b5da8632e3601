import Conversation
import Gatehouse
import MailModel
import NIOCore

// LOGIN and AUTHENTICATE (RFC 9051 §6.2): what SASL says, in IMAP's frame.
extension IMAPSession {
    /// Octets of a SASL response: what AUTH may have in SMTP too (RFC 4954 §4).
    private static let longestResponse = 12_288

    mutating func authenticate(
        _ tag: Tag, _ mechanism: String, _ initial: SASLResponse?, _ output: inout ByteBuffer
    ) -> Step<IMAPWork>? {
        guard var exchange = logins.exchange(named: mechanism) else {
            say(tag, .no("That mechanism is not served", .cannot), &output)
            return nil
        }
        let step = exchange.start(initial?.bytes)
        return carryOn(tag, exchange, step, &output)
    }

    /// A line that is no command: a SASL response, or the end of IDLE; nil: one that was too long.
    mutating func take(line: ByteBuffer?, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        let current = activity
        activity = .commands
        switch current {
        case .sasl(let tag, var exchange):
            switch line.map(SASLLine.init) {
            case .response(let response):
                let step = exchange.respond(response.bytes)
                return carryOn(tag, exchange, step, &output)
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

    private mutating func carryOn(
        _ tag: Tag, _ exchange: SASLExchange, _ step: SASLExchange.Step, _ output: inout ByteBuffer
    ) -> Step<IMAPWork>? {
        switch step {
        case .challenge(let octets): challenge(tag, octets, exchange, &output)
        case .question(let question): return ask(tag, question)
        case .malformed: say(tag, .bad("That is no \(exchange.mechanism.rawValue) message"), &output)
        case .notForAnother: refuse(tag, .no("You may act for yourself only", .authorizationFailed), &output)
        }
        return nil
    }

    private mutating func challenge(_ tag: Tag, _ octets: [UInt8], _ exchange: SASLExchange, _ output: inout ByteBuffer) {
        output.writeContinuation(base64: octets)
        reader.expectLine(limit: IMAPSession.longestResponse)
        activity = .sasl(tag, exchange)
    }

    mutating func logIn(_ tag: Tag, _ credentials: LoginCredentials) -> Step<IMAPWork>? {
        ask(tag, .password(Credentials(user: credentials.user, password: Password(octets: credentials.password.utf8))))
    }

    private mutating func ask(_ tag: Tag, _ question: LoginQuestion) -> Step<IMAPWork>? {
        pending.append(.login(tag))
        return .work(.logIn(LoginAttempt(question, setbacks: failures + postponements)))
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
        case .challenged(let octets, let exchange): challenge(tag, octets, exchange, &output)
        case .refused: refuse(tag, .no("Wrong user name or password", .authenticationFailed), &output)
        case .busy:
            postponements = min(postponements + 1, 16)
            output.writeTagged(tag, .no("Logins have to wait, try later", .unavailable))
        }
    }

    private mutating func refuse(_ tag: Tag, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        failures += 1
        output.writeTagged(tag, answer)
        guard failures >= settings.mostFailures else { return }
        output.writeBye("Too many failed logins")
        state = .logout
    }
}
