package import MailModel
package import Storage

extension SQLiteStore {
    package func annotations(of mailbox: MailboxID?, for account: AccountID) async throws -> [Annotation] {
        let catalog = try known
        let owner = mailbox.flatMap { catalog.mailbox($0)?.record.account }
        guard mailbox == nil || owner != nil else { throw StorageFault.noSuchMailbox }
        return try await readers.run { try $0.annotations(of: mailbox, owner: owner, for: account) }
    }

    package func set(annotations: [String: [UInt8]?], of mailbox: MailboxID?, for account: AccountID) async throws {
        try await change { try $0.set(annotations: annotations, of: mailbox, for: account) }
    }
}
