import MailModel
import PostOffice

// DELETE (RFC 9051 §6.3.5).
extension Errand {
    mutating func delete(_ mailbox: MailboxArgument) async throws -> Answer {
        try await mailroom.delete(try existing(mailbox), of: principal)
        return .ok("DELETE done")
    }
}
