import MailModel
import Storage

final class MemoryHandle: MailboxHandle {
    private let store: MemoryStore
    private let uidValidity: UIDValidity
    let mailbox: MailboxID

    init(_ store: MemoryStore, _ record: MailboxRecord) {
        self.store = store
        mailbox = record.id
        uidValidity = record.uidValidity
    }

    var snapshot: MailboxSnapshot {
        store.state.withLock { state in
            guard let box = state.mailboxes[mailbox] else { return state.deleted[mailbox] ?? nothing }
            var table = box.table
            table.lease = box.lease
            table.reads = store.reads
            return table
        }
    }

    private var nothing: MailboxSnapshot {
        var empty = MailboxSnapshot(mailbox: mailbox, uidValidity: uidValidity)
        empty.isDeleted = true
        return empty
    }

    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable {
        let number = store.state.withLock { state in
            let number = state.nextWatch
            state.nextWatch += 1
            state.mailboxes[mailbox]?.watchers[number] = poke
            return number
        }
        return Watch(store, mailbox, number)
    }

    func claimRecent() -> UInt32 {
        store.state.withLock { state in
            guard let box = state.mailboxes[mailbox] else { return .max }
            state.mailboxes[mailbox]?.recentFloor = box.table.uidNext.rawValue - 1
            return box.recentFloor
        }
    }
}

private final class Watch: Sendable {
    private let store: MemoryStore
    private let mailbox: MailboxID
    private let number: UInt64

    init(_ store: MemoryStore, _ mailbox: MailboxID, _ number: UInt64) {
        self.store = store
        self.mailbox = mailbox
        self.number = number
    }

    deinit {
        let watcher = store.state.withLock { $0.mailboxes[mailbox]?.watchers.removeValue(forKey: number) }
        // Let go of with the lock free: what it holds may be another watch.
        _ = watcher
    }
}
