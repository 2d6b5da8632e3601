import Conversation
import Gatehouse

// AUTH.
extension SMTPWorker {
    func authenticate(_ attempt: LoginAttempt, _ link: any Link) async -> SMTPOutcome {
        switch await gatekeeper.answer(attempt, over: .smtp, from: link.facts.peerAddress) {
        case .verdict(.admitted(let principal)): .admitted(gatekeeper.login(of: principal) { link.poke() })
        case .verdict(.refused): .notAdmitted
        case .verdict(.busy): .busy
        case .challenge(let octets, let exchange): .challenged(octets, exchange)
        }
    }
}
