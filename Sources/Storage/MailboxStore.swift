package import MailModel
package import MessageFormat

/// A mailbox as LIST shows it.
package struct MailboxRecord: Hashable, Sendable {
    package let id: MailboxID
    package let account: AccountID
    package var name: MailboxName
    package var uidValidity: UIDValidity
    package var specialUse: SpecialUse?

    package init(id: MailboxID, account: AccountID, name: MailboxName, uidValidity: UIDValidity, specialUse: SpecialUse?) {
        self.id = id
        self.account = account
        self.name = name
        self.uidValidity = uidValidity
        self.specialUse = specialUse
    }
}

/// A mailbox's counters (STATUS): kept, never counted.
package struct MailboxStatus: Hashable, Sendable {
    package var messages: Int
    package var unseen: Int
    package var deleted: Int
    /// Octets of all messages (RFC 8438).
    package var size: Int64
    package var uidNext: UID
    package var uidValidity: UIDValidity
    package var highestModSeq: ModSeq
    /// Messages above it no session has been shown as `\Recent` yet.
    package var recentFloor: UInt32

    package init(
        messages: Int, unseen: Int, deleted: Int, size: Int64, uidNext: UID, uidValidity: UIDValidity, highestModSeq: ModSeq,
        recentFloor: UInt32
    ) {
        self.messages = messages
        self.unseen = unseen
        self.deleted = deleted
        self.size = size
        self.uidNext = uidNext
        self.uidValidity = uidValidity
        self.highestModSeq = highestModSeq
        self.recentFloor = recentFloor
    }
}

/// Where a delivery goes.
package struct Placement: Hashable, Sendable {
    package var mailbox: MailboxID
    package var flags: Flags
    package var internalDate: Timestamp
    /// A delivery: it is taken while the account is under its quota, even when it is over it then.
    package var mayOverdraw = false
    /// What stands before the body for the mailbox's account, to whom both together are the message. All placements of an account say the same.
    package var head: MessageHead?

    package init(mailbox: MailboxID, flags: Flags = Flags(), internalDate: Timestamp) {
        self.mailbox = mailbox
        self.flags = flags
        self.internalDate = internalDate
    }
}

/// A body and the one mailbox it goes to.
package struct Addition: Sendable {
    package let body: StagedBody
    package let placement: Placement

    package init(body: StagedBody, placement: Placement) {
        self.body = body
        self.placement = placement
    }
}

/// Messages that new ones take the place of.
package struct SupersededMessages: Hashable, Sendable {
    package let mailbox: MailboxID
    package let uids: NumberSet

    package init(mailbox: MailboxID, uids: NumberSet) {
        self.mailbox = mailbox
        self.uids = uids
    }
}

/// What a message was given when it was placed.
package struct Placed: Hashable, Sendable {
    package let mailbox: MailboxID
    package let uidValidity: UIDValidity
    package let uid: UID
    package let modSeq: ModSeq

    package init(mailbox: MailboxID, uidValidity: UIDValidity, uid: UID, modSeq: ModSeq) {
        self.mailbox = mailbox
        self.uidValidity = uidValidity
        self.uid = uid
        self.modSeq = modSeq
    }
}

package enum FlagChange: Hashable, Sendable {
    case add(Flags)
    case remove(Flags)
    case replace(Flags)
    /// As `replace`, but flags outside the scope stay as they are.
    case replaceWithin(FlagScope, Flags)
}

package struct FlagsChanged: Hashable, Sendable {
    /// What the change touched, whether or not a flag differs now.
    package let stored: NumberSet
    /// What was left alone for it had changed since (RFC 7162 §3.1.3).
    package let refused: NumberSet
    /// The change's place; nil when no flag of any message differs from before, and so nothing was changed.
    package let modSeq: ModSeq?

    package init(stored: NumberSet, refused: NumberSet, modSeq: ModSeq?) {
        self.stored = stored
        self.refused = refused
        self.modSeq = modSeq
    }
}

package struct Expunged: Hashable, Sendable {
    package let uids: NumberSet
    /// Nil when there was nothing to expunge.
    package let modSeq: ModSeq?

    package init(uids: NumberSet, modSeq: ModSeq?) {
        self.uids = uids
        self.modSeq = modSeq
    }
}

/// The pairs of COPYUID: `source` and `target` in the same order, both rising (RFC 4315 §3).
package struct Copied: Hashable, Sendable {
    package let uidValidity: UIDValidity
    package let source: [UID]
    package let target: [UID]
    /// The change's place in the target's account; nil when no message was left to copy.
    package let modSeq: ModSeq?

    package init(uidValidity: UIDValidity, source: [UID], target: [UID], modSeq: ModSeq?) {
        self.uidValidity = uidValidity
        self.source = source
        self.target = target
        self.modSeq = modSeq
    }
}

