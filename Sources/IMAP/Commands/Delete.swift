import MailModel
import PostOffice

// DELETE (RFC 9051 §6.3.5).
extension CommandExecution {
    mutating func delete(_ mailbox: MailboxArgument) async throws -> StatusResponse {
        try await mailroom.delete(try existing(mailbox), of: principal)
        return .ok("DELETE done")
    }
}
