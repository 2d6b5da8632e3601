import Conversation
import MailModel
import PostOffice

// RCPT: only our own accounts, whoever asks.
extension SMTPWorker {
    func resolve(_ path: ForwardPath, _ facts: ConnectionFacts) async -> SMTPOutcome {
        do {
            let resolution =
                switch path {
                case .postmaster: try await directory.resolvePostmaster()
                case .mailbox(let address) where address.domain.isLiteral: try await resolve(literal: address, facts)
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

    /// RFC 5321 §4.1.3, §4.5.1: an address that this connection came to is a name of ours. Who writes to the postmaster of an address and asks us, by way
    /// of a router that has another, means us too.
    private func resolve(literal address: Address, _ facts: ConnectionFacts) async throws -> Resolution {
        let isOurs = AddressLiteral.octets(of: address.domain).map { $0 == AddressLiteral.octets(ofAddress: facts.localAddress) } ?? false
        if address.localPart.lowercased() == "postmaster", isOurs || !settings.role.isSubmission { return try await directory.resolvePostmaster() }
        return isOurs ? try await directory.resolveHere(address.localPart) : .notLocal
    }
}
