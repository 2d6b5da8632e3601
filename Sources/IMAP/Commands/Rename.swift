import MailModel
import PostOffice

// RENAME (RFC 9051 §6.3.6).
extension CommandExecution {
    mutating func rename(_ from: MailboxArgument, _ to: MailboxArgument) async throws -> StatusResponse {
        try await mailroom.rename(try existing(from), to: try newName(to), of: principal)
        return .ok("RENAME done")
    }
}
