import Conversation
import Gatehouse
import MailModel
import PostOffice

// USER and PASS, AUTH (RFC 1939 §7, RFC 5034; S5, S6, S15).
extension POP3Worker {
    func logIn(_ attempt: LoginAttempt, _ link: any Link) async -> LoginResult {
        switch await gatekeeper.answer(attempt, over: .pop3, from: link.facts.peerAddress) {
        case .verdict(.admitted(let principal)): return await admit(principal, link)
        case .verdict(.refused): return .refused
        case .verdict(.busy): return .busy
        case .challenge(let octets, let exchange): return .challenged(octets, exchange)
        }
    }

    private func admit(_ principal: Principal, _ link: any Link) async -> LoginResult {
        do {
            guard let maildrop = try await maildrops.open(of: principal) else { return .inUse }
            return .admitted(MaildropSession(login: gatekeeper.login(of: principal) { link.poke() }, maildrop: maildrop))
        } catch {
            return .unavailable(reply(to: error, .pass, link))
        }
    }
}
