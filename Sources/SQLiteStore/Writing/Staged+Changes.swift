import MailModel
import Storage

extension Staged {
    /// What the batch makes of accounts that somebody watches.
    func changes(from state: borrowing Catalog.State, for watches: AccountWatches) -> [AccountID: AccountChanges] {
        guard !watches.isEmpty else { return [:] }
        var changes: [AccountID: AccountChanges] = [:]
        for (id, entry) in mailboxes {
            let old = state.mailboxes[id]
            guard let account = entry?.record.account ?? old?.record.account else { continue }
            changes[account, default: AccountChanges()].note(id, from: old?.mark, to: entry?.mark)
        }
        for (account, names) in subscriptions {
            let changed = names.filter { ($0.value != nil) != (state.subscriptions[account]?.names.contains($0.key) ?? false) }.keys
            if !changed.isEmpty { changes[account, default: AccountChanges()].note(subscriptions: changed) }
        }
        let watched = watches.watched(changes.keys)
        return changes.filter { watched.contains($0.key) }
    }
}

extension MailboxEntry {
    fileprivate var mark: MailboxMark {
        MailboxMark(name: record.name, nextUID: uidNext, messages: messages, modSeq: modSeq)
    }
}
