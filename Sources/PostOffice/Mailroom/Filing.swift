package import MailModel
package import NIOCore
package import Storage
import Synchronization

/// A message that a client puts into a mailbox, and what it is given.
package struct Filing: Sendable {
    package let incoming: Incoming
    package let flags: Flags
    /// Nil: now.
    package let internalDate: Timestamp?

    package init(incoming: Incoming, flags: Flags, internalDate: Timestamp?) {
        self.incoming = incoming
        self.flags = flags
        self.internalDate = internalDate
    }
}

extension Mailroom {
    /// The next bytes. Waits while too much is on its way to the disk. What is wrong with them, `place` throws.
    package func receive(_ bytes: ByteBuffer, into incoming: Incoming) async {
        // catch: it is kept, and thrown by `place`.
        do { try await incoming.take(bytes, into: store) } catch { return }
    }

    /// No more bytes come.
    package func finish(_ incoming: Incoming) async {
        // catch: as above.
        do { _ = try await incoming.stage(in: store) } catch { return }
    }

    /// Makes what has come whole a message of the mailbox; durable on return. Those whose turns follow each other get their UIDs in that order,
    /// while they share a commit. Needs `i`; flags that the principal may not set there are left out (RFC 4314 §4). `noSuchMailbox`.
    package func place(
        _ incoming: Incoming, in name: MailboxName, flags: Flags, internalDate: Timestamp?, turn: Turn,
        of principal: Principal
    ) async throws -> Placed {
        let filing = Filing(incoming: incoming, flags: flags, internalDate: internalDate)
        guard let placed = try await place([filing], in: name, turn: turn, of: principal).first else {
            throw StorageFault.unavailable("nothing was placed")
        }
        return placed
    }

    /// Makes messages of what has come whole, all or none, in order; and with them `superseded`, messages of a mailbox that the principal has open, are
    /// expunged. `noSuchMailbox`; `StorageFault.noSuchMessage` when one of these is gone.
    package func place(
        _ filings: [Filing], in name: MailboxName,
        superseding superseded: (uids: NumberSet, mailbox: OpenMailbox)? = nil, turn: Turn,
        of principal: Principal
    ) async throws -> [Placed] {
        let staged: Result<[Addition], any Error>
        do {
            let target = try await mailbox(name, of: principal, needing: .insert)
            // As MOVE does (RFC 4314 §4, RFC 8508 §3).
            if let superseded { try require([.deleteMessages, .expunge], in: superseded.mailbox) }
            let scope = try rights(of: principal, on: target).flags
            var additions: [Addition] = []
            for filing in filings {
                let placement = Placement(
                    mailbox: target.id, flags: filing.flags.within(scope), internalDate: filing.internalDate ?? now)
                additions.append(Addition(body: try await filing.incoming.stage(in: store), placement: placement))
            }
            staged = .success(additions)
        } catch {
            staged = .failure(error)
        }
        await turn.come()
        // Once it stands in the store's line it is the next one's turn.
        defer { turn.pass() }
        let gone = superseded.map { SupersededMessages(mailbox: $0.mailbox.id, uids: $0.uids) }
        return try await store.place(staged.get(), superseding: gone, queued: { turn.pass() })
    }
}

/// A place in a line of filings.
package final class Turn: Sendable {
    private enum State {
        case waiting((CheckedContinuation<Void, Never>)?)
        case passed
    }

    private let predecessor: Mutex<Turn?>
    private let state = Mutex(State.waiting(nil))

    package init(after predecessor: Turn? = nil) { self.predecessor = Mutex(predecessor) }

    /// Returns once all before it have passed.
    func come() async {
        let before = predecessor.withLock { predecessor in
            defer { predecessor = nil }
            return predecessor
        }
        await before?.ended()
    }

    /// Lets the next one go, the first time. Called after `come`.
    func pass() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            defer { state = .passed }
            if case .waiting(let next) = state { return next }
            return nil
        }
        next?.resume()
    }

    private func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard case .waiting = state else { return true }
                state = .waiting(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
