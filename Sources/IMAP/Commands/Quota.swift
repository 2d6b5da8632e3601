import MailModel
import PostOffice
import Storage

// GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §4.1).
extension CommandExecution {
    mutating func quota(_ command: QuotaCommand) async throws -> StatusResponse {
        switch command {
        case .get(let root):
            write(try mailroom.quota(root: root, of: principal))
        case .root(let mailbox):
            let (name, root) = try await mailroom.quotaRoot(of: try existing(mailbox), for: principal)
            output.writeQuotaRoot(root.name, of: name, dialect.textMode)
            write(root)
        case .set:
            // Limits are set by `martlet account quota`: nobody raises one's own.
            return .no("Only an administrator sets quotas", .noPerm)
        }
        return .ok("\(job.command.verb.rawValue) done")
    }

    // RFC 9208 §5.1: STORAGE counts 1024 octets each.
    private mutating func write(_ root: Mailroom.QuotaRoot) {
        let resources = QuotaResource.allCases.compactMap { resource -> (name: String, usage: Int64, limit: Int64)? in
            guard let limit = root.limits[resource] else { return nil }
            let usage = root.usage[resource] ?? 0
            return resource == .storage ? (resource.rawValue, (usage + 1_023) / 1_024, limit / 1_024) : (resource.rawValue, usage, limit)
        }
        output.writeQuota(root.name, resources, dialect.textMode)
    }
}
