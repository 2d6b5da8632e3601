import MailModel
import Storage
import Synchronization

/// Another account's mailbox that somebody looks at: when the right to read it is taken away, the view stays as it was last.
final class SharedHandle: MailboxHandle {
    private let handle: any MailboxHandle
    private let mayRead: @Sendable () -> Bool
    private let last: Mutex<MailboxSnapshot>

    init(_ handle: any MailboxHandle, mayRead: @escaping @Sendable () -> Bool) {
        self.handle = handle
        self.mayRead = mayRead
        last = Mutex(handle.snapshot)
    }

    var mailbox: MailboxID { handle.mailbox }

    var snapshot: MailboxSnapshot {
        guard mayRead() else { return last.withLock { $0 } }
        let snapshot = handle.snapshot
        last.withLock { $0 = snapshot }
        return snapshot
    }

    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable { handle.watch(poke) }

    func claimRecent() -> UInt32 { handle.claimRecent() }
}
