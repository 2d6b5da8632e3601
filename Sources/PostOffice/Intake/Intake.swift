package import Logging
package import MailModel
import Metrics
package import NIOCore
package import Storage

/// Where mail comes into the house.
///
/// - A message is taken for all its recipients or for none.
/// - When `finish` or `deliver` returns, it is durable in all its destinations, by one commit: once in each account, and in the outgoing queue.
/// - What was not taken leaves nothing behind.
/// - Who runs the outgoing queue hears of each new entry once it is durable.
package struct Intake: Sendable {
    let store: any BodyStore & MailboxStore & QuotaStore & QueueStore
    let checks: [Check]
    /// In which some check asks.
    package let phases: Check.Phases
    let clock: Timestamp.Clock
    let log: Logger
    /// Nil: nothing is sent on.
    let forwarding: (any Forwarding)?
    private let senderLimit: SenderLimit
    private let metrics: MailMetrics
    /// Hears of new entries of the queue; does not wait.
    private let onQueued: @Sendable ([QueueID]) -> Void
    /// Hears of messages of whose delivery to a mailbox the sender wants to hear; does not wait.
    private let onDelivered: @Sendable (Delivered) -> Void
    /// Hears of each message that was taken, in words for its trace; does not wait.
    private let trace: @Sendable (@escaping TraceRecorder.Piece) -> Void
    /// Of all messages whose header has not ended.
    let heldHeaders = LoanBudget(most: 16 << 20)

    package init(
        store: any BodyStore & MailboxStore & QuotaStore & QueueStore, checks: [Check] = Check.standard, senderLimit: SenderLimit = SenderLimit(most: nil),
        clock: @escaping Timestamp.Clock, log: Logger,
        forwarding: (any Forwarding)? = nil,
        onQueued: @escaping @Sendable ([QueueID]) -> Void = { _ in }, onDelivered: @escaping @Sendable (Delivered) -> Void = { _ in },
        trace: @escaping @Sendable (@escaping TraceRecorder.Piece) -> Void = { _ in }, metrics: MailMetrics = MailMetrics()
    ) {
        self.metrics = metrics
        self.store = store
        self.checks = checks
        phases = checks.reduce(into: []) { $0.formUnion($1.phases) }
        self.clock = clock
        self.log = log
        self.senderLimit = senderLimit
        self.forwarding = forwarding
        self.onQueued = onQueued
        self.onDelivered = onDelivered
        self.trace = trace
    }

    /// Whether the account is under its quota: then it gets one more message, however big, as long as it still is when that is stored.
    package func hasRoom(_ account: AccountID) throws -> Bool {
        try store.limits(of: account).admits(Quota(storage: 1, message: 1), to: store.usage(of: account), whole: false)
    }

    /// Takes a message whose text is all there.
    package func deliver(_ envelope: Envelope, _ text: ByteBuffer) async throws(Refusal) -> Receipt {
        let mail = open(envelope, expected: text.readableBytes)
        try await write(text, into: mail)
        return try await finish(mail)
    }

    /// A message whose text comes in pieces. One owner at a time.
    package struct Mail: Sendable {
        let incoming: Incoming
        let reception: MailReception
    }

    /// Begins to take one.
    /// - parameter expected: octets, where the sender has said.
    package func open(_ envelope: Envelope, expected: Int?) -> Mail {
        let reception = MailReception(envelope, self)
        return Mail(incoming: Incoming(reception, expected: expected), reception: reception)
    }

    /// The next octets of the text. Waits while too much is on its way to the disk.
    package func write(_ text: ByteBuffer, into mail: Mail) async throws(Refusal) {
        do { try await mail.incoming.take(text, into: store) } catch { throw refused(error, mail.reception.envelope.id) }
    }

    /// The text is all there. Call it once.
    package func finish(_ mail: Mail) async throws(Refusal) -> Receipt {
        let (reception, id) = (mail.reception, mail.reception.envelope.id)
        do {
            return try await place(mail.incoming.stage(in: store), reception, isEightBit: mail.incoming.state.withLock { $0.isEightBit })
        } catch {
            throw refused(error, id)
        }
    }

    private func refused(_ error: any Error, _ id: TransactionID) -> Refusal {
        let refusal = refusal(for: error, id)
        // Whose connection has gone, or who comes while the server stops, is nobody's fault.
        if !Intake.isEnd(error) { metrics.note(refusal) }
        return refusal
    }

    private func place(_ body: StagedBody, _ reception: MailReception, isEightBit: Bool) async throws -> Receipt {
        let (date, head) = (clock(), try reception.head())
        let recipients = try await reception.recipients(forwarding)
        let drafts = hold(try await reception.drafts(for: recipients, date, isEightBit: isEightBit), of: reception.envelope, date)
        let done = try await store.place(body, reception.placements(for: recipients, date, head), queueing: drafts)
        if !done.queued.isEmpty { onQueued(done.queued) }
        if let draft = reception.delivered(date, isEightBit: isEightBit), let account = reception.firstAccount {
            onDelivered(Delivered(draft: draft, body: body.id, account: account))
        }
        let receipt = Receipt(
            id: reception.envelope.id, size: (body.digest.outline?.size ?? 0) + head.octets.count, placed: done.placed, queued: done.queued)
        metrics.took(receipt, of: reception.envelope)
        let messageID = body.digest.outline?.envelope.messageID
        trace { reception.events(receipt, recipients, messageID: messageID, at: date) }
        return receipt
    }

    /// They wait where their sender, one of our users, writes to more than an account may.
    private func hold(_ drafts: [QueueDraft], of envelope: Envelope, _ date: Timestamp) -> [QueueDraft] {
        guard let sender = envelope.sender, !drafts.isEmpty else { return drafts }
        let verdict = senderLimit.count(drafts.reduce(0) { $0 + $1.recipients.count }, of: sender, at: date)
        guard verdict != .within else { return drafts }
        metrics.security.note(.rateLimit)
        let fields: Logger.Metadata = ["user": "\(envelope.client?.user?.name.description ?? "\(sender.rawValue)")", "id": "\(envelope.id)"]
        if verdict == .begins {
            log.warning(
                "An account writes to more recipients an hour than limits.recipients-per-hour allows: its mail to other servers is held", metadata: fields)
        } else {
            log.info("Held: its sender is over limits.recipients-per-hour", metadata: fields)
        }
        return drafts.map { draft in
            var draft = draft
            draft.hold = .senderLimit
            return draft
        }
    }

    /// A message of our own making, a report say, whole and sealed: for its maker to place, in one commit with what it tells of. Nobody judges it and nothing is
    /// added. Lines end with CRLF. `MailroomRefusal.holdsNUL`; what `BodyStore.receive` and `BodySink` throw.
    package func stage(_ text: ByteBuffer) async throws -> StagedBody {
        let incoming = Incoming(expected: text.readableBytes)
        try await incoming.take(text, into: store)
        return try await incoming.stage(in: store)
    }

    /// What a face is told of a fault: storage's own words are for the log.
    func refusal(for error: any Error, _ id: TransactionID) -> Refusal {
        if let refusal = error as? Refusal { return refusal }
        if error as? MailroomRefusal == .holdsNUL { return .malformed }
        if error as? StorageFault == .overQuota {
            log.notice("Message not stored: over quota", metadata: ["id": "\(id)"])
            return .overQuota
        }
        log.log(level: Intake.isEnd(error) ? .debug : .error, "Message not stored: \(error)", metadata: ["id": "\(id)"])
        return error as? StorageFault == .full ? .full : .unavailable
    }

    /// Whether the connection has gone or the server stops, and nothing is wrong.
    private static func isEnd(_ error: any Error) -> Bool { error is CancellationError || error as? StorageFault == .closed }
}
