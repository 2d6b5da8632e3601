import MailModel
import PostOffice

// RENAME (RFC 9051 §6.3.6).
extension Errand {
    mutating func rename(_ from: MailboxArgument, _ to: MailboxArgument) async throws -> Answer {
        try await mailroom.rename(try existing(from), to: try newName(to), of: principal)
        return .ok("RENAME done")
    }
}
