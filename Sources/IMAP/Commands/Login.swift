import Conversation
import Gatehouse
import MailModel

// LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3; S2, S15).
extension IMAPWorker {
    func logIn(_ attempt: LoginAttempt, _ link: any Link) async -> LoginResult {
        let verdict = await gatekeeper.verify(
            user: attempt.user, password: attempt.password, over: .imap, from: link.facts.peerAddress)
        switch verdict {
        case .admitted(let principal):
            let revocation = Revocation()
            let stay = gatekeeper.admit(principal) {
                revocation.revoke()
                link.poke()
            }
            return .admitted(Login(principal: principal, stay: stay, revocation: revocation))
        case .refused:
            // Who guesses on one connection waits longer each time.
            let delay = settings.failureDelay * (1 << min(attempt.failures, 4))
            if delay > .zero { try? await Task.sleep(for: delay) }
            return .refused
        case .busy:
            return .busy
        }
    }
}
