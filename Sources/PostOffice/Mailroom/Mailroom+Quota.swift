package import MailModel
package import Storage

// Quotas (RFC 9208): each account has one root, called by the account's name, which holds for all its mailboxes.
extension Mailroom {
    package struct QuotaRoot: Hashable, Sendable {
        package let name: String
        package let usage: Quota
        /// What has no limit is not named.
        package let limits: Quota
    }

    /// Only one's own: what others use up is theirs to know. `noSuchQuotaRoot`.
    package func quota(root: String, of principal: Principal) throws -> QuotaRoot {
        guard let name = try? AccountName(root), name == principal.name else { throw MailroomRefusal.noSuchQuotaRoot }
        return try self.root(of: principal.account, principal.name)
    }

    /// The root of a mailbox, or of one of one's own that is yet to be made; another's needs `r` (RFC 9208 §6). `noSuchMailbox`.
    package func quotaRoot(of name: MailboxName, for principal: Principal) async throws -> (name: MailboxName, root: QuotaRoot) {
        guard OtherUsers.covers(name) else { return (name, try root(of: principal.account, principal.name)) }
        let record = try await mailbox(name, of: principal, needing: .read)
        guard let owner = try await store.account(record.account) else { throw MailroomRefusal.noSuchMailbox }
        return (record.name, try root(of: owner.id, owner.name))
    }

    private func root(of account: AccountID, _ name: AccountName) throws -> QuotaRoot {
        QuotaRoot(name: name.description, usage: try store.usage(of: account), limits: try store.limits(of: account))
    }

    /// Rows that are looked at before others get their turn.
    private static let slice = 32_768

    /// Octets of the messages that EXPUNGE would take (RFC 9208 §4.1.4): looked for only where there are any. Needs `r`.
    package func deletedStorage(of record: MailboxRecord, for principal: Principal) async throws -> Int64 {
        try require(.read, on: record, of: principal)
        guard try await store.status(of: record.id).deleted > 0 else { return 0 }
        var size: Int64 = 0
        let handle = try await store.open(record.id)
        let rows = handle.snapshot
        for start in stride(from: 0, to: rows.count, by: Mailroom.slice) {
            let places = start..<start + Mailroom.slice
            try await withRows(of: handle) { try rows.require(places) }
            try rows.forEach(in: places) { _, row in
                if row.flags.contains(.deleted) { size += Int64(row.size) }
                return true
            }
            await Task.yield()
        }
        return size
    }
}
