import Conversation
import Gatehouse
import MailModel
import PostOffice

// MAIL, of a user: it must not be too often, and the name must be theirs, or one that they may send as.
extension SMTPWorker {
    func authorize(_ principal: Principal, _ address: Address?, _ facts: ConnectionFacts) async -> SMTPOutcome {
        guard gatekeeper.rates.takes(principal, from: facts.peerAddress) else {
            return .refused(SMTPAnswer(451, "4.7.1", "Too many messages in a short time; try again in a minute").map { .policy($0) } ?? .unavailable)
        }
        // Nobody's name is null's to steal: reports of a mail client have it (RFC 8098 §2.1).
        guard let address else { return .authorized }
        do {
            return try await directory.sendRight(principal, address) >= .asOwner ? .authorized : .refused(.notOwner)
        } catch {
            log.log(level: error is CancellationError ? .debug : .error, "Sender not looked up: \(error)")
            return .refused(.unavailable)
        }
    }
}
