import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization

/// What is asked of a piece of mail, and written before it, on its way in.
final class MailReception: Sendable {
    /// Octets of header that are held. Beyond them a submission is not completed: a field that is still to come must not be doubled.
    static let heldHeader = 256 << 10

    let envelope: Intake.Envelope
    /// Some of its recipients are others' to reach.
    let isOutgoing: Bool
    private let intake: Intake
    private let judged = Mutex(Judged())

    private struct Judged {
        var survey = HeaderSurvey()
        /// Of the header, and of the text.
        var header: [HeadField] = []
        var text: [HeadField] = []
        var sender: SenderJudgement?
    }

    init(_ envelope: Intake.Envelope, _ intake: Intake) {
        self.envelope = envelope
        isOutgoing = envelope.recipients.contains { $0.destinations.contains { if case .mailbox = $0 { false } else { true } } }
        self.intake = intake
    }

    var budget: LoanBudget { intake.heldHeaders }

    /// As far as the header was read.
    var survey: HeaderSurvey { judged.withLock { $0.survey } }

    /// The account's mailbox for junk (RFC 6154); nil: it has none.
    func junk(of account: AccountID) async throws -> MailboxID? {
        try await intake.store.mailboxes(of: account).first { $0.specialUse == .junk }?.id
    }

    /// What checks said.
    var judgements: [HeadField] { judged.withLock { envelope.annotations + $0.header + $0.text } }

    /// What was judged of who sent it; nil: nobody judged.
    var sender: SenderJudgement? { judged.withLock { $0.sender } }

    func makeObservers() -> [any TextObserver] { intake.makeObservers(envelope) }

    /// Asks the checks; and, once all of a submission's header is there, whether it is the user's.
    func judgeHeader(_ survey: HeaderSurvey) async throws {
        let fields = try await intake.judge(envelope, header: survey)
        if survey.isComplete, let submission = envelope.submission, let refusal = try await submission.refusal(of: survey) {
            intake.log.info("Refused by check: author", metadata: ["at": "\(envelope.id)"])
            throw refusal
        }
        judged.withLock { judged in
            judged.survey = survey
            judged.header = fields
        }
    }

    func judgeText(_ observers: [any TextObserver]) async throws {
        guard intake.phases.contains(.text) else { return }
        let (fields, sender) = try await intake.judge(envelope, text: judged.withLock { $0.survey }, observers)
        judged.withLock { judged in
            judged.text = fields
            judged.sender = sender
        }
    }

    /// What a submission lacks, with `room` behind it for what is there; nil: nothing is added.
    func additions(_ survey: HeaderSurvey, room: Int) -> ByteBuffer? {
        guard let submission = envelope.submission, survey.isComplete else { return nil }
        let author = survey.from.count == 0 ? submission.author : nil
        guard !survey.hasDate || author != nil || !survey.hasMessageID else { return nil }
        var text = ByteBuffer()
        text.reserveCapacity(room + 512)
        // RFC 6409 §8.2, §8.3; RFC 5322 §3.6: Date and From must be there.
        if !survey.hasDate { text.writeString("Date: \(MessageDate.format(intake.clock()))\r\n") }
        if let author { text.writeString("From: \(author.written)\r\n") }
        if !survey.hasMessageID { text.writeString("Message-ID: <\(envelope.id)@\(submission.host)>\r\n") }
        return text
    }

    // Return-path-line = "Return-Path:" FWS Reverse-path <CRLF>          (RFC 5321 §4.4)
    /// What stands before the text of those who have it in a mailbox: where it came from, what was judged, and its trace.
    func head() throws -> MessageHead {
        try head(returnPath: Array("Return-Path: \(envelope.reversePath.written)\r\n".utf8))
    }

    /// Of those to whom it goes on: Return-Path is the last server's to write.
    func outgoingHead() throws -> MessageHead? { envelope.trace.readableBytes > 0 ? try head(returnPath: []) : nil }

    private func head(returnPath: [UInt8]) throws -> MessageHead {
        let judged = judged.withLock { $0.header + $0.text }
        let trace = Array(buffer: envelope.trace)
        var octets = returnPath
        for field in envelope.annotations + judged {
            // One that is no field, or for which there is no room, is left out: the mail is none the worse.
            let field = field.octets
            guard MessageHead(field) != nil, octets.count + field.count + trace.count <= MessageHead.most else {
                intake.log.warning("A check's field was left out", metadata: ["id": "\(envelope.id)"])
                continue
            }
            octets += field
        }
        guard let head = MessageHead(octets + trace) else { throw StorageFault.unavailable("the trace lines are no header") }
        return head
    }

