import MailModel
import MessageFormat
import NIOCore
import Storage

// The part for people.
extension DeliveryReport {
    /// Octets of another server's words that are shown; all of them are in the other part.
    private static let mostQuoted = 600

    func words(_ returned: ReturnedMessage) -> ByteBuffer {
        var text = ReportText.paragraph("This is the mail server \(host). It has news of a message that you sent:") + "\r\n"
        if let subject = returned.subject { text += ReportText.paragraph("Subject: \(subject)", indent: 2) }
        text += ReportText.paragraph("Sent: \(MessageDate.format(draft.arrived))", indent: 2)
        for action in Action.allCases {
            let told = recipients.filter { $0.action == action }
            guard !told.isEmpty else { continue }
            text += "\r\n" + ReportText.paragraph(opening(action)) + "\r\n"
            text += told.map(words).joined(separator: "\r\n")
        }
        if recipients[0].action == .failed {
            text += "\r\n" + ReportText.paragraph("If you did not send this message, somebody has used your address, and you need not do anything.")
        }
        text += "\r\n" + ReportText.paragraph("A program wrote this. An answer to it reaches the person who looks after the server.")
        return part(text)
    }

    private func part(_ text: String) -> ByteBuffer {
        // The last line end belongs to the delimiter.
        let text = String(text.dropLast(1))
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return ByteBuffer(string: "Content-Type: text/plain; charset=us-ascii\r\n\r\n" + text) }
        var part = ByteBuffer(string: "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
        part.writeImmutableBuffer(TransferDecoder.quotedPrintable(ByteBuffer(string: text)))
        return part
    }

    private func opening(_ action: Action) -> String {
        switch action {
        case .failed: return "It could not be delivered to:"
        case .delayed:
            let end = retryUntil.map { " until \(MessageDate.format($0))" } ?? ""
            return "It has not been delivered yet to those below. You need not send it again: the server goes on trying\(end)."
        case .delivered: return "It was delivered to the mailbox of:"
        case .relayed: return "It was passed on to a server that will not report what becomes of it there. It is for:"
        case .expanded: return "It was passed on to all the addresses behind:"
        }
    }

    private func words(_ told: Recipient) -> String {
        // Alone on its line, so that it can be copied.
        var text = "  \(told.recipient.path.bare)\r\n"
        guard told.action == .failed || told.action == .delayed else { return text }
        let cause = DeliveryCause(told, waited: max(0, now.rawValue - draft.arrived.rawValue))
        text += "\r\n" + ReportText.paragraph(cause.words, indent: 4)
        if let last = told.progress.last {
            let quote: String? = (last.reply?.written ?? last.reason).map { ReportText.quoted($0, most: DeliveryReport.mostQuoted) }
            if let quote, last.reply != nil {
                text += ReportText.paragraph("\(serverName(last)) said:", indent: 4) + ReportText.paragraph("\"\(quote)\"", indent: 6)
            } else if let quote, !quote.isEmpty {
                text += ReportText.paragraph("What happened: \(quote)", indent: 4)
            }
        }
        if told.action == .failed, let advice = cause.advice { text += ReportText.paragraph(advice, indent: 4) }
        return text
    }

    private func serverName(_ last: RecipientProgress.Attempt) -> String {
        guard let name = last.reportedHost else { return "The other server" }
        return "The server \(name)"
    }
}
