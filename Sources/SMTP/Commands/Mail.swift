import MailModel
import PostOffice

// MAIL, of a user: the name must be theirs, or one that they may send as.
extension SMTPWorker {
    func authorize(_ principal: Principal, _ address: Address) async -> SMTPOutcome {
        do {
            return try await directory.sendRight(principal, address) >= .asOwner ? .authorized : .refused(.notOwner)
        } catch {
            log.log(level: error is CancellationError ? .debug : .error, "Sender not looked up: \(error)")
            return .refused(.unavailable)
        }
    }
}
