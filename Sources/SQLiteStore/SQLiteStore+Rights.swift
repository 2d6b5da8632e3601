package import MailModel
package import Storage

extension SQLiteStore {
    package func accessList(of mailbox: MailboxID) throws -> AccessList {
        let found = try known.read { state in state.mailboxes[mailbox] == nil ? nil : state.access[mailbox] }
        guard let found else { throw StorageFault.noSuchMailbox }
        return found
    }

    package func change(rights: RightsChange, of grantee: Grantee, on mailbox: MailboxID) async throws {
        try await change { try $0.change(rights: rights, of: grantee, on: mailbox) }
    }

    package func mailboxes(sharedWith account: AccountID) async throws -> [MailboxRecord] {
        try known.read { state in
            state.access.mailboxes(sharedWith: account).compactMap { id in
                state.mailboxes[id].flatMap { $0.record.account == account ? nil : $0.record }
            }
        }
    }
}

extension SQLiteStore {
    package func usage(of account: AccountID) throws -> Quota {
        try known.read { state in
            guard state.accounts[account] != nil else { throw StorageFault.noSuchAccount }
            return state.quotas.usage(of: account)
        }
    }

    package func limits(of account: AccountID) throws -> Quota {
        try known.read { state in
            guard state.accounts[account] != nil else { throw StorageFault.noSuchAccount }
            return state.quotas.limits(of: account)
        }
    }

    /// The limits that the account has in the place of the configured ones.
    package func ownLimits(of account: AccountID) throws -> Quota { try known.read { $0.quotas.ownLimits(of: account) } }

    package func set(limits: Quota, of account: AccountID) async throws {
        try await change { try $0.set(limits: limits, of: account) }
    }
}
