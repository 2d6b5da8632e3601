import Conversation
import Gatehouse
import MailModel

// LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3; S2, S15).
extension IMAPWorker {
    func logIn(_ attempt: LoginAttempt, _ link: any Link) async -> LoginResult {
        switch await gatekeeper.answer(attempt, over: .imap, from: link.facts.peerAddress) {
        case .verdict(.admitted(let principal)):
            let revocation = Revocation()
            let session = gatekeeper.admit(principal) {
                revocation.revoke()
                link.poke()
            }
            return .admitted(Login(principal: principal, session: session, revocation: revocation))
        case .verdict(.refused): return .refused
        case .verdict(.busy): return .busy
        case .challenge(let octets, let exchange): return .challenged(octets, exchange)
        }
    }
}