    /// Of those who get it here.
    var firstAccount: AccountID? {
        for case .mailbox(_, let account) in envelope.recipients.lazy.flatMap(\.destinations) { return account }
        return nil
    }

    /// One for each account, in the order of the recipients.
    func placements(for recipients: [Intake.Recipient], _ date: Timestamp, _ head: MessageHead) -> [Placement] {
        var seen = Set<AccountID>()
        return recipients.flatMap(\.destinations).compactMap { destination in
            guard case .mailbox(let mailbox, let account) = destination, seen.insert(account).inserted else { return nil }
            var placement = Placement(mailbox: mailbox, internalDate: date)
            placement.mayOverdraw = true
            placement.head = head
            return placement
        }
    }

    /// One entry for all to whom it goes on with its own sender, and one for each address of ours that sends it on.
    func drafts(for recipients: [Intake.Recipient], _ date: Timestamp, isEightBit: Bool) async throws -> [QueueDraft] {
        var onward = OnwardMail()
        for recipient in recipients {
            for destination in recipient.destinations {
                onward.add(destination) { path in
                    QueuedRecipient(path, notify: recipient.notify, original: recipient.original ?? recipient.address.original(insteadOf: path))
                }
            }
        }
        if onward.isEmpty { return [] }
        let head = try outgoingHead()
        var drafts: [QueueDraft] = []
        for share in onward.shares {
            var draft = draft(for: share.recipients, date, isEightBit: isEightBit, head: head)
            // Its owners may have to see it first, which is no delay to be told.
            if share.isList { draft.traits.insert(.isAutomatic) }
            if let forwarder = share.forwarder {
                draft.origin = draft.origin.sentOn
                if let forwarding = intake.forwarding { draft.reversePath = try await forwarding.sender(envelope.reversePath, forwardedBy: forwarder) }
                draft.head = MessageHead.delivered(to: forwarder, head?.octets ?? []) ?? head
            }
            drafts.append(draft)
        }
        return drafts
    }

    /// For those of its mailboxes of whose delivery the sender wants to hear; nil: there is none, or nobody to tell.
    func delivered(_ date: Timestamp, isEightBit: Bool) -> QueueDraft? {
        // Of junk nobody is told that it came, least of all who did not send it.
        guard envelope.reversePath != .null, sender?.isJunk != true else { return nil }
        let recipients = envelope.recipients.filter { recipient in
            recipient.notify.contains(.success) && recipient.destinations.contains { if case .mailbox = $0 { true } else { false } }
        }
        guard !recipients.isEmpty else { return nil }
        return draft(
            for: recipients.map { QueuedRecipient($0.address, notify: $0.notify, original: $0.original) }, date, isEightBit: isEightBit, head: nil)
    }

    private func draft(for recipients: [QueuedRecipient], _ date: Timestamp, isEightBit: Bool, head: MessageHead?) -> QueueDraft {
        var traits = envelope.returned
        if isEightBit { traits.insert(.eightBit) }
        if envelope.isSMTPUTF8 { traits.insert(.smtpUTF8) }
        if envelope.reversePath == .null || judged.withLock({ $0.survey.isAutomatic }) { traits.insert(.isAutomatic) }
        if judged.withLock({ $0.survey.waivesTLS }) { traits.insert(.waivesTLS) }
        var draft = QueueDraft(
            transaction: envelope.id, reversePath: envelope.reversePath, recipients: recipients, traits: traits, arrived: date, head: head,
            sender: envelope.sender, envelopeID: envelope.envelopeID, notBefore: envelope.notBefore, deliverBy: envelope.deliverBy,
            priority: envelope.priority)
        if envelope.submission != nil { draft.origin = envelope.isLocal ? .local : .own }
        return draft
    }
}

extension ForwardPath {
    // RFC 3461 §5.2.7.1: where an address becomes another, reports name the one that the sender knows.
    /// As ORCPT has it; nil: it is the same, or has no such form.
    func original(insteadOf path: ForwardPath) -> String? {
        guard path != self, case .mailbox(let known) = self else { return nil }
        let text = known.isASCII ? "rfc822;\(XText.encode(known.written))" : "utf-8;\(UTF8AddressText.encode(known.written))"
        return text.utf8.count <= OriginalRecipient.most ? text : nil
    }
}
