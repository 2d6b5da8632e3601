package import MailModel
package import MessageFormat
package import NIOCore
package import Storage

// The mail in an open mailbox.
extension Mailroom {
    /// What `body` finds among rows of the mailbox: those that it lacks (`RowsNotAtHand`) are read, off the caller's thread, and it is asked again. Whatever it
    /// changes, it must change once it has them. `corrupt`, `unavailable`; `noSuchMailbox` when the mailbox is gone, and its rows with it.
    package func withRows<Value>(of mailbox: OpenMailbox, _ body: () throws -> Value) async throws -> Value {
        try await withRows(of: mailbox.handle, body)
    }

    func withRows<Value>(of handle: any MailboxHandle, _ body: () throws -> Value) async throws -> Value {
        do { return try await store.withRows(body) } catch let fault as StorageFault where handle.snapshot.isDeleted {
            if case .corrupt = fault { throw StorageFault.noSuchMailbox }
            throw fault
        }
    }

    /// Has those rows of the mailbox at hand; the same.
    package func read(_ blocks: [MailboxSnapshot.Block], of mailbox: OpenMailbox) async throws {
        try await withRows(of: mailbox) { try blocks.forEach { _ = try $0.rows } }
    }

    /// In the order of `rows`.
    package func outlines(of rows: [MessageRow], in mailbox: OpenMailbox) async throws -> [MessageOutline] {
        try require([], in: mailbox)
        return try await store.outlines(of: rows.map(\.body), for: mailbox.account)
    }

    /// In the order of `rows`, still encoded: see `BodyStore`.
    package func encodedOutlines(of rows: [MessageRow], in mailbox: OpenMailbox) async throws -> [EncodedOutline] {
        try require([], in: mailbox)
        return try await store.encodedOutlines(of: rows.map(\.body), for: mailbox.account)
    }

    /// Octets of a message, clamped to its size; nil: all of it.
    package func read(_ range: Range<Int>?, of row: MessageRow, in mailbox: OpenMailbox) async throws -> ByteBuffer {
        try require([], in: mailbox)
        return try await store.read(range, of: row.body, for: mailbox.account)
    }

    /// Messages whole, in the order of `rows`, whose sizes together are at most `BodyBatch.octets`; much cheaper than one by one.
    package func read(_ rows: [MessageRow], in mailbox: OpenMailbox) async throws -> [ByteBuffer] {
        try require([], in: mailbox)
        return try await store.read(rows.map(\.body), for: mailbox.account)
    }

    /// What the index knows of texts among the account's bodies. Of the newest it may know nothing yet.
    func findings(
        on questions: Set<SearchQuestion>, fuzzy: Set<FuzzyQuestion>, in mailbox: OpenMailbox
    ) async throws -> SearchFindings {
        try require([], in: mailbox)
        return try await store.search(questions, fuzzy: fuzzy, among: mailbox.account)
    }

    /// Thread and save date of those that are still there; of a mailbox that is gone, nothing.
    package func particulars(of uids: NumberSet, in mailbox: OpenMailbox) async throws -> [MessageParticulars] {
        try require([], in: mailbox)
        do {
            return try await store.particulars(of: uids, in: mailbox.id)
        } catch StorageFault.noSuchMailbox {
            return []
        }
    }

    /// Of flags that the viewer may not change those are passed over (RFC 4314 §4); `notPermitted` when there is no other.
    package func change(
        _ change: FlagChange, of uids: NumberSet, in mailbox: OpenMailbox, unchangedSince: ModSeq? = nil
    ) async throws -> FlagsChanged {
        let change = try within(try rights(in: mailbox).flags, change, in: mailbox)
        return try await store.change(flags: change, of: uids, in: mailbox.id, unchangedSince: unchangedSince)
    }

    private func within(_ scope: FlagScope, _ change: FlagChange, in mailbox: OpenMailbox) throws -> FlagChange {
        guard !mailbox.isOwn else { return change }
        try require([], in: mailbox)
        func allowed(_ flags: Flags) throws -> Flags {
            let rest = flags.within(scope)
            guard !rest.isEmpty || flags.isEmpty else { throw MailroomRefusal.notPermitted }
            return rest
        }
        switch change {
        case .add(let flags): return .add(try allowed(flags))
        case .remove(let flags): return .remove(try allowed(flags))
        case .replace(let flags), .replaceWithin(_, let flags):
            guard !scope.isEmpty else { throw MailroomRefusal.notPermitted }
            return scope == .all ? change : .replaceWithin(scope, flags.within(scope))
        }
    }

    /// Those of `uids` (nil: of all) that have `\Deleted`. Needs `e`.
    package func expunge(_ uids: NumberSet?, in mailbox: OpenMailbox) async throws -> Expunged {
        try require(.expunge, in: mailbox)
        return try await store.expunge(uids, in: mailbox.id)
    }

    /// UIDs that have left the mailbox after `modSeq`, all of them. Needs `r`.
    package func expunged(since modSeq: ModSeq, in mailbox: OpenMailbox) async throws -> NumberSet {
        try require(.read, in: mailbox)
        return try await store.expunged(since: modSeq, in: mailbox.id)
    }

    /// Needs `i` on the target, whose flags are those that the principal may set there. `noSuchMailbox` when there is none of that name.
    package func copy(_ uids: NumberSet, from mailbox: OpenMailbox, to name: MailboxName, of principal: Principal) async throws -> Copied {
        try require([], in: mailbox)
        let target = try await self.mailbox(name, of: principal, needing: .insert)
        return try await store.copy(uids, from: mailbox.id, to: target.id, flags: try rights(of: principal, on: target).flags)
    }

    /// Needs `t` and `e` besides what `copy` needs (RFC 6851 §4.2). `notAllowed` into the mailbox itself: what it would leave behind is
    /// nobody's wish.
    package func move(_ uids: NumberSet, from mailbox: OpenMailbox, to name: MailboxName, of principal: Principal) async throws -> Copied {
        try require([.deleteMessages, .expunge], in: mailbox)
        let target = try await self.mailbox(name, of: principal, needing: .insert)
        guard target.id != mailbox.id else { throw MailroomRefusal.notAllowed("Source and target are the same mailbox") }
        return try await store.move(uids, from: mailbox.id, to: target.id, flags: try rights(of: principal, on: target).flags)
    }
}
