package import MailModel
package import MessageFormat
package import NIOCore
package import Storage

/// A message that tells its sender what became of another: a delivery status notification (RFC 3464 in RFC 6522's multipart/report), in plain words first and then
/// for programs. One for a message and a moment, on those recipients alone of whom there is something to tell.
///
/// Nothing that another server or a sender wrote can break it: their words are cut, hold no control character and never begin a line, and its boundary is none
/// that they could know.
package struct DeliveryReport: Sendable {
    /// What became of a recipient (RFC 3464 §2.3.3).
    package enum Action: String, Hashable, Sendable, CaseIterable {
        case failed
        case delayed
        /// It lies in their mailbox.
        case delivered
        /// It went on to a server that does not tell what becomes of it.
        case relayed
        /// It went on to several, in the recipient's place.
        case expanded
    }

    /// One of whom is told.
    package struct Recipient: Sendable {
        package let recipient: QueuedRecipient
        package let action: Action
        package let progress: RecipientProgress

        package init(_ recipient: QueuedRecipient, _ action: Action, _ progress: RecipientProgress) {
            self.recipient = recipient
            self.action = action
            self.progress = progress
        }
    }

    /// What is returned of the message that the report is on.
    package struct Original: Sendable {
        /// Head and text, from the first octet on.
        package let octets: ByteBuffer
        /// They are all of it, and it is returned as a whole where it can be.
        package let isWhole: Bool

        package init(_ octets: ByteBuffer, isWhole: Bool) {
            self.octets = octets
            self.isWhole = isWhole
        }
    }

    /// As it is handed to the queue or filed.
    package struct Written: Sendable {
        package let text: ByteBuffer
        /// To whom; the reverse path is null (RFC 3461 §6.1).
        package let recipient: Address
        /// It is automatic; and what it needs of those who carry it.
        package let traits: QueueDraft.Traits
    }

    let host: Domain
    let draft: QueueDraft
    let address: Address
    let recipients: [Recipient]
    let original: Original
    let now: Timestamp
    /// Until when those that are delayed are tried.
    let retryUntil: Timestamp?

    /// Nil where nobody can be told: the reverse path is null (RFC 5321 §6.1), or there is nothing to tell.
    /// - parameter host: this server, in whose postmaster's name it is.
    package init?(
        from host: Domain, on draft: QueueDraft, _ recipients: [Recipient], original: Original, now: Timestamp, retryUntil: Timestamp? = nil
    ) {
        guard let address = draft.reversePath.address, !recipients.isEmpty else { return nil }
        self.host = host
        self.draft = draft
        self.address = address
        // By kinds, the worst first.
        self.recipients = Action.allCases.flatMap { action in recipients.filter { $0.action == action } }
        self.original = original
        self.now = now
        self.retryUntil = retryUntil
    }

    /// Octets of a message's start that a report needs to return its header.
    package static let header = 64 << 10
    /// Octets of a message that is returned as a whole.
    package static let mostReturned = 1 << 20

    /// How much of a message a report needs, from its start (RFC 3461 §4.3, §6.2; RFC 8689 §5: with REQUIRETLS the header alone): all of it only where its sender asked for that, somebody was not reached, and
    /// it is no bigger than `mostReturned`; else the header.
    /// - parameter size: octets of the message, with its head.
    package static func needed(of draft: QueueDraft, size: Int, for actions: some Sequence<Action>) -> (range: Range<Int>, isWhole: Bool) {
        let isWhole = draft.traits.contains(.returnsFull) && !draft.traits.contains(.requiresTLS) && size <= mostReturned && actions.contains(.failed)
        return (0..<(isWhole ? size : min(size, header)), isWhole)
    }
}

extension DeliveryReport {
    /// - parameter makeID: what the boundary and the Message-ID are made of; nobody else may be able to tell what it gives next.
    package func written(_ makeID: TransactionID.Source) -> Written {
        let returned = ReturnedMessage(original, isUTF8: draft.traits.contains(.smtpUTF8))
        let isGlobal = statusNeedsUTF8
        let parts = [words(returned), status(isGlobal: isGlobal), returned.part].compactMap(\.self)
        let boundary = boundary(of: parts, makeID)
        var text = head(returned, boundary: boundary, isGlobal: isGlobal, makeID())
        let isUTF8 = text.readableBytesView.contains { $0 >= 0x80 }
        for part in parts {
            text.writeString("--\(boundary)\r\n")
            text.writeImmutableBuffer(part)
            text.writeString("\r\n")
        }
        text.writeString("--\(boundary)--\r\n")
        var traits: QueueDraft.Traits = [.isAutomatic]
        // RFC 8689 §5: what it tells of the message is to be protected like that.
        traits.formUnion(draft.traits.intersection(.requiresTLS))
        if isUTF8 { traits.insert(.smtpUTF8) }
        if isUTF8 || parts.contains(where: { $0.readableBytesView.contains { $0 >= 0x80 } }) { traits.insert(.eightBit) }
        return Written(text: text, recipient: address, traits: traits)
    }

    /// One that is in none of the parts. It has "=_", which no quoted-printable has.
    private func boundary(of parts: [ByteBuffer], _ makeID: TransactionID.Source) -> String {
        var boundary = "=_\(makeID())"
        for _ in 0..<8 {
            let octets = Array(boundary.utf8)
            guard parts.contains(where: { $0.readableBytesView.firstRange(of: octets) != nil }) else { break }
            boundary = "=_\(makeID())"
        }
        return boundary
    }

    // RFC 3461 §6.1: From is whoever cares for the mail system, so that an answer reaches a human; it names the postmaster, whom every host has (RFC 5321 §4.5.1),
    // while MAILER-DAEMON, as others write, is often nobody. RFC 3834 §5, §3.1.7: auto-replied, for it answers a message.
    private func head(_ returned: ReturnedMessage, boundary: String, isGlobal: Bool, _ id: TransactionID) -> ByteBuffer {
        var text = ByteBuffer()
        text.writeString("From: Mail Delivery System <postmaster@\(host)>\r\n")
        text.writeString("To: \(address.written)\r\n")
        text.writeString("Subject: \(subject)\r\n")
        text.writeString("Date: \(MessageDate.format(now))\r\n")
        text.writeString("Message-ID: <\(id)@\(host)>\r\n")
        if let messageID = returned.messageID {
            text.writeString("In-Reply-To: \(messageID)\r\n")
            text.writeString(ReportText.field("References", (returned.references + [messageID]).joined(separator: " ")))
        }
        text.writeString("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n")
        text.writeString("Content-Type: multipart/report; report-type=\(isGlobal ? "global-delivery-status" : "delivery-status");\r\n")
        text.writeString(" boundary=\"\(boundary)\"\r\n\r\n")
        return text
    }

    private var subject: String {
        switch recipients[0].action {
        case .failed: "Your message could not be delivered"
        case .delayed: "Your message is delayed"
        case .delivered: "Your message was delivered"
        case .relayed, .expanded: "Your message was passed on"
        }
    }
}
