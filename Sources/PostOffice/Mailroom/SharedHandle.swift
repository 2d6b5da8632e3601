import MailModel
import Storage
import Synchronization

/// Another account's mailbox that somebody looks at: when the right to read it is taken away, or is not known, the view stays as it was last.
final class SharedHandle: MailboxHandle {
    private struct View {
        var rows: MailboxSnapshot
        var mayRead = true
    }

    private let handle: any MailboxHandle
    private let mayRead: @Sendable () throws -> Bool
    private let last: Mutex<View>

    /// The right was there when it was opened. `mayRead` throws `noSuchMailbox` once the mailbox is gone.
    init(_ handle: any MailboxHandle, mayRead: @escaping @Sendable () throws -> Bool) {
        self.handle = handle
        self.mayRead = mayRead
        last = Mutex(View(rows: handle.snapshot))
    }

    var mailbox: MailboxID { handle.mailbox }

    var snapshot: MailboxSnapshot {
        let current = handle.snapshot
        let mayRead = mayReadNow
        return last.withLock { last in
            if let mayRead { last.mayRead = mayRead }
            // A mailbox that is gone shows nothing; that it is gone is told to who could read it until then.
            if last.mayRead, mayRead != nil || current.isDeleted { last.rows = current }
            return last.rows
        }
    }

    /// Nil when it is not known.
    private var mayReadNow: Bool? {
        // catch: not known is no right; the view stays as it is.
        do { return try mayRead() } catch { return nil }
    }

    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable { handle.watch(poke) }

    func claimRecent() -> UInt32 { handle.claimRecent() }
}
