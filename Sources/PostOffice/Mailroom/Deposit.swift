package import MailModel
import MessageFormat
package import NIOCore
package import Storage
import Synchronization

/// A message that a client puts into a mailbox, as it comes in. One piece of work at a time may use it.
///
/// Nothing is kept before the first `receive`. After a failure what comes is passed over, and `place` throws the reason. Dropped unfinished,
/// it leaves nothing behind.
package final class Deposit: Sendable {
    fileprivate struct State {
        var sink: (any BodySink)?
        var scanner = MessageScanner()
        var fault: (any Error)?
    }

    /// Octets that the client announced.
    package let expected: Int
    fileprivate let state = Mutex(State())

    package init(expected: Int) { self.expected = expected }
}

extension Mailroom {
    /// The next bytes. Waits while too much is on its way to the disk.
    package func receive(_ bytes: ByteBuffer, into deposit: Deposit) async {
        guard deposit.state.withLock({ $0.fault == nil }) else { return }
        do {
            guard !bytes.readableBytesView.contains(0) else { throw MailroomRefusal.holdsNUL }
            let sink = try await sink(of: deposit)
            try await sink.write(bytes)
            deposit.state.withLock { $0.scanner.consume(bytes) }
        } catch {
            deposit.state.withLock { state in
                state.sink?.discard()
                state.sink = nil
                state.fault = error
            }
        }
    }

    private func sink(of deposit: Deposit) async throws -> any BodySink {
        if let sink = deposit.state.withLock({ $0.sink }) { return sink }
        let sink = try await store.receive(expected: deposit.expected)
        deposit.state.withLock { $0.sink = sink }
        return sink
    }

    private func stage(_ deposit: Deposit) async throws -> StagedBody {
        if let fault = deposit.state.withLock({ $0.fault }) { throw fault }
        let sink = try await sink(of: deposit)
        let outline = deposit.state.withLock { $0.scanner.finish() }
        let staged = try await sink.finish(outline)
        deposit.state.withLock { $0.sink = nil }
        return staged
    }

    /// Makes a whole deposit a message of the mailbox; durable on return. Deposits whose turns follow each other get their UIDs in that order,
    /// while they share a commit. Needs `i`; flags that the principal may not set there are left out (RFC 4314 §4). `noSuchMailbox`.
    package func place(
        _ deposit: Deposit, in name: MailboxName, flags: Flags, internalDate: Timestamp?, turn: Turn, of principal: Principal
    ) async throws -> Placed {
        let staged: Result<(body: StagedBody, placement: Placement), any Error>
        do {
            let target = try await mailbox(name, of: principal, needing: .insert)
            let scope = try rights(of: principal, on: target).flags
            let placement = Placement(mailbox: target.id, flags: flags.within(scope), internalDate: internalDate ?? now)
            staged = .success((try await stage(deposit), placement))
        } catch {
            staged = .failure(error)
        }
        await turn.come()
        let placing: Task<[Placed], any Error>
        do {
            let (body, placement) = try staged.get()
            // Runs until it first waits, which is behind the store's queue: only then is it the next one's turn.
            placing = Task.immediate { [store] in try await store.place(body, [placement]) }
            turn.pass()
        } catch {
            turn.pass()
            throw error
        }
        guard let placed = try await placing.value.first else { throw StorageFault.unavailable("nothing was placed") }
        return placed
    }
}

/// A place in a line of deposits.
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

    /// Lets the next one go. Called once, after `come`.
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
