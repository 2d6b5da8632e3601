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
