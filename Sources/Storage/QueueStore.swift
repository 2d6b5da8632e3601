package import MailModel
package import MessageFormat
package import NIOCore

/// A message that is to go out, as it is given to the queue.
package struct QueueDraft: Hashable, Sendable {
    package struct Traits: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// It came with SMTPUTF8 (RFC 6531 §3.4), and goes only to who offers that.
        package static let smtpUTF8 = Traits(rawValue: 1)
        /// Its text may have octets above 127 (RFC 6152).
        package static let eightBit = Traits(rawValue: 2)
    }

    /// What it was called when it was taken.
    package var transaction: TransactionID
    /// Where failures are told.
    package var reversePath: ReversePath
    /// Whom it is to reach: one at least, none twice.
    package var recipients: [ForwardPath]
    package var traits: Traits
    package var arrived: Timestamp
    /// Fields that go out before the text, such as Received.
    package var head: MessageHead?

    package init(
        transaction: TransactionID, reversePath: ReversePath, recipients: [ForwardPath], traits: Traits = [], arrived: Timestamp,
        head: MessageHead? = nil
    ) {
        self.transaction = transaction
        self.reversePath = reversePath
        self.recipients = recipients
        self.traits = traits
        self.arrived = arrived
        self.head = head
    }
}

/// An entry of the queue.
package struct QueueEntry: Hashable, Sendable {
    package let id: QueueID
    package let body: BodyID
    /// Octets, with those of the head.
    package let size: Int
    package let draft: QueueDraft
    /// The index was lost and made anew: whether the message had gone out already is not known.
    package let isRecovered: Bool

    package init(id: QueueID, body: BodyID, size: Int, draft: QueueDraft, isRecovered: Bool) {
        self.id = id
        self.body = body
        self.size = size
        self.draft = draft
        self.isRecovered = isRecovered
    }
}

/// What became of a body that was placed.
package struct Dispatched: Hashable, Sendable {
    package let placed: [Placed]
    /// In the order of the drafts.
    package let queued: [QueueID]

    package init(placed: [Placed], queued: [QueueID]) {
        self.placed = placed
        self.queued = queued
    }
}

/// The outgoing queue: a holder of bodies beside the accounts. Who gets a message, and who sent it, lies sealed.
package protocol QueueStore: Sendable {
    /// Places one body in each placement and in an entry of the queue for each draft: all of it, in one commit, or nothing. As `MailboxStore.place`; `notAllowed`
    /// for more than `QueueLimits.entries` drafts, or one without recipients.
    func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched

    /// Entries behind `id` (nil: from the first), in the order in which they came, at most `most`; fewer only at the end. `corrupt`: for the call.
    func queue(after id: QueueID?, most: Int) async throws -> [QueueEntry]

    /// `noSuchMessage` when it is there no more.
    func queued(_ id: QueueID) async throws -> QueueEntry

    /// Octets `range` of what goes out, head and text, clamped to its size; nil: all of it. `noSuchMessage`, `corrupt`.
    func read(_ range: Range<Int>?, of entry: QueueID) async throws -> ByteBuffer

    /// Ends an entry; the body goes when nobody else holds it. Durable on return, on a full disk too. `noSuchMessage` when it is there no more.
    func letGo(of entry: QueueID) async throws
}

package enum QueueLimits {
    /// Entries that one body may have: one for each of the senders in whose names it goes on.
    package static let entries = 65_536
}
