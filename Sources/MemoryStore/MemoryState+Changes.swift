import MailModel
import Storage

extension MemoryState {
    /// What of a state tells those who watch accounts how a later one differs.
    struct Marks {
        private var mailboxes: [MailboxID: (account: AccountID, mark: MailboxMark)] = [:]
        private var subscriptions: [AccountID: Set<MailboxName>] = [:]

        init(_ state: MemoryState) {
            for (id, box) in state.mailboxes {
                let mark = MailboxMark(
                    name: box.record.name, nextUID: box.table.uidNext.rawValue, messages: box.table.count, modSeq: box.table.highestModSeq)
                mailboxes[id] = (box.record.account, mark)
            }
            for (id, account) in state.accounts { subscriptions[id] = account.subscriptions }
        }

        func changes(to new: Marks) -> [AccountID: AccountChanges] {
            var changes: [AccountID: AccountChanges] = [:]
            for (id, old) in mailboxes where new.mailboxes[id]?.mark != old.mark {
                changes[old.account, default: AccountChanges()].note(id, from: old.mark, to: new.mailboxes[id]?.mark)
            }
            for (id, box) in new.mailboxes where mailboxes[id] == nil {
                changes[box.account, default: AccountChanges()].note(id, from: nil, to: box.mark)
            }
            for (id, names) in new.subscriptions {
                let changed = names.symmetricDifference(subscriptions[id] ?? [])
                if !changed.isEmpty { changes[id, default: AccountChanges()].note(subscriptions: changed) }
            }
            return changes
        }
    }
}
