package import MailModel
package import MessageFormat
package import NIOCore

/// One of those whom a message of the queue is to reach, with what its sender asked for them (RFC 3461 §4).
package struct QueuedRecipient: Hashable, Sendable {
    /// Of what the sender wants to hear; empty: of what is usual, failures and delays.
    package struct Notify: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let success = Notify(rawValue: 1)
        package static let failure = Notify(rawValue: 2)
        package static let delay = Notify(rawValue: 4)
        /// Alone.
        package static let never = Notify(rawValue: 8)
    }

    package let path: ForwardPath
    package var notify: Notify
    /// ORCPT as it came: `addr-type;xtext`, printable ASCII, 500 octets at most.
    package var original: String?

    package init(_ path: ForwardPath, notify: Notify = [], original: String? = nil) {
        self.path = path
        self.notify = notify
        self.original = original
    }
}

/// A message that is to go out, as it is given to the queue. None of it changes.
package struct QueueDraft: Hashable, Sendable {
    package struct Traits: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// It came with SMTPUTF8 (RFC 6531 §3.4), and goes only to who offers that.
        package static let smtpUTF8 = Traits(rawValue: 1)
        /// Its text may have octets above 127 (RFC 6152).
        package static let eightBit = Traits(rawValue: 2)
        /// RET=HDRS (RFC 3461 §4.3): reports return the header alone.
        package static let returnsHeader = Traits(rawValue: 4)
        /// RET=FULL.
        package static let returnsFull = Traits(rawValue: 8)
        /// It is itself a report, an answer, or another message that a program wrote: nobody is told of its delay.
        package static let isAutomatic = Traits(rawValue: 16)
        /// It came with REQUIRETLS (RFC 8689 §4.1), and goes only to who has proved who it is and offers that.
        package static let requiresTLS = Traits(rawValue: 32)
        /// It says `TLS-Required: No` (RFC 8689 §5): nothing that its recipients' domains have published of TLS keeps it back.
        package static let waivesTLS = Traits(rawValue: 64)
    }

    /// Who answers for what a message says of its author.
    package enum Origin: UInt8, Hashable, Sendable, CaseIterable {
        /// Nobody of ours: it came from elsewhere, and goes on as it came.
        case others = 0
        /// An address or a list of ours sends on what came from elsewhere: it answers for that, and for nothing that stands in From.
        case passedOn = 1
        /// One of our users has handed it in, and it was looked at whether From is theirs; or this server has written it.
        case own = 2
        /// A program of this machine has handed it in. The system has said whose program that is; what it writes in From nobody has looked at.
        case local = 3

        /// Of what becomes of such a message where an address or a list of ours sends it on.
        package var sentOn: Origin {
            switch self {
            case .others, .passedOn: .passedOn
            case .own, .local: self
            }
        }
    }

    /// When it has to be there (DELIVERBY, RFC 2852 §4).
    package struct Deadline: Hashable, Sendable {
        package let time: Timestamp
        /// By-mode R: what is not there by then comes back. Otherwise its sender is told that it takes longer, once, and it is tried on.
        package let isReturned: Bool
        /// By-trace T: its sender is told when it is passed on.
        package let isTraced: Bool

        package init(time: Timestamp, isReturned: Bool, isTraced: Bool = false) {
            self.time = time
            self.isReturned = isReturned
            self.isTraced = isTraced
        }
    }

    /// What it was called when it was taken.
    package var transaction: TransactionID
    /// Where failures are told.
    package var reversePath: ReversePath
    /// Whom it is to reach: one at least, no path twice.
    package var recipients: [QueuedRecipient]
    package var traits: Traits
    package var arrived: Timestamp
    /// Fields that go out before the text, such as Received.
    package var head: MessageHead?
    /// Which of our users handed it in; nil: nobody who is ours.
    package var sender: AccountID?
    /// In whose name it is signed hangs on it.
    package var origin = Origin.others
    /// ENVID as it came (RFC 3461 §4.4): xtext, 100 octets at most.
    package var envelopeID: String?
    /// It is not sent before (FUTURERELEASE, RFC 4865; or the time in which its sender may take it back).
    package var notBefore: Timestamp?
    package var deliverBy: Deadline?
    /// MT-PRIORITY (RFC 6710): -9...9.
    package var priority: Int8
    /// Why it waits from the beginning; nil: it does not. In an entry's draft it is nil: `QueueEntry.hold` says what is so now.
    package var hold: QueueHold?

    package init(
        transaction: TransactionID, reversePath: ReversePath, recipients: [QueuedRecipient], traits: Traits = [], arrived: Timestamp,
        head: MessageHead? = nil, sender: AccountID? = nil, envelopeID: String? = nil, notBefore: Timestamp? = nil,
        deliverBy: Deadline? = nil, priority: Int8 = 0
    ) {
        self.transaction = transaction
        self.reversePath = reversePath
        self.recipients = recipients
        self.traits = traits
        self.arrived = arrived
        self.head = head
        self.sender = sender
        self.envelopeID = envelopeID
        self.notBefore = notBefore
        self.deliverBy = deliverBy
        self.priority = priority
    }
}

