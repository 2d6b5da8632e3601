package import MailModel
package import NIOCore
package import Storage

extension Intake {
    /// Somebody who gets the message.
    package struct Recipient: Hashable, Sendable {
        package let address: ForwardPath
        /// Where it goes for them: one place, or several.
        package let destinations: [Destination]
        /// Of what the sender wants to hear (RFC 3461 §4.1).
        package var notify: QueuedRecipient.Notify
        /// ORCPT, as in `QueuedRecipient`.
        package var original: String?

        package init(address: ForwardPath, destinations: [Destination], notify: QueuedRecipient.Notify = [], original: String? = nil) {
            self.address = address
            self.destinations = destinations
            self.notify = notify
            self.original = original
        }
    }

    /// What is known of a message besides its text.
    package struct Envelope: Sendable {
        package var id: TransactionID
        package var reversePath: ReversePath
        /// Destinations of two of them may be the same: it gets one copy.
        package var recipients: [Recipient]
        /// It uses SMTPUTF8 (RFC 6531).
        package var isSMTPUTF8: Bool
        /// The face's trace lines (Received), each with its CRLF.
        package var trace: ByteBuffer
        /// What checks wrote before the text came.
        package var annotations: [HeadField] = []
        /// ENVID, as in `QueueDraft`.
        package var envelopeID: String?
        /// What reports return: `returnsHeader`, `returnsFull` or nothing that was said (RFC 3461 §4.3); and `requiresTLS` (RFC 8689).
        package var returned: QueueDraft.Traits = []
        /// Nil from other servers. Otherwise a missing From, Date and Message-ID are added (RFC 6409 §8), and From and Sender must be the user's.
        package var submission: Submission?
        /// What we call ourselves in trace lines; nil: it is not looked for whether the message was here before.
        package var host: Domain?
        /// Its text may have parts of any octets (BINARYMIME, RFC 3030 §3), which are kept as base64.
        package var isBinary = false
        /// Who brings it; nil: not a client.
        package var client: Client?
        /// Which of our users hands it in.
        package var sender: AccountID?
        // For those to whom it goes on, as in `QueueDraft`.
        package var notBefore: Timestamp?
        package var deliverBy: QueueDraft.Deadline?
        package var priority: Int8 = 0

        package init(
            id: TransactionID, reversePath: ReversePath, recipients: [Recipient], isSMTPUTF8: Bool, trace: ByteBuffer, submission: Submission?
        ) {
            self.id = id
            self.reversePath = reversePath
            self.recipients = recipients
            self.isSMTPUTF8 = isSMTPUTF8
            self.trace = trace
            self.submission = submission
        }
    }

    /// A message that lies in mailboxes now, where its sender asked to be told of that (RFC 3461 §5.2.3): a `DeliveryReport` is due.
    package struct Delivered: Hashable, Sendable {
        /// As it would have been queued for those who have it here.
        package let draft: QueueDraft
        package let body: BodyID
        /// One that has it.
        package let account: AccountID
    }

    /// What became of a message that was taken.
    package struct Receipt: Hashable, Sendable {
        package let id: TransactionID
        /// Octets as stored, with the trace lines.
        package let size: Int
        package let placed: [Placed]
        package let queued: [QueueID]

        package init(id: TransactionID, size: Int, placed: [Placed], queued: [QueueID]) {
            self.id = id
            self.size = size
            self.placed = placed
            self.queued = queued
        }
    }
}

extension Intake.Envelope {
    /// A program of this machine hands it in.
    var isLocal: Bool { submission.map { $0.right == nil } ?? false }

    /// An address of ours sends it on to somebody elsewhere.
    var isSentOn: Bool { recipients.contains { $0.destinations.contains { if case .forward = $0 { true } else { false } } } }

    /// It goes to addresses that take reports, and nowhere else: nothing is reported on it, for that would never end (RFC 9990 §3.5).
    package var isForReports: Bool {
        !recipients.isEmpty && recipients.allSatisfy { $0.destinations.allSatisfy { if case .reports = $0 { true } else { false } } }
    }
}
