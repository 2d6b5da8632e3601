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
        return verify(name, Array(argument.rest.readableBytesView))
    }

    mutating func auth(_ arguments: AuthArguments, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard arguments.mechanism == "PLAIN" else { throw .mechanism }
        if let response = arguments.initialResponse { return try logIn(response, &output) }
        // RFC 5034 §4: an empty challenge.
        output.writeStaticString("+ \r\n")
        isInExchange = true
        return nil
    }

    /// The client's line within AUTH.
    mutating func answer(_ line: ByteBuffer, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard !line.readableBytesView.elementsEqual([UInt8(ascii: "*")]) else {
            complain(.cancelled, &output)
            return nil
        }
        guard let octets = Base64.decode(line) else { throw .base64 }
        return try logIn(octets, &output)
    }

    private mutating func logIn(_ octets: [UInt8], _ output: inout ByteBuffer) throws(SyntaxError) -> Step<POP3Work>? {
        guard let message = PlainMessage(octets) else { throw .argument }
        guard message.actsForItself else {
            refuse(&output)
            return nil
        }
        return verify(message.user, message.password)
    }

    private mutating func verify(_ user: String, _ password: [UInt8]) -> Step<POP3Work> {
        isWaiting = true
        let credentials = Credentials(user: user, password: Password(octets: password))
        return .work(.logIn(LoginAttempt(credentials: credentials, setbacks: failures + postponements)))
    }

    mutating func absorb(_ result: LoginResult, _ output: inout ByteBuffer) {
        switch result {
        case .admitted(let maildropSession):
            state = .transaction(maildropSession)
            errors = 0
            say(.ok("\(maildropSession.maildrop.rows.count) messages (\(maildropSession.maildrop.octets) octets)"), &output)
        case .refused: refuse(&output)
        case .busy:
            postponements = min(postponements + 1, 16)
            complain(.busy, &output)
        case .inUse: complain(.inUse, &output)
        case .unavailable(let reply): complain(reply, &output)
        }
    }

    private mutating func refuse(_ output: inout ByteBuffer) {
        failures += 1
        say(.refused, &output)
        if failures >= settings.mostFailures { close() }
    }
}
