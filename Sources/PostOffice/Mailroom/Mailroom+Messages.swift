package import MailModel
package import MessageFormat
package import NIOCore
package import Storage

// The mail in an open mailbox.
extension Mailroom {
    /// In the order of `rows`.
    package func outlines(of rows: [MessageRow], in mailbox: OpenMailbox) async throws -> [MessageOutline] {
        try await store.outlines(of: rows.map(\.body), for: mailbox.account)
    }

    /// Octets of a message, clamped to its size; nil: all of it.
    package func read(_ range: Range<Int>?, of row: MessageRow, in mailbox: OpenMailbox) async throws -> ByteBuffer {
        try await store.read(range, of: row.body, for: mailbox.account)
    }

    /// Messages whole, in the order of `rows`, whose sizes together are at most `BodyBatch.octets`; much cheaper than one by one.
    package func read(_ rows: [MessageRow], in mailbox: OpenMailbox) async throws -> [ByteBuffer] {
        try await store.read(rows.map(\.body), for: mailbox.account)
    }

    package func change(
        _ change: FlagChange, of uids: NumberSet, in mailbox: OpenMailbox, unchangedSince: ModSeq? = nil
    ) async throws -> FlagsChanged {
        try await store.change(flags: change, of: uids, in: mailbox.id, unchangedSince: unchangedSince)
    }

    /// Those of `uids` (nil: of all) that have `\Deleted`.
    package func expunge(_ uids: NumberSet?, in mailbox: OpenMailbox) async throws -> Expunged {
        try await store.expunge(uids, in: mailbox.id)
    }

    /// Into a mailbox of the same account. `noSuchMailbox` when there is none of that name.
    package func copy(_ uids: NumberSet, from mailbox: OpenMailbox, to name: MailboxName, of principal: Principal) async throws -> Copied {
        let target = try await self.mailbox(name, of: principal)
        return try await store.copy(uids, from: mailbox.id, to: target.id)
    }

    /// `notAllowed` into the mailbox itself: what it would leave behind is nobody's wish.
    package func move(_ uids: NumberSet, from mailbox: OpenMailbox, to name: MailboxName, of principal: Principal) async throws -> Copied {
        let target = try await self.mailbox(name, of: principal)
        guard target.id != mailbox.id else { throw MailroomRefusal.notAllowed("Source and target are the same mailbox") }
        return try await store.move(uids, from: mailbox.id, to: target.id)
    }
}
