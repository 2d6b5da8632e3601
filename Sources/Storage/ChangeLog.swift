package import MailModel

/// The one change log of each account: what has become of its mailboxes, messages, rights, metadata and subscriptions, in order of ModSeq.
///
/// A reader keeps the ModSeq up to which it has read, and asks from there. Changes become visible in the order of their ModSeqs, and all of one ModSeq at
/// once, so that a page never has to be read again: what comes later lies above its `upTo`. Each commit that changes something of an account is
/// told by its `ChangeFeed` afterwards: the feed pokes, the log tells.
package protocol ChangeLog: Sendable {
    /// The changes of the account after `modSeq`: about `most` at most, one view of the log, in order of ModSeq. The changes of one ModSeq are never on two
    /// pages: a page is longer than `most` where one ModSeq has more, as when a mailbox with very many inferiors is renamed. One range scan on the disk.
    /// `noSuchAccount`, `corrupt`.
    func changes(of account: AccountID, since modSeq: ModSeq, most: Int) async throws -> ChangesSince

    /// E-mail ids of the messages that a change of this log names, in order of UID, from the first after `uid` on: at most `most`, so that a change of
    /// millions is read in bounded memory. Of messages that were placed, or whose flags have changed, those that are still in the mailbox now: of others a later
    /// change tells. Of a mailbox that was deleted those that were in it. Empty for other changes. `corrupt`.
    func messages(of change: Change, after uid: UID?, most: Int) async throws -> ChangedMessages
}

/// What the log has since a ModSeq.
package enum ChangesSince: Hashable, Sendable {
    case page(ChangePage)
    /// The log does not reach so far back any more. Who asked reads all that it mirrors, and goes on from `highest`, which was the account's when this was answered;
    /// changes after `floor` can be asked for.
    case older(floor: ModSeq, highest: ModSeq)
    /// It was asked for what comes after the account's highest ModSeq, as a client does whose server was restored from a backup: it has seen what is not, and
    /// reads all anew.
    case ahead(highest: ModSeq)
}

package struct ChangePage: Hashable, Sendable {
    package let changes: [Change]
    /// No change up to here is missing: go on from here.
    package let upTo: ModSeq
    /// Whether `upTo` was the account's highest ModSeq.
    package let isLast: Bool

    package init(changes: [Change], upTo: ModSeq, isLast: Bool) {
        self.changes = changes
        self.upTo = upTo
        self.isLast = isLast
    }
}

/// One row of the log.
package struct Change: Hashable, Sendable {
    package let account: AccountID
    package let modSeq: ModSeq
    package let kind: Kind

    package init(_ kind: Kind, of account: AccountID, at modSeq: ModSeq) {
        self.account = account
        self.modSeq = modSeq
        self.kind = kind
    }

    /// What happened, and to what. The numbers of messages are UIDs. A name is nil in a row that an index of schema 5 wrote.
    package enum Kind: Hashable, Sendable {
        case placed(NumberSet, in: MailboxID)
        /// Flags or keywords have changed.
        case flags(NumberSet, in: MailboxID)
        case expunged(NumberSet, in: MailboxID)
        case mailboxCreated(MailboxID, name: MailboxName?)
        /// One for each mailbox whose name changes; in a row without names its inferiors have other names too.
        case mailboxRenamed(MailboxID, from: MailboxName?, to: MailboxName?)
        /// With the name that it had. Its messages went with it, and no other change tells of them.
        case mailboxDeleted(MailboxID, name: MailboxName?)
        /// Nil: some name or other.
        case subscription(to: MailboxName?, isSubscribed: Bool)
        case rights(of: MailboxID)
        /// Annotations that the account keeps, of one of its mailboxes, or of another's that it sees; nil: of the server.
        case metadata(of: MailboxID?)
    }

    /// The mailbox that it is about.
    package var mailbox: MailboxID? {
        switch kind {
        case .placed(_, let id), .flags(_, let id), .expunged(_, let id): id
        case .mailboxCreated(let id, _), .mailboxRenamed(let id, _, _), .mailboxDeleted(let id, _), .rights(let id): id
        case .metadata(let id): id
        case .subscription: nil
        }
    }
}

/// Some of the messages that a change names.
package struct ChangedMessages: Hashable, Sendable {
    package struct Message: Hashable, Sendable {
        package let uid: UID
        /// What EMAILID names (RFC 8474 §5.1). Nil: the message is gone, and the log does not know its id, or not any more.
        package let emailID: BodyID?

        package init(uid: UID, emailID: BodyID?) {
            self.uid = uid
            self.emailID = emailID
        }
    }

    package let messages: [Message]
    /// Where to go on; nil: these were the last.
    package let next: UID?
    /// False: a mailbox that was deleted may have had messages that the log does not know of, or not any more.
    package let isComplete: Bool

    package init(messages: [Message], next: UID?, isComplete: Bool = true) {
        self.messages = messages
        self.next = next
        self.isComplete = isComplete
    }
}