/// How far a message is with one of its recipients.
package struct RecipientProgress: Hashable, Sendable {
    package enum Phase: UInt8, Hashable, Sendable {
        /// To be tried when it is due.
        case waiting = 0
        /// The next server has answered for it.
        case delivered = 1
        /// It will not be reached.
        case failed = 2
        /// Somebody who may has taken the message back.
        case cancelled = 3
    }

    /// What came of the last try.
    package struct Attempt: Hashable, Sendable {
        package let at: Timestamp
        /// The server that was asked; nil: none was reached. 255 octets at most.
        package var host: String?
        /// Its IP address.
        package var address: String?
        /// What it answered.
        package var reply: RemoteReply?
        /// In our words, where no reply says it: why nobody could be asked. One line, 500 octets at most.
        package var reason: String?
        package var status: EnhancedStatus?

        package init(
            at: Timestamp, host: String? = nil, address: String? = nil, reply: RemoteReply? = nil, reason: String? = nil, status: EnhancedStatus? = nil
        ) {
            self.at = at
            self.host = host
            self.address = address
            self.reply = reply
            self.reason = reason
            self.status = status
        }
    }

    package var phase: Phase
    /// Tries so far.
    package var attempts: Int
    /// When it is tried next, while it waits.
    package var due: Timestamp
    /// Its sender was told: that it takes long, while it waits; of the outcome, afterwards, where it is one of which they are told.
    package var isTold: Bool
    package var last: Attempt?

    package init(phase: Phase = .waiting, attempts: Int = 0, due: Timestamp, isTold: Bool = false, last: Attempt? = nil) {
        self.phase = phase
        self.attempts = attempts
        self.due = due
        self.isTold = isTold
        self.last = last
    }
}

/// Why an entry waits, whatever is due.
package enum QueueHold: UInt8, Hashable, Sendable, CaseIterable {
    /// An administrator holds it.
    case administrator = 1
    /// The index was lost and made anew: whether the message had gone out already is not known.
    case recovered = 2
    /// Its sender's account is disabled.
    case senderDisabled = 3
    /// Its sender's account is removed.
    case senderRemoved = 4
    /// It is a post to a list, whose owners decide on it.
    case moderation = 5
    /// Its sender has written to more recipients in an hour than an account may (`limits.recipients-per-hour`).
    case senderLimit = 6
}

/// An entry of the queue.
package struct QueueEntry: Hashable, Sendable {
    package let id: QueueID
    package let body: BodyID
    /// Octets, with those of the head.
    package let size: Int
    package let draft: QueueDraft
    /// By the place of the recipient in the draft, and as many.
    package let progress: [RecipientProgress]
    package let hold: QueueHold?

    package init(id: QueueID, body: BodyID, size: Int, draft: QueueDraft, progress: [RecipientProgress], hold: QueueHold?) {
        self.id = id
        self.body = body
        self.size = size
        self.draft = draft
        self.progress = progress
        self.hold = hold
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

/// What changes in an entry, and what is to be told of it.
package struct QueueUpdate: Sendable {
    /// A message that tells somebody of the change: a report on failures, say.
    package struct Notice: Sendable {
        package let body: StagedBody
        package let placements: [Placement]
        package let drafts: [QueueDraft]

        package init(body: StagedBody, placements: [Placement], drafts: [QueueDraft]) {
            self.body = body
            self.placements = placements
            self.drafts = drafts
        }
    }

    package enum HoldChange: Hashable, Sendable {
        case keep
        case hold(QueueHold)
        case release
    }

    package let entry: QueueID
    /// By the place of the recipient in the draft. One that is not `waiting` any more stays as it is, but that `isTold` becomes true of it with
    /// the phase that it has.
    package var recipients: [Int: RecipientProgress]
    package var hold: HoldChange
    package var notices: [Notice]

    package init(_ entry: QueueID, recipients: [Int: RecipientProgress] = [:], hold: HoldChange = .keep, notices: [Notice] = []) {
        self.entry = entry
        self.recipients = recipients
        self.hold = hold
        self.notices = notices
    }
}

/// The outgoing queue: a holder of bodies beside the accounts. Who gets a message, who sent it and what servers said of it lies sealed, under keys that are
/// destroyed when all that they seal has left the queue.
package protocol QueueStore: Sendable {
    /// Places one body in each placement and in an entry of the queue for each draft: all of it, in one commit, or nothing. As `MailboxStore.place`; `notAllowed`
    /// for more than `QueueLimits.entries` drafts, or one without recipients. Recipients are due when the message arrived, or at its `notBefore`.
    func place(_ body: StagedBody, _ placements: [Placement], queueing drafts: [QueueDraft]) async throws -> Dispatched

    /// Entries behind `id` (nil: from the first), in the order in which they came, at most `most`; fewer only at the end. `corrupt`: for the call.
    func queue(after id: QueueID?, most: Int) async throws -> [QueueEntry]

    /// `noSuchMessage` when it is there no more.
    func queued(_ id: QueueID) async throws -> QueueEntry

    /// As `queued`, and what goes out, head and text, where that has `most` octets at most and can be read; in one go, for whoever is about to send it.
    func queued(_ id: QueueID, withText most: Int) async throws -> (entry: QueueEntry, text: ByteBuffer?)

    /// Octets `range` of what goes out, head and text, clamped to its size; nil: all of it. `noSuchMessage`, `corrupt`.
    func read(_ range: Range<Int>?, of entry: QueueID) async throws -> ByteBuffer

    /// Makes the change, durable on return, with its notices: all of it, in one commit, or nothing. An entry none of whose recipients waits any more is ended
    /// with it: it is in the queue no more, and its body goes when nobody else holds it. `noSuchMessage` when it is there no more. What needs no room (ending an
    /// entry without notices) works on a full disk too. Returns what the notices became, in their order.
    func update(_ update: QueueUpdate) async throws -> [Dispatched]
}

extension QueueStore {
    package func queued(_ id: QueueID, withText most: Int) async throws -> (entry: QueueEntry, text: ByteBuffer?) {
        let entry = try await queued(id)
        // try?: whoever needs it reads it again, and hears why it cannot be read.
        return (entry, entry.size <= most ? try? await read(nil, of: id) : nil)
    }
}

package enum QueueLimits {
    /// Entries that one body may have: one for each of the senders in whose names it goes on.
    package static let entries = 65_536
}
