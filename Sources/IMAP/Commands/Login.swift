import Conversation
import Gatehouse
import MailModel

// LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3; S2, S15).
extension IMAPWorker {
    func logIn(_ attempt: LoginAttempt, _ link: any Link) async -> LoginResult {
        let verdict = await gatekeeper.verify(
            user: attempt.user, password: attempt.password, over: .imap, from: link.facts.peerAddress,
            setbacks: attempt.setbacks)
        switch verdict {
        case .admitted(let principal):
            let revocation = Revocation()
            let session = gatekeeper.admit(principal) {
                revocation.revoke()
                link.poke()
            }
            return .admitted(Login(principal: principal, session: session, revocation: revocation))
        case .refused: return .refused
        case .busy: return .busy
        }
    }
}
