import Conversation
import Gatehouse
import MessageFormat
import NIOCore

// AUTH (RFC 4954): what SASL says, in SMTP's frame.
extension SMTPSession {
    mutating func auth(_ command: AuthCommand, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<SMTPWork>? {
        guard var exchange = terms.logins.exchange(named: command.mechanism) else { throw .mechanism }
        let step = exchange.start(command.initialResponse)
        return try carryOn(exchange, step, &output)
    }

    /// The client's line has come.
    mutating func answer(
        _ exchange: SASLExchange, _ response: AuthResponse, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<SMTPWork>? {
        guard case .octets(let octets) = response else {
            say(.authenticationCancelled, &output)
            return nil
        }
        var exchange = exchange
        let step = exchange.respond(octets)
        return try carryOn(exchange, step, &output)
    }

    private mutating func carryOn(
        _ exchange: SASLExchange, _ step: SASLExchange.Step, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<SMTPWork>? {
        switch step {
        case .challenge(let octets): challenge(octets, exchange, &output)
        case .question(let question):
            phase = .waiting(.login)
            return .work(.authenticate(LoginAttempt(question, setbacks: failedLogins + postponedLogins)))
        case .malformed: throw .argument
        case .notForAnother: refuseLogin(.notForAnother, &output)
        }
        return nil
    }

    private mutating func challenge(_ octets: [UInt8], _ exchange: SASLExchange, _ output: inout ByteBuffer) {
        phase = .exchange(exchange)
        output.writeStaticString("334 ")
        output.writeBase64(octets)
        output.writeStaticString("\r\n")
    }

    mutating func absorbLogin(_ outcome: SMTPOutcome, _ output: inout ByteBuffer) {
        phase = .ready
        switch outcome {
        case .admitted(let login):
            self.login = login
            say(.authenticated, &output)
        case .challenged(let octets, let exchange): challenge(octets, exchange, &output)
        case .notAdmitted: refuseLogin(.invalidCredentials, &output)
        default:
            postponedLogins = min(postponedLogins + 1, 16)
            say(.authenticationBusy, &output)
        }
    }

    private mutating func refuseLogin(_ reply: Reply, _ output: inout ByteBuffer) {
        say(reply, &output)
        failedLogins += 1
        if failedLogins >= settings.loginLimit, !isClosing { say(.tooManyErrors, &output) }
    }

    var isClosing: Bool { if case .closing = phase { true } else { false } }
}
