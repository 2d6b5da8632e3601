import Conversation
import Gatehouse
import MailModel
import MessageFormat
import NIOCore

// USER and PASS (RFC 1939 §7), AUTH (RFC 5034).
extension POP3Session {
    /// Every name is welcome: who is not there is said by PASS, and as any wrong password is.
    mutating func user(_ argument: ByteScanner, _ output: inout ByteBuffer) throws(SyntaxError) {
        user = try Arguments.text(argument)
        say(.ok("Send the password"), &output)
    }

    // S5: no password without a name, and each name is good for one password.
    mutating func pass(_ argument: ByteScanner, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard let name = user else {
            complain(.userFirst, &output)
            return nil
        }
        user = nil
        let password = Password(octets: argument.rest.readableBytesView)
        return ask(.password(Credentials(user: name, password: password)))
    }

    mutating func auth(_ arguments: AuthArguments, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard var exchange = circumstances.logins.exchange(named: arguments.mechanism) else { throw .mechanism }
        let step = exchange.start(arguments.initialResponse)
        return try carryOn(exchange, step, &output)
    }

    /// The client's line within AUTH.
    mutating func answer(_ exchange: SASLExchange, _ line: ByteBuffer, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard !line.readableBytesView.elementsEqual([UInt8(ascii: "*")]) else {
            complain(.cancelled, &output)
            return nil
        }
        guard let octets = Base64.decode(line) else { throw .base64 }
        var exchange = exchange
        let step = exchange.respond(octets)
        return try carryOn(exchange, step, &output)
    }

    private mutating func carryOn(
        _ exchange: SASLExchange, _ step: SASLExchange.Step, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<POP3Work>? {
        switch step {
        case .challenge(let octets): challenge(octets, exchange, &output)
        case .question(let question): return ask(question)
        case .malformed: throw .argument
        case .notForAnother: refuse(.notForAnother, &output)
        }
        return nil
    }

    /// RFC 5034 §4: a plus, a space and base64, which may be empty.
    private mutating func challenge(_ octets: [UInt8], _ exchange: SASLExchange, _ output: inout ByteBuffer) {
        self.exchange = exchange
        output.writeStaticString("+ ")
        output.writeBase64(octets)
        output.writeStaticString("\r\n")
    }

    private mutating func ask(_ question: LoginQuestion) -> Step<POP3Work> {
        isWaiting = true
        return .work(.logIn(LoginAttempt(question, setbacks: failures + postponements)))
    }

    mutating func absorb(_ result: LoginResult, _ output: inout ByteBuffer) {
        switch result {
        case .admitted(let maildropSession):
            state = .transaction(maildropSession)
            errors = 0
            say(.ok("\(maildropSession.maildrop.rows.count) messages (\(maildropSession.maildrop.octets) octets)"), &output)
        case .challenged(let octets, let exchange): challenge(octets, exchange, &output)
        case .refused: refuse(.refused, &output)
        case .busy:
            postponements = min(postponements + 1, 16)
            complain(.busy, &output)
        case .inUse: complain(.inUse, &output)
        case .unavailable(let reply): complain(reply, &output)
        }
    }

    private mutating func refuse(_ reply: Reply, _ output: inout ByteBuffer) {
        failures += 1
        say(reply, &output)
        if failures >= settings.mostFailures { close() }
    }
}
