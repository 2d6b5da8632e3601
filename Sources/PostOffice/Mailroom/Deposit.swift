import Glibc
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
        /// Of a message whose parts may be binary.
        var recoder: BinaryRecoder?
        var fault: (any Error)?
        /// Once it is whole.
        var staged: StagedBody?
    }

    /// Octets that the client announced.
    package let expected: Int
    fileprivate let state: Mutex<State>

    /// `isBinary`: parts of it may be binary (RFC 3516 §4.4); they are stored as base64.
    package init(expected: Int, isBinary: Bool = false) {
        self.expected = expected
        state = Mutex(State(recoder: isBinary ? BinaryRecoder() : nil))
    }

    /// Octets that it holds in memory once it is whole, but for its bytes, which the store counts.
    package var weight: Int { state.withLock { 1_024 + ($0.staged?.outline.header?.readableBytes ?? 0) } }
}

/// A deposit, and what its message is given.
package struct Filing: Sendable {
    package let deposit: Deposit
    package let flags: Flags
    /// Nil: now.
    package let internalDate: Timestamp?

    package init(deposit: Deposit, flags: Flags, internalDate: Timestamp?) {
        self.deposit = deposit
        self.flags = flags
        self.internalDate = internalDate
    }
}

extension Mailroom {
    /// The next bytes. Waits while too much is on its way to the disk.
    package func receive(_ bytes: ByteBuffer, into deposit: Deposit) async {
        await write(deposit.state.withLock { $0.recoder?.recode(bytes) } ?? bytes, into: deposit)
    }

    private func write(_ bytes: ByteBuffer, into deposit: Deposit) async {
        guard bytes.readableBytes > 0, deposit.state.withLock({ $0.fault == nil }) else { return }
        do {
            guard !Mailroom.holdsNUL(bytes) else { throw MailroomRefusal.holdsNUL }
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

    private static func holdsNUL(_ bytes: ByteBuffer) -> Bool {
        bytes.withUnsafeReadableBytes { octets in octets.baseAddress.map { memchr($0, 0, octets.count) != nil } ?? false }
    }

    private func sink(of deposit: Deposit) async throws -> any BodySink {
        if let sink = deposit.state.withLock({ $0.sink }) { return sink }
        let sink = try await store.receive(expected: deposit.expected)
        deposit.state.withLock { $0.sink = sink }
        return sink
    }

    /// No more bytes come. What is wrong with them, `place` throws.
    package func finish(_ deposit: Deposit) async {
        do {
            _ = try await stage(deposit)
        } catch {
            deposit.state.withLock { $0.fault = $0.fault ?? error }
        }
    }

    private func stage(_ deposit: Deposit) async throws -> StagedBody {
        let last = deposit.state.withLock { state in
            defer { state.recoder = nil }
            return state.recoder?.finish()
        }
        if let last { await write(last, into: deposit) }
        let (fault, known) = deposit.state.withLock { ($0.fault, $0.staged) }
        if let fault { throw fault }
        if let known { return known }
        let sink = try await sink(of: deposit)
        let outline = deposit.state.withLock { $0.scanner.finish() }
        let staged = try await sink.finish(outline)
        deposit.state.withLock {
            $0.sink = nil
            $0.staged = staged
        }
        return staged
    }

    /// Makes a whole deposit a message of the mailbox; durable on return. Deposits whose turns follow each other get their UIDs in that order,
    /// while they share a commit. Needs `i`; flags that the principal may not set there are left out (RFC 4314 §4). `noSuchMailbox`.
    package func place(
        _ deposit: Deposit, in name: MailboxName, flags: Flags, internalDate: Timestamp?, turn: Turn,
        of principal: Principal
    ) async throws -> Placed {
        let filing = Filing(deposit: deposit, flags: flags, internalDate: internalDate)
        guard let placed = try await place([filing], in: name, turn: turn, of: principal).first else {
            throw StorageFault.unavailable("nothing was placed")
        }
        return placed
    }

    /// Makes messages of whole deposits, all or none, in order; and with them `superseded`, messages of a mailbox that the principal has open, are
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
                additions.append(Addition(body: try await stage(filing.deposit), placement: placement))
            }
            staged = .success(additions)
        } catch {
            staged = .failure(error)
        }
        await turn.come()
        // Once it stands in the store's line it is the next one's turn.
        defer { turn.pass() }
        let gone = superseded.map { Superseded(mailbox: $0.mailbox.id, uids: $0.uids) }
        return try await store.place(staged.get(), superseding: gone, queued: { turn.pass() })
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
