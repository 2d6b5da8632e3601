import MailModel
import MessageFormat
import NIOCore
import Storage

/// What a list writes itself, to its owners or to one who asks: plain text, marked as automatic.
struct ListLetter {
    let list: MailingList
    let recipients: [Address]
    let subject: String
    /// Lines with their CRLF.
    let text: String
    /// Where an answer goes.
    var replyTo: Address?
    /// It answers a message (RFC 3834 §5).
    var isReply = true

    /// Octets of a subject that somebody else wrote, and lines and octets of a header.
    private static let mostSubject = 150
    private static let mostHeader = 8 << 10

    func written(host: Domain, id: TransactionID, now: Timestamp) -> ByteBuffer {
        let to = recipients.count == 1 ? recipients[0] : list.address(.owner)
        var text = "From: \(ListHead.phrase(list.name))<\(list.address(.request).written)>\r\n"
        text += "To: <\(to.written)>\r\n"
        if let replyTo { text += "Reply-To: <\(replyTo.written)>\r\n" }
        text += ReportText.field("Subject", subject.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } ? subject : EncodedWord.encode(subject))
        text += "Date: \(MessageDate.format(now))\r\n"
        text += "Message-ID: <\(id)@\(host)>\r\n"
        text += "Auto-Submitted: \(isReply ? "auto-replied" : "auto-generated")\r\n"
        text += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        return ByteBuffer(string: text + self.text)
    }

    /// With empty lines between them; what begins with blanks stands to the right.
    private static func paragraphs(_ texts: String...) -> String {
        texts.map { ReportText.paragraph($0, indent: $0.hasPrefix("    ") ? 4 : 0) }.joined(separator: "\r\n")
    }

    // MARK: To the owners

    static func moderation(
        of entry: QueueEntry, _ list: MailingList, _ start: ListMaster.Start, _ reason: String, _ tokens: ListTokens, now: Timestamp
    ) -> ListLetter {
        let accept = list.address(.accept, token: tokens.decision(.accept, on: entry.id, of: list))
        let reject = list.address(.reject, token: tokens.decision(.reject, on: entry.id, of: list))
        let (subject, facts, preview) = about(entry, start)
        var text = ReportText.paragraph("A post to \(list.written) waits for you: \(reason).") + "\r\n" + facts + "\r\n"
        text += ReportText.paragraph("To let it go to the members, answer this letter, or write to:")
        text += ReportText.paragraph(accept.written, indent: 4)
        text += ReportText.paragraph("To discard it, write to:")
        text += ReportText.paragraph(reject.written, indent: 4)
        text += "\r\n" + ReportText.paragraph("Write from the address at which you have this letter. Without an answer the post is discarded in 7 days.")
        text += "\r\nIts first words:\r\n\r\n" + ReportText.paragraph(preview, indent: 4) + "\r\nIts header:\r\n\r\n" + header(of: start)
        return ListLetter(
            list: list, recipients: list.owners, subject: "Post to \(list.written) waits: \(subject)", text: text, replyTo: accept, isReply: false)
    }

    static func discarded(_ entry: QueueEntry, _ list: MailingList, start: ListMaster.Start) -> ListLetter {
        let (subject, facts, _) = about(entry, start)
        return ListLetter(
            list: list, recipients: list.owners, subject: "Post to \(list.written) was discarded: \(subject)",
            text: ReportText.paragraph("This post has waited for you for 7 days and was discarded:") + "\r\n" + facts, isReply: false)
    }

    static func late(_ list: MailingList, to owner: Address) -> ListLetter {
        ListLetter(
            list: list, recipients: [owner], subject: "That post waits no longer",
            text: paragraphs("The post that you answered on waits no longer: somebody has decided on it before, or its time was over."))
    }

    static func suspension(of member: ListMember, _ list: MailingList, _ reason: String) -> ListLetter {
        var text = paragraphs(
            "For a week all mail of the list \(list.written) to this member came back, and the member gets no more of it:",
            "    \(member.address.written)", "What was said last:")
        text += "\r\n" + ReportText.paragraph(reason, indent: 4) + "\r\n"
        text += ReportText.paragraph("The member is on the list still. Whoever subscribes again gets posts again; so does whom an administrator resumes:")
        text += ReportText.paragraph("martlet list member resume \(list.written) \(member.address.written)", indent: 4)
        return ListLetter(list: list, recipients: list.owners, subject: "Suspended on \(list.written): \(member.address.written)", text: text, isReply: false)
    }

    static func asksToJoin(_ author: Address, _ list: MailingList) -> ListLetter {
        ListLetter(
            list: list, recipients: list.owners, subject: "\(author.written) asks to join \(list.written)",
            text: paragraphs(
                "A message in this name asks to join the list, and nobody but an administrator makes members of it:", "    \(author.written)",
                "    martlet list member add \(list.written) \(author.written)"), isReply: false)
    }

    // MARK: To one who asks

    static func confirm(_ kind: ListWish.Kind, _ list: MailingList, to author: Address, at address: Address) -> ListLetter {
        let wish = kind == .join ? "join" : "leave"
        return ListLetter(
            list: list, recipients: [author], subject: "Please confirm: \(wish) \(list.written)",
            text: paragraphs(
                "Somebody, hopefully you, has asked for this address to \(wish) the list \(list.written).",
                "If you want that, just answer this letter. If not, do nothing: the list will not write again for that, and nothing changes."), replyTo: address
        )
    }

    static func welcome(_ list: MailingList, to member: Address) -> ListLetter {
        ListLetter(
            list: list, recipients: [member], subject: "You are on \(list.written) now",
            text: paragraphs("You get the posts of \(list.written) from now on.") + "\r\n" + words(list))
    }

    static func farewell(_ list: MailingList, to member: Address) -> ListLetter {
        ListLetter(
            list: list, recipients: [member], subject: "You have left \(list.written)",
            text: paragraphs("You get no more posts of \(list.written). If that was not your wish, write to \(list.address(.request).written) again:")
                + "\r\n    Subject: subscribe\r\n")
    }

    static func isMember(_ list: MailingList, to member: Address) -> ListLetter {
        ListLetter(
            list: list, recipients: [member], subject: "You are on \(list.written) already",
            text: paragraphs("You are on the list \(list.written) already, and nothing was changed.") + "\r\n" + words(list))
    }

    static func help(_ list: MailingList, to author: Address) -> ListLetter {
        ListLetter(list: list, recipients: [author], subject: "Help for \(list.written)", text: words(list))
    }

    private static func words(_ list: MailingList) -> String {
        var text = ReportText.paragraph("To write to the members: \(list.written)")
        text += ReportText.paragraph("To write to the owners: \(list.address(.owner).written)")
        text += "\r\n" + ReportText.paragraph("To join or to leave, write to \(list.address(.request).written) with one of these subjects:")
        text += "\r\n    subscribe\r\n    unsubscribe\r\n    help\r\n"
        return text
    }

    // MARK: What others wrote

    /// Their words are cut, hold no control character and begin no line.
    private static func about(_ entry: QueueEntry, _ start: ListMaster.Start) -> (subject: String, facts: String, preview: String) {
        var scanner = MessageScanner()
        scanner.consume(start.octets)
        let outline = scanner.finish()
        func quoted(_ text: String?) -> String { ReportText.quoted(EncodedWord.decode(text ?? ""), most: mostSubject) }
        let subject = quoted(outline.envelope.subject)
        let authors = outline.envelope.from.compactMap(\.addrSpec).prefix(5).joined(separator: ", ")
        var facts = ReportText.paragraph("From: \(ReportText.quoted(authors, most: 300))", indent: 4)
        facts += ReportText.paragraph("Envelope sender: \(entry.draft.reversePath.written)", indent: 4)
        facts += ReportText.paragraph("Subject: \(subject)", indent: 4)
        facts += ReportText.paragraph("Size: \(entry.size) octets", indent: 4)
        facts += ReportText.paragraph("Came: \(MessageDate.format(entry.draft.arrived))", indent: 4)
        return (subject, facts, ReportText.quoted(outline.preview, most: 800))
    }

    private static func header(of start: ListMaster.Start) -> String {
        var text = ""
        for line in start.octets.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let line = line.last == 0x0D ? line.dropLast() : line
            guard !line.isEmpty, text.utf8.count < mostHeader else { break }
            text += "    | " + ReportText.quoted(String(decoding: line, as: UTF8.self), most: 300) + "\r\n"
        }
        return text
    }
}
