import MailModel
import MessageFormat
import NIOCore
import Storage

// The part for programs: message/delivery-status (RFC 3464 §2), or message/global-delivery-status where an address is not ASCII (RFC 6533 §4).
extension DeliveryReport {
    /// Octets of another server's words.
    private static let mostDiagnostic = 2_000

    var statusNeedsUTF8: Bool {
        recipients.contains { told in
            let original = told.recipient.original.flatMap { OriginalRecipient($0) }
            return !told.recipient.path.isASCII || original.map { !$0.address.utf8.allSatisfy { $0 < 0x80 } } ?? false
        }
    }

    // delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )
    func status(isGlobal: Bool) -> ByteBuffer {
        var text =
            isGlobal
            ? "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" : "Content-Type: message/delivery-status\r\n\r\n"
        // RFC 3464 §2.2.1: decoded, for xtext is of SMTP.
        if let id = draft.envelopeID.flatMap({ XText.printable($0) }), id.contains(where: { $0 != " " }) { text += "Original-Envelope-Id: \(id)\r\n" }
        text += "Reporting-MTA: dns; \(host)\r\n"
        text += "Arrival-Date: \(MessageDate.format(draft.arrived))\r\n"
        for told in recipients { text += "\r\n" + fields(told, isGlobal: isGlobal) }
        return ByteBuffer(string: text)
    }

    private func fields(_ told: Recipient, isGlobal: Bool) -> String {
        var text = ""
        if let original = told.recipient.original.flatMap({ OriginalRecipient($0) }) { text += "Original-Recipient: \(original.type); \(original.address)\r\n" }
        text += "Final-Recipient: \(told.recipient.path.isASCII ? "rfc822" : "utf-8"); \(told.recipient.path.bare)\r\n"
        text += "Action: \(told.action.rawValue)\r\n"
        text += "Status: \(told.status)\r\n"
        let last = told.progress.last
        if let name = last?.reportedHost { text += "Remote-MTA: dns; \(name)\r\n" }
        if let reply = last?.reply {
            text += ReportText.field("Diagnostic-Code", "smtp; " + diagnostic(reply.written, isGlobal: isGlobal))
        } else if let reason = last?.reason {
            // RFC 3464 §2.3.6: a type of our own for our own words.
            text += ReportText.field("Diagnostic-Code", "x-martlet; " + diagnostic(reason, isGlobal: isGlobal))
        }
        if let last { text += "Last-Attempt-Date: \(MessageDate.format(last.at))\r\n" }
        text += "Final-Log-ID: \(draft.transaction)\r\n"
        if told.action == .delayed, let retryUntil { text += "Will-Retry-Until: \(MessageDate.format(retryUntil))\r\n" }
        return text
    }

    private func diagnostic(_ words: String, isGlobal: Bool) -> String {
        let words = ReportText.quoted(words, most: DeliveryReport.mostDiagnostic)
        guard !isGlobal else { return words }
        return words.unicodeScalars.map { $0.isASCII ? String($0) : UTF8AddressText.escape($0) }.joined()
    }
}

extension DeliveryReport.Recipient {
    /// Of a class that fits the action (RFC 3464 §2.3.4). Who was tried for too long keeps the reason why it always took longer.
    var status: EnhancedStatus {
        let category =
            switch action {
            case .failed: 5
            case .delayed: 4
            case .delivered, .relayed, .expanded: 2
            }
        let known = progress.last?.knownStatus
        switch (action, known) {
        // RFC 3886 §3.3.4: relayed to a server that does not comply.
        case (.relayed, _): return EnhancedStatus(2, 1, 9) ?? .unknown(category)
        case (.failed, let known?) where known.category != 2: return known
        case (_, let known?) where known.category == category: return known
        default: return .unknown(category)
        }
    }
}

extension RecipientProgress.Attempt {
    /// What the reply says, or else we; of a reply without an enhanced code its class is known.
    var knownStatus: EnhancedStatus? {
        reply?.status ?? status ?? reply.flatMap { EnhancedStatus($0.code / 100, 0, 0) }
    }

    /// As a field may hold it; a server without a name by its address.
    var reportedHost: String? {
        if let host, (1...255).contains(host.utf8.count), host.utf8.allSatisfy(RecipientProgress.Attempt.isOfName) { return host }
        guard let address, (1...64).contains(address.utf8.count), address.utf8.allSatisfy(RecipientProgress.Attempt.isOfName) else { return nil }
        return "[\(address)]"
    }

    private static func isOfName(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-") || octet == UInt8(ascii: "_") || octet == UInt8(ascii: ":")
        }
    }
}

extension EnhancedStatus {
    /// `x.0.0`.
    fileprivate static func unknown(_ category: Int) -> EnhancedStatus {
        guard let status = EnhancedStatus(category, 0, 0) else { preconditionFailure("a class is 2, 4 or 5") }
        return status
    }
}

extension ForwardPath {
    /// Without its brackets.
    var bare: String {
        switch self {
        case .postmaster: "postmaster"
        case .mailbox(let address): address.written
        }
    }

    var isASCII: Bool {
        switch self {
        case .postmaster: true
        case .mailbox(let address): address.isASCII
        }
    }
}