/// Mailboxes and what is in them.
///
/// Every changing method is one transaction with one ModSeq an account, durable when it returns, and seen by every `MailboxHandle.snapshot` taken
/// after that. Concurrent calls share a commit; calls begun in order on one thread take effect in that order. A name is compared octet by octet. Where some
/// of an account's mailboxes cannot be read, `corrupt` is thrown in the place of an answer that might be short of one, or that there is none.
package protocol MailboxStore: Sendable {
    /// In order of name. From memory.
    func mailboxes(of account: AccountID) async throws -> [MailboxRecord]
    /// From memory.
    func mailbox(named name: MailboxName, of account: AccountID) async throws -> MailboxRecord?
    /// From memory, however many there are.
    func mailboxCount(of account: AccountID) async throws -> Int
    /// Whoever's it is; nil: it is not there. From memory, at once.
    func record(of mailbox: MailboxID) throws -> MailboxRecord?
    func status(of mailbox: MailboxID) async throws -> MailboxStatus

    /// Makes the mailbox, not its superiors. A higher UIDVALIDITY than any mailbox of the account ever had. `nameTaken`, `overQuota`.
    func create(mailbox name: MailboxName, of account: AccountID, specialUse: SpecialUse?) async throws -> MailboxRecord
    /// With its messages. Handles to it answer an empty snapshot marked `isDeleted`. `notAllowed` for INBOX.
    func delete(mailbox: MailboxID) async throws
    /// With its inferiors. Renaming INBOX moves its messages into a new mailbox and leaves it, and its inferiors, in place (RFC 9051 §6.3.6).
    /// `nameTaken` when the new name, or one an inferior would get, exists.
    func rename(mailbox: MailboxID, to name: MailboxName) async throws

    /// Names, whether or not a mailbox of that name exists (RFC 9051 §6.3.7).
    func subscriptions(of account: AccountID) async throws -> Set<MailboxName>
    func set(subscribed: Bool, to name: MailboxName, of account: AccountID) async throws
    /// Whether one of them is `name`, how many there are, and the octets of all. From memory, however many there are.
    func subscription(to name: MailboxName, of account: AccountID) async throws -> (isThere: Bool, count: Int, octets: Int)

    /// A shared view of the mailbox for as long as the handle is held.
    func open(_ mailbox: MailboxID) async throws -> any MailboxHandle

    /// Has rows of snapshots at hand that are not yet, read on a thread of the store's: the asking one does not wait. `corrupt` and `unavailable` name
    /// the mailbox and the UIDs; what was read before that stays at hand.
    func read(_ blocks: [MailboxSnapshot.Block]) async throws

    /// Places one body in each placement, all or none, in order; on return body and rows are durable. A placement may name a mailbox twice.
    /// `full` under the free floor; `overQuota`; `notAllowed` for placements of an account that differ in their heads.
    func place(_ body: StagedBody, _ placements: [Placement]) async throws -> [Placed]

    /// Places each body in its mailbox, all or none, in order (RFC 3502), and expunges what they take the place of, with or without `\Deleted`
    /// (RFC 8508). No body may be named twice. `noSuchMessage` when one of `superseding` is gone already; `full`. `queued` is called as soon as nothing
    /// that is placed later can come before it, and at most once; not when it throws before that.
    func place(_ additions: [Addition], superseding: SupersededMessages?, queued: @Sendable () -> Void) async throws -> [Placed]

    /// On messages that are gone nothing happens, and they are in neither set.
    func change(
        flags: FlagChange, of uids: NumberSet, in mailbox: MailboxID, unchangedSince: ModSeq?
    ) async throws -> FlagsChanged
    /// Those of `uids` (nil: of all) that have `\Deleted`.
    func expunge(_ uids: NumberSet?, in mailbox: MailboxID) async throws -> Expunged
    /// Those of `uids`, whatever their flags, and no other.
    func remove(_ uids: NumberSet, from mailbox: MailboxID) async throws -> Expunged
    /// Copies keep the flags that are within `flags`, and the internal date, and share the body; its head goes along. Where the target's account holds the body
    /// with another head already, the copy gets a body of its own: each message shows for ever what it showed first. `overQuota`.
    func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied
    /// Copies and expunges in one transaction (RFC 6851). `overQuota` of another account.
    func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied
    /// Of those `uids` that are in the mailbox as of the last commit, in order. A look-up on the disk: ask for batches.
    func particulars(of uids: NumberSet, in mailbox: MailboxID) async throws -> [MessageParticulars]
    /// UIDs that have left the mailbox after `modSeq`: all of them, for the log of a mailbox is as old as the mailbox.
    func expunged(since modSeq: ModSeq, in mailbox: MailboxID) async throws -> NumberSet
}

extension MailboxStore {
    /// What `body` finds among rows. Those that it lacks (`RowsNotAtHand`) are read, and it is asked again: it must not have changed anything then.
    package func withRows<Value>(_ body: () throws -> Value) async throws -> Value {
        while true {
            do { return try body() } catch let lacking as RowsNotAtHand { try await read(lacking.blocks) }
        }
    }

    package func place(_ additions: [Addition], superseding: SupersededMessages?) async throws -> [Placed] {
        try await place(additions, superseding: superseding, queued: {})
    }

    /// With all their flags.
    package func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID) async throws -> Copied {
        try await copy(uids, from: source, to: target, flags: .all)
    }

    package func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID) async throws -> Copied {
        try await move(uids, from: source, to: target, flags: .all)
    }
}

/// A mailbox that somebody looks at: all who do share its table.
package protocol MailboxHandle: AnyObject, Sendable {
    var mailbox: MailboxID { get }

    /// The table as of the last commit. O(1), from any thread; the value does not change, and the bodies of its messages stay readable
    /// for as long as it is held.
    var snapshot: MailboxSnapshot { get }

    /// Calls `poke` after every commit that changed the table, from the store's thread, until the watch is released. It must not block.
    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable

    /// Those above the answered floor are `\Recent` to the caller and to nobody after it (RFC 3501 §2.3.2).
    func claimRecent() -> UInt32
}
