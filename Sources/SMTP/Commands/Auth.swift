import Conversation
import Gatehouse

// AUTH.
extension SMTPWorker {
    func authenticate(_ credentials: Credentials, _ setbacks: Int, _ link: any Link) async -> SMTPOutcome {
        let verdict = await gatekeeper.verify(
            user: credentials.user, password: credentials.password, over: .smtp, from: link.facts.peerAddress,
            setbacks: setbacks)
        switch verdict {
        case .admitted(let principal): return .admitted(gatekeeper.login(of: principal) { link.poke() })
        case .refused: return .notAdmitted
        case .busy: return .busy
        }
    }
}
