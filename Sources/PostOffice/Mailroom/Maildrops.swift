package import MailModel
package import NIOCore
package import Storage
import Synchronization

/// Lends out maildrops: an account's INBOX, to one session at a time (RFC 1939 §4). One for the whole program.
///
/// Only sessions that ask here are kept from each other; IMAP reads and changes the INBOX meanwhile.
package final class Maildrops: Sendable {
    private let mailroom: Mailroom
    private let lent = Mutex<Set<AccountID>>([])
    /// For messages that sessions read ahead: 32 MiB, of which each takes a quarter of one at most.
    private let memory = LoanBudget(most: 32 << 20)

    package init(mailroom: Mailroom) { self.mailroom = mailroom }

    /// Rows that are looked at before others get their turn.
    private static let slice = 32_768

    /// Nil while another session has it.
    package func open(of principal: Principal) async throws -> Maildrop? {
        let account = principal.account
        guard lent.withLock({ $0.insert(account).inserted }) else { return nil }
        do {
            let inbox = try await mailroom.open(.inbox, of: principal)
            let rows = inbox.handle.snapshot
            let octets = try await octets(of: rows, inbox)
            return Maildrop(rows: rows, octets: octets, handle: inbox.handle, account: account) { [self] in
                lent.withLock { _ = $0.remove(account) }
            }
        } catch {
            lent.withLock { _ = $0.remove(account) }
            throw error
        }
    }

    /// Memory for messages that nobody has asked for yet; nil when others have it all.
    package func lend(octets: Int) -> MemoryLoan? { memory.lend(octets) }

    /// All rows are at hand then.
    private func octets(of rows: MailboxSnapshot, _ inbox: OpenMailbox) async throws -> Int64 {
        var octets: Int64 = 0
        for start in stride(from: 0, to: rows.count, by: Maildrops.slice) {
            let places = start..<start + Maildrops.slice
            try await mailroom.withRows(of: inbox) { try rows.require(places) }
            try rows.forEach(in: places) { _, row in
                octets += Int64(row.size)
                return true
            }
            await Task.yield()
        }
        return octets
    }
}

/// An INBOX as it was when it was opened, lent to one session until `giveBack` or its end.
package final class Maildrop: Sendable {
    /// What came later is not in it, and what another client has expunged since still is. `Maildrops` gives it with all rows at hand.
    package let rows: MailboxSnapshot
    /// Of all messages.
    package let octets: Int64
    fileprivate let handle: any MailboxHandle
    fileprivate let account: AccountID
    private let onReturn: Mutex<(@Sendable () -> Void)?>

    /// `Maildrops` makes them; so may a rehearsal.
    package init(
        rows: MailboxSnapshot, octets: Int64, handle: any MailboxHandle, account: AccountID,
        onReturn: @escaping @Sendable () -> Void
    ) {
        self.rows = rows
        self.octets = octets
        self.handle = handle
        self.account = account
        self.onReturn = Mutex(onReturn)
    }

    deinit { giveBack() }

    /// The mailbox as it is now.
    package var current: MailboxSnapshot { handle.snapshot }

    /// From now on another session can have it. What is not removed stays.
    package func giveBack() {
        let action = onReturn.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }
}

extension Mailroom {
    /// Octets of a message, clamped to its size; nil: all of it.
    package func read(_ range: Range<Int>?, of row: MessageRow, in maildrop: Maildrop) async throws -> ByteBuffer {
        try await store.read(range, of: row.body, for: maildrop.account)
    }

    /// Messages whole, in the order of `rows`, whose sizes together are at most `BodyBatch.octets`.
    package func read(_ rows: [MessageRow], in maildrop: Maildrop) async throws -> [ByteBuffer] {
        try await store.read(rows.map(\.body), for: maildrop.account)
    }

    /// As `withRows(of:)` of a mailbox.
    package func withRows<Value>(of maildrop: Maildrop, _ body: () throws -> Value) async throws -> Value {
        try await withRows(of: maildrop.handle, body)
    }

    /// Exactly those messages, in one transaction; those that are gone already are gone.
    package func remove(_ uids: NumberSet, from maildrop: Maildrop) async throws {
        _ = try await store.remove(uids, from: maildrop.handle.mailbox)
    }
}
