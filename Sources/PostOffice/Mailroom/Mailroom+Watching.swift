package import MailModel
package import Storage

// Watching what becomes of others' mailboxes (RFC 5465). A watch sees all of an account; what of it is told goes through `visible`.
extension Mailroom {
    /// Other accounts that one session watches.
    package static let mostWatched = 100

    /// Accounts that share mailboxes with the principal which are `wanted`, and those that `names` are of: what they share later is told then.
    /// Nil when they are too many.
    package func owners(
        for principal: Principal, named names: some Sequence<MailboxName>, wanted: (MailboxName) -> Bool
    ) async throws -> Set<AccountID>? {
        var owners: Set<AccountID> = []
        for record in try await sharedMailboxes(with: principal) where wanted(record.name) { owners.insert(record.account) }
        var asked: Set<AccountName> = []
        for name in names {
            guard let owner = OtherUsers.owner(of: name), asked.insert(owner).inserted else { continue }
            guard asked.count <= Mailroom.mostWatched else { return nil }
            if let account = try await store.account(named: owner), account.id != principal.account { owners.insert(account.id) }
        }
        return owners.count <= Mailroom.mostWatched ? owners : nil
    }

    /// Whether the name lies in the namespace of others' mailboxes.
    package func isAnothers(_ name: MailboxName) -> Bool { OtherUsers.covers(name) }

    package func watch(owner: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        store.watch(account: owner, poke: poke)
    }

    /// What a watch was told of, read from the account's change log.
    package func summary(of span: ChangeSpan) async throws -> AccountChanges { try await store.summary(of: span) }

    /// Of what happened to other accounts what the principal may see now, under the names it knows. A mailbox that is gone, or is shared no
    /// more, is not among them.
    package func visible(
        _ changes: [AccountChanges], to principal: Principal
    ) async throws -> [(record: MailboxRecord, entry: AccountChanges.Entry)] {
        guard !changes.isEmpty else { return [] }
        var found: [(record: MailboxRecord, entry: AccountChanges.Entry)] = []
        for record in try await sharedMailboxes(with: principal) {
            guard var entry = changes.lazy.compactMap({ $0.mailboxes[record.id] }).first else { continue }
            entry.name = record.name
            entry.formerName = entry.formerName.flatMap { former in
                OtherUsers.owner(of: record.name).flatMap { OtherUsers.name(of: former, owner: $0) }
            }
            found.append((record, entry))
        }
        return found
    }
}
