import Conversation
import Gatehouse
import NIOCore

/// What the client's next line is, within AUTH.
enum AuthExchange: Sendable {
    case plain
    case loginName
    case loginPassword(user: String)
}

// AUTH (RFC 4954).
extension SMTPSession {
    mutating func auth(_ command: AuthCommand, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<SMTPWork>? {
        let exchange: AuthExchange = command.mechanism == .plain ? .plain : .loginName
        if let response = command.initialResponse { return try answer(exchange, .octets(response), &output) }
        challenge(exchange, &output)
        return nil
    }

    /// The client's line has come.
    mutating func answer(
        _ exchange: AuthExchange, _ response: AuthResponse, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<SMTPWork>? {
        guard case .octets(let octets) = response else {
            say(.authenticationCancelled, &output)
            return nil
        }
        switch exchange {
        case .plain:
            guard let message = PlainMessage(octets) else { throw .argument }
            guard message.actsForItself else {
                refuseLogin(&output)
                return nil
            }
            return verify(message.user, message.password)
        case .loginName:
            guard let user = String(validating: octets, as: UTF8.self), !octets.contains(0) else { throw .argument }
            challenge(.loginPassword(user: user), &output)
            return nil
        case .loginPassword(let user): return verify(user, octets)
        }
    }

    private mutating func verify(_ user: String, _ password: [UInt8]) -> Step<SMTPWork> {
        phase = .waiting(.login)
        let credentials = Credentials(user: user, password: Password(octets: password))
        return .work(.authenticate(credentials, setbacks: failedLogins + postponedLogins))
    }

    /// PLAIN's challenge is empty, LOGIN's are "Username:" and "Password:".
    private mutating func challenge(_ exchange: AuthExchange, _ output: inout ByteBuffer) {
        phase = .exchange(exchange)
        switch exchange {
        case .plain: say(Reply(334, nil, ""), &output)
        case .loginName: say(Reply(334, nil, "VXNlcm5hbWU6"), &output)
        case .loginPassword: say(Reply(334, nil, "UGFzc3dvcmQ6"), &output)
        }
    }

    mutating func absorbLogin(_ outcome: SMTPOutcome, _ output: inout ByteBuffer) {
        phase = .ready
        switch outcome {
        case .admitted(let login):
            self.login = login
            say(.authenticated, &output)
        case .notAdmitted: refuseLogin(&output)
        default:
            postponedLogins = min(postponedLogins + 1, 16)
            say(.authenticationBusy, &output)
        }
    }

    private mutating func refuseLogin(_ output: inout ByteBuffer) {
        say(.invalidCredentials, &output)
        failedLogins += 1
        if failedLogins >= settings.loginLimit, !isClosing { say(.tooManyErrors, &output) }
    }

    var isClosing: Bool { if case .closing = phase { true } else { false } }
}
