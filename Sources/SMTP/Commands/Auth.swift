import Conversation
import Gatehouse

// AUTH.
extension SMTPWorker {
    func authenticate(_ credentials: Credentials, _ link: any Link) async -> SMTPOutcome {
        let verdict = await gatekeeper.verify(
            user: credentials.user, password: credentials.password, over: .smtp, from: link.facts.peerAddress)
        switch verdict {
        case .admitted(let principal):
            let tenure = Tenure(principal)
            tenure.hold(
                gatekeeper.admit(principal) { [weak tenure] in
                    tenure?.revoke()
                    link.poke()
                })
            return .admitted(tenure)
        case .refused: return .notAdmitted
        case .busy: return .busy
        }
    }
}
