/// What of a login only the Gatekeeper can answer.
package enum LoginQuestion: Sendable {
    /// Is that the user's password?
    case password(Credentials)
    /// What is the server's first message to that?
    case scramOpening(SCRAMOpening)
    /// Does the client know the password?
    case scramFinal(SCRAMChallenge, SCRAMClientFinal)
    /// It did; does that still count?
    case scramEnd(SCRAMProved)
    /// Whose certificate is it? `authorization`: as whom it would log in; nil: as the one whose it is.
    case certificate(addresses: [String], authorization: String?)
    /// The client does not see the connection that the server sees: it is refused as who has a wrong password.
    case mismatch(user: String)
}

/// A question, and what of its connection it costs by.
package struct LoginAttempt: Sendable {
    package let question: LoginQuestion
    /// Answers other than success that the connection has had.
    package let setbacks: Int

    package init(_ question: LoginQuestion, setbacks: Int) {
        self.question = question
        self.setbacks = setbacks
    }
}

/// What the Gatekeeper says.
package enum LoginAnswer: Sendable {
    case verdict(Verdict)
    /// Is sent, and the exchange goes on so.
    case challenge([UInt8], SASLExchange)
}
