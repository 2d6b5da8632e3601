package import MailModel
package import Storage
import Synchronization

// Messages are copied and moved: very many in steps, with others' work between them.
extension SQLiteStore {
    package func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied {
        guard uids.count > copiedAtOnce else { return try await change { try $0.copy(uids, from: source, to: target, flags: flags) } }
        return try await copyInSteps(uids, from: source, to: target, flags: flags, isMove: false)
    }

    package func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied {
        guard uids.count > copiedAtOnce else { return try await change { try $0.move(uids, from: source, to: target, flags: flags) } }
        return try await copyInSteps(uids, from: source, to: target, flags: flags, isMove: true)
    }

    /// RFC 9051 §6.3.6: what is in INBOX moves to a new mailbox. All of it or, where the move comes to nothing, none.
    func renameLargeInbox(_ inbox: MailboxRecord, to name: MailboxName) async throws {
        let target = try await create(mailbox: name, of: inbox.account, specialUse: nil).id
        do {
            _ = try await move(NumberSet(1...UInt32.max), from: inbox.id, to: target, flags: .all)
            try await change { try $0.copyAnnotations(from: inbox.id, to: target) }
        } catch {
            try await delete(mailbox: target)
            throw error
        }
    }

    /// One such copy at a time, so that those of one mailbox follow each other.
    private func copyInSteps(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope, isMove: Bool) async throws -> Copied {
        await largeCopies.enter()
        defer { largeCopies.leave() }
        let most = copiedAtOnce
        let beginning = try await change { try $0.begin(copyOf: uids, from: source, to: target, flags: flags, isMove: isMove, most: most) }
        guard case .begun(let copy) = beginning else {
            guard case .done(let copied) = beginning else { throw StorageFault.closed }
            return copied
        }
        do {
            return try await carryOut(copy)
        } catch {
            // Its rows go as expunged ones do; those of a store that is closed at its next start.
            // try?: what is told is why the copy came to nothing.
            try? await change { $0.ledger.release(copy.record) }
            throw error
        }
    }

    private func carryOut(_ copy: LargeCopy) async throws -> Copied {
        let most = copiedAtOnce
        var rows = LargeCopy.Rows()
        for step in copy.steps {
            let first = copy.first + UInt32(clamping: rows.copies.count)
            rows.append(try await change { try $0.add(step, to: copy, first: first) })
        }
        var since = copy.since
        // Somebody may change messages faster than their copies follow.
        for _ in 0..<8 {
            let (done, from) = (rows, since)
            switch try await change({ try $0.end(copy, done, since: from, most: most) }) {
            case .done(let copied): return copied
            case .changed(let uids, let until):
                for piece in uids.split(most) {
                    let now = rows
                    for (index, flags) in try await change({ try $0.refresh(piece, of: copy, now) }) { rows.set(flags, at: index) }
                }
                since = until
            }
        }
        throw StorageFault.unavailable("the messages that are copied are being changed all the time")
    }
}

/// Lets one in at a time, in the order in which they come.
final class Lane: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isTaken { state.waiting.append(continuation) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.isTaken = false
            return nil
        }
        next?.resume()
    }
}
