import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization

/// A body's octets and digest, as long as anybody refers to them.
final class MemoryBody: Sendable {
    let id: BodyID
    let octets: ByteBuffer
    let digest: BodyDigest

    init(id: BodyID, octets: ByteBuffer, digest: BodyDigest) {
        self.id = id
        self.octets = octets
        self.digest = digest
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
    /// What stands before the body for the account.
    let head: MessageHead?

    init(_ body: MemoryBody, behind head: MessageHead?, account: AccountID) {
        key = Key(body: body.id, account: account)
        self.body = body
        self.head = head
    }

    var size: Int { body.octets.readableBytes + (head?.octets.count ?? 0) }

    /// Head and body as one.
    var octets: ByteBuffer { body.octets(behind: head) }

    /// `noSuchMessage` for what is none.
    var outline: EncodedOutline {
        get throws {
            guard let outline = body.digest.outline else { throw StorageFault.noSuchMessage }
            guard let head else { return EncodedOutline(outline) }
            do { return try EncodedOutline(outline, behind: head) } catch { throw StorageFault.corrupt("\(error)") }
        }
    }
}

extension MemoryBody {
    func octets(behind head: MessageHead?) -> ByteBuffer {
        guard let head else { return octets }
        var whole = ByteBuffer(bytes: head.octets)
        whole.writeImmutableBuffer(octets)
        return whole
    }
}

extension ByteBuffer {
    /// Clamped; nil: all of them.
    func octets(_ range: Range<Int>?) -> ByteBuffer {
        guard let range else { return self }
        let clamped = range.clamped(to: 0..<readableBytes)
        return getSlice(at: readerIndex + clamped.lowerBound, length: clamped.count) ?? ByteBuffer()
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
