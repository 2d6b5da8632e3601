package import MailModel
package import Storage

// The change log, read, and told of.
extension SQLiteStore: ChangeLog {
    package func changes(of account: AccountID, since modSeq: ModSeq, most: Int) async throws -> ChangesSince {
        guard try known.account(account) != nil else { throw StorageFault.noSuchAccount }
        return try await readers.run { try $0.changes(of: account, since: modSeq, most: most) }
    }

    package func messages(of change: Change, after uid: UID?, most: Int) async throws -> ChangedMessages {
        _ = try known
        return try await readers.run { try $0.messages(of: change, after: uid, most: most) }
    }

    package func watch(account: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        catalog.read { [watches = catalog.watches] state in
            watches.watch(account, from: state.accounts[account]?.modSeq ?? .zero, poke: poke)
        }
    }

    package func record(of mailbox: MailboxID) throws -> MailboxRecord? {
        let (found, isWhole) = try known.read { state in (state.mailboxes[mailbox]?.record, state.damage.mailboxes.isEmpty) }
        guard found != nil || isWhole else { throw IndexDamage.missingMailboxes }
        return found
    }
}
