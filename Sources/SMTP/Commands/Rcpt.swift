import MailModel
import PostOffice

// RCPT: only our own accounts, whoever asks.
extension SMTPWorker {
    func resolve(_ path: ForwardPath) async -> SMTPOutcome {
        do {
            let resolution =
                switch path {
                case .postmaster: try await directory.resolvePostmaster()
                case .mailbox(let address): try await directory.resolve(address)
                }
            switch resolution {
            case .account(let account, _) where try !intake.hasRoom(account): return .refused(.overQuota)
            case .account(let account, let inbox): return .resolved(Intake.Recipient(address: path, account: account, inbox: inbox))
            case .unknownUser: return .refused(.unknownUser)
            case .notLocal: return .refused(.notLocal)
            }
        } catch {
            log.error("Recipient not looked up: \(error)")
            return .refused(.unavailable)
        }
    }
}
