/// One exchange of SASL (RFC 4422 §3), whatever face frames it: what the client's messages mean, and what comes next. It has no clock, no store and no chance
/// of its own; what needs them is a question to the Gatekeeper, whose answer may be another challenge.
package struct SASLExchange: Sendable {
    package enum Step: Sendable {
        /// Is sent; the client's answer goes to `respond`.
        case challenge([UInt8])
        /// The Gatekeeper answers.
        case question(LoginQuestion)
        /// The client's message is none of the mechanism's, and the exchange over.
        case malformed
        /// The client would act for somebody else, and the exchange is over.
        case notForAnother
    }

    fileprivate enum State: Sendable {
        case plain
        case loginName
        case loginPassword(user: String)
        /// `binding`: what the connection can be bound to.
        case scramFirst(binding: [UInt8]?)
        indirect case scramFinal(SCRAMChallenge)
        indirect case scramEnd(SCRAMProved)
        /// `addresses`: of the client's certificate.
        case external(addresses: [String])
    }

    package let mechanism: SASLMechanism
    private var state: State

    /// - parameters:
    ///   - binding: what the connection can be bound to, where a mechanism that does so is offered; nil: none is.
    ///   - addresses: of the certificate that the client has proved to have.
    package init(_ mechanism: SASLMechanism, binding: [UInt8]? = nil, addresses: [String] = []) {
        self.mechanism = mechanism
        state =
            switch mechanism {
            case .plain: .plain
            case .login: .loginName
            case .scramSHA256, .scramSHA256Plus: .scramFirst(binding: binding)
            case .external: .external(addresses: addresses)
            }
    }

    /// Goes on behind the server's first message.
    init(awaitingProofOf challenge: SCRAMChallenge) {
        mechanism = challenge.opening.mechanism
        state = .scramFinal(challenge)
    }

    /// Goes on behind the server's last word, to which the client has nothing more to say.
    init(_ mechanism: SASLMechanism, ending proved: SCRAMProved) {
        self.mechanism = mechanism
        state = .scramEnd(proved)
    }

    /// The first step. `initial`: the client's initial response (RFC 4422 §3.3); nil: it sent none, and waits for a challenge.
    package mutating func start(_ initial: [UInt8]?) -> Step {
        if let initial { return respond(initial) }
        return .challenge(state.prompt)
    }

    /// The client's message, without its framing.
    package mutating func respond(_ message: [UInt8]) -> Step {
        switch state {
        case .plain:
            guard let message = PlainMessage(message) else { return .malformed }
            guard message.actsForItself else { return .notForAnother }
            return .question(.password(Credentials(user: message.user, password: Password(octets: message.password))))
        case .loginName:
            guard let user = String(validating: message, as: UTF8.self), !message.contains(0) else { return .malformed }
            state = .loginPassword(user: user)
            return .challenge(state.prompt)
        case .loginPassword(let user): return .question(.password(Credentials(user: user, password: Password(octets: message))))
        case .scramFirst(let binding): return begin(message, binding)
        case .scramFinal(let challenge):
            guard let final = SCRAMClientFinal(message) else { return .malformed }
            return .question(.scramFinal(challenge, final))
        case .external(let addresses):
            // extern-initial-resp = extern-msg;  extern-msg = *( %x01-10FFFF ) as UTF-8          (RFC 4422 appendix A.1)
            guard let authorization = String(validating: message, as: UTF8.self), !message.contains(0) else { return .malformed }
            return .question(.certificate(addresses: addresses, authorization: authorization.isEmpty ? nil : authorization))
        case .scramEnd(let proved): return message.isEmpty ? .question(.scramEnd(proved)) : .malformed
        }
    }

    // RFC 5802 §6.
    private func begin(_ message: [UInt8], _ binding: [UInt8]?) -> Step {
        guard let first = SCRAMClientFirst(message) else { return .malformed }
        guard first.actsForItself else { return .notForAnother }
        switch (first.binding, mechanism == .scramSHA256Plus) {
        case (.bound(let type), true):
            guard type == "tls-server-end-point", let binding else { return .question(.mismatch(user: first.user)) }
            return .question(.scramOpening(SCRAMOpening(mechanism, first, binding: first.header + binding)))
        // It was not told of the mechanism that we do offer: somebody stands between.
        case (.notOffered, false) where binding != nil: return .question(.mismatch(user: first.user))
        case (.unable, false), (.notOffered, false): return .question(.scramOpening(SCRAMOpening(mechanism, first, binding: first.header)))
        case (.bound, false), (.unable, true), (.notOffered, true): return .malformed
        }
    }
}

extension SASLExchange.State {
    /// What the client is sent where it is its turn: nothing, but for LOGIN's two words.
    fileprivate var prompt: [UInt8] {
        switch self {
        case .plain, .scramFirst, .scramFinal, .scramEnd, .external: []
        case .loginName: Array("Username:".utf8)
        case .loginPassword: Array("Password:".utf8)
        }
    }
}
