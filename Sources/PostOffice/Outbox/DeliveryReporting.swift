package import MailModel
import MessageFormat
import NIOCore
package import Storage

/// Writes the reports on an entry of the queue, for whoever changes it to place in the same commit.
package struct DeliveryReporting: Sendable {
    private let store: any QueueStore
    private let directory: Directory
    private let intake: Intake
    let host: Domain
    private let clock: Timestamp.Clock
    private let makeID: TransactionID.Source

    package init(
        store: any QueueStore, directory: Directory, intake: Intake, host: Domain, clock: @escaping Timestamp.Clock, makeID: @escaping TransactionID.Source
    ) {
        self.store = store
        self.directory = directory
        self.intake = intake
        self.host = host
        self.clock = clock
        self.makeID = makeID
    }

    /// What the sender of an entry is told of a recipient in this state; nil: nothing. One that waits is told of as delayed.
    package func action(on recipient: QueuedRecipient, _ progress: RecipientProgress, in draft: QueueDraft) -> DeliveryReport.Action? {
        let outcome: DeliveryReport.Outcome? =
            switch progress.phase {
            case .waiting: .delayed
            case .failed: .failed
            // What another server has answered for, and who did not promise to tell of it (that is told already), is passed on.
            case .delivered: progress.last?.reply == nil ? .delivered : .passedOn(servesDSN: false)
            case .cancelled: nil
            }
        let action = outcome.flatMap { DeliveryReport.action(for: $0, of: recipient, in: draft) }
        guard action == nil, draft.deliverBy?.isTraced == true, case .passedOn? = outcome else { return action }
        return draft.reversePath == .null || recipient.notify.contains(.never) ? nil : .relayed
    }

    /// A report on those of an entry's recipients of whom, with this progress, there is something to tell; none where there is not.
    /// - parameter progress: by the recipient's place in the draft.
    package func notices(on entry: QueueEntry, _ progress: [Int: RecipientProgress], retryUntil: Timestamp? = nil) async throws -> [QueueUpdate.Notice] {
        let told = progress.sorted { $0.key < $1.key }.compactMap { place, progress -> DeliveryReport.Recipient? in
            guard entry.draft.recipients.indices.contains(place) else { return nil }
            let recipient = entry.draft.recipients[place]
            return action(on: recipient, progress, in: entry.draft).map { DeliveryReport.Recipient(recipient, $0, progress) }
        }
        guard !told.isEmpty else { return [] }
        let needed = DeliveryReport.needed(of: entry.draft, size: entry.size, for: told.map(\.action))
        let original = DeliveryReport.Original(try await original(of: entry, needed.range), isWhole: needed.isWhole)
        guard let report = DeliveryReport(from: host, on: entry.draft, told, original: original, now: clock(), retryUntil: retryUntil) else { return [] }
        return try await notice(report)
    }

    /// A message that cannot be read any more is still reported on, without its words.
    private func original(of entry: QueueEntry, _ range: Range<Int>) async throws -> ByteBuffer {
        do { return try await store.read(range, of: entry.id) } catch StorageFault.corrupt { return ByteBuffer() }
    }

    func notice(_ report: DeliveryReport) async throws -> [QueueUpdate.Notice] {
        let written = report.written(makeID)
        let now = clock()
        switch try await directory.resolve(written.recipient) {
        // A sender who is nobody's (any more) is told nothing: the report would come back itself.
        case .unknownUser: return []
        case .destinations(let destinations):
            let head = MessageHead(Array("Return-Path: <>\r\n".utf8))
            var placements: [Placement] = []
            for case .mailbox(let mailbox, let account) in destinations where try intake.hasRoom(account) {
                var placement = Placement(mailbox: mailbox, internalDate: now)
                placement.mayOverdraw = true
                placement.head = head
                placements.append(placement)
            }
            // For others, whoever's name they are called by here.
            var onward = OnwardMail()
            for destination in destinations { onward.add(destination) { QueuedRecipient($0, notify: .never) } }
            let drafts = onward.shares.map { draft(for: $0.recipients, written.traits, now) }
            // Whoever is over quota misses a report; what it is on must not wait for that.
            guard !placements.isEmpty || !drafts.isEmpty else { return [] }
            return [QueueUpdate.Notice(body: try await intake.stage(written.text), placements: placements, drafts: drafts)]
        case .notLocal:
            let draft = draft(for: [QueuedRecipient(.mailbox(written.recipient), notify: .never)], written.traits, now)
            return [QueueUpdate.Notice(body: try await intake.stage(written.text), placements: [], drafts: [draft])]
        }
    }

    private func draft(for recipients: [QueuedRecipient], _ traits: QueueDraft.Traits, _ now: Timestamp) -> QueueDraft {
        var draft = QueueDraft(transaction: makeID(), reversePath: .null, recipients: recipients, traits: traits, arrived: now)
        draft.origin = .own
        return draft
    }
}
