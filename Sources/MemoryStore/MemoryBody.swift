import MailModel
import MessageFormat
import NIOCore
import Synchronization

/// A body's octets and outline, as long as anybody refers to them.
final class MemoryBody: Sendable {
    let id: BodyID
    let octets: ByteBuffer
    let outline: MessageOutline

    init(id: BodyID, octets: ByteBuffer, outline: MessageOutline) {
        self.id = id
        self.octets = octets
        self.outline = outline
    }
}

/// That an account may read a body: held by the account's rows, and by the leases of those who still see such a row.
final class Hold: Sendable {
    struct Key: Hashable {
        let body: BodyID
        let account: AccountID
    }

    let key: Key
    let body: MemoryBody

    init(_ body: MemoryBody, account: AccountID) {
        key = Key(body: body.id, account: account)
        self.body = body
    }
}

struct WeakHold {
    weak var hold: Hold?
}

/// What keeps readable the bodies of one version of a mailbox: those removed while it was the current one, and, through `next`, later.
final class Lease: Sendable {
    private struct State {
        var removed: [Hold] = []
        var next: Lease?
    }

    private let state = Mutex(State())

    /// The version after this one, from which those rows are gone.
    func retire(_ holds: [Hold]) -> Lease {
        let successor = Lease()
        state.withLock {
            $0.removed = holds
            $0.next = successor
        }
        return successor
    }

    // A long chain is let go of link by link, not by as deep a recursion.
    deinit {
        var next = state.withLock { $0.next.take() }
        while next != nil, isKnownUniquelyReferenced(&next) {
            next = next?.state.withLock { $0.next.take() }
        }
    }
}
