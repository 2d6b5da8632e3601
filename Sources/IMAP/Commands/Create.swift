import MailModel
import PostOffice

// CREATE (RFC 9051 §6.3.4; RFC 6154 §3; RFC 8474 §4.1 MAILBOXID).
extension CommandExecution {
    mutating func create(_ arguments: CreateArguments) async throws -> StatusResponse {
        let name = try newName(arguments.mailbox)
        guard arguments.unknownUses.isEmpty else { return .no("That special use is not known", .useAttr) }
        guard arguments.specialUses.count <= 1 else { return .no("A mailbox has one special use at most", .useAttr) }
        let record = try await mailroom.create(name, use: arguments.specialUses.first, of: principal)
        return .ok("CREATE done", .mailboxID(record.id))
    }
}
