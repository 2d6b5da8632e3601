import MailModel
import PostOffice

// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8).
extension CommandExecution {
    mutating func subscribe(_ mailbox: MailboxArgument) async throws -> StatusResponse {
        try await mailroom.subscribe(try name(mailbox), of: principal)
        return .ok("SUBSCRIBE done")
    }

    mutating func unsubscribe(_ mailbox: MailboxArgument) async throws -> StatusResponse {
        try await mailroom.unsubscribe(try name(mailbox), of: principal)
        return .ok("UNSUBSCRIBE done")
    }
}
