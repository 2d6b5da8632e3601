package import NIOCore

/// Everything that the parser makes of a whole message, decoded, in the shape of a document: what `martlet message
/// inspect` prints. Offsets and lengths are octets of the message.
package struct MessageInspection: Encodable, Sendable {
    package let size: Int
    package let headerSize: Int
    package let lineCount: Int
    package let header: [Field]
    package let date: String?
    package let messageID: String?
    package let references: [String]
    package let envelope: EnvelopeInspection
    package let preview: String
    package let structure: PartInspection
    package let attachments: [Attachment]
    package let defects: [MessageDefect]

    package struct Field: Encodable, Sendable {
        package let name: String
        package let value: String
        package let offset: Int
        package let length: Int
    }

    package struct Attachment: Encodable, Sendable {
        package let part: String
        package let type: String
        package let fileName: String?
        package let decodedSize: Int?
    }

    package init(_ message: ByteBuffer, limits: MessageLimits = .standard) {
        let message = message.slice()
        var scanner = MessageScanner(limits: limits)
        scanner.consume(message)
        let outline = scanner.finish()
        size = outline.size
        headerSize = outline.headerSize
        lineCount = outline.lineCount
        let block = message.getSlice(at: 0, length: min(outline.headerSize, limits.headerOctets)) ?? ByteBuffer()
        header = HeaderFields(block).prefix(limits.headerFields).map { field in
            Field(
                name: field.name, value: EncodedWord.decode(field.value), offset: field.range.lowerBound,
                length: field.range.count)
        }
        date = outline.sentDate.map { $0.timestamp.description }
        messageID = outline.messageID
        references = outline.references
        envelope = EnvelopeInspection(outline.envelope)
        preview = outline.preview
        var left = SearchableText.standardLimit
        let isRootMultipart = if case .multipart = outline.root.content { true } else { false }
        structure = PartInspection(outline.root, path: isRootMultipart ? [] : [1], message: message, left: &left)
        var attachments: [Attachment] = []
        structure.collectAttachments(into: &attachments)
        self.attachments = attachments
        let found = scanner.defects.union(DefectSearch(outline, message, limits: limits).found)
        defects = MessageDefect.allCases.filter(found.contains)
    }
}

/// An envelope with its encoded words decoded and its addresses as text.
package struct EnvelopeInspection: Encodable, Sendable {
    package let date: String?
    package let subject: String?
    package let from: [String]
    package let sender: [String]
    package let replyTo: [String]
    package let to: [String]
    package let cc: [String]
    package let bcc: [String]
    package let inReplyTo: String?
    package let messageID: String?

    init(_ envelope: MessageEnvelope) {
        date = envelope.date
        subject = envelope.subject.map(EncodedWord.decode)
        from = envelope.from.map(\.inspected)
        sender = envelope.sender.map(\.inspected)
        replyTo = envelope.replyTo.map(\.inspected)
        to = envelope.to.map(\.inspected)
        cc = envelope.cc.map(\.inspected)
        bcc = envelope.bcc.map(\.inspected)
        inReplyTo = envelope.inReplyTo
        messageID = envelope.messageID
    }
}

extension EnvelopeAddress {
    fileprivate var inspected: String {
        if isGroupEnd { return ";" }
        if isGroupStart { return EncodedWord.decode(mailbox ?? "") + ":" }
        let address = (mailbox ?? "") + ((host ?? "").isEmpty ? "" : "@" + (host ?? ""))
        return displayName.map { "\(EncodedWord.decode($0)) <\(address)>" } ?? address
    }
}

extension PartInspection {
    fileprivate func collectAttachments(into list: inout [MessageInspection.Attachment]) {
        for part in parts { part.collectAttachments(into: &list) }
        message?.structure.collectAttachments(into: &list)
        guard parts.isEmpty,
            disposition == "attachment" || fileName != nil || (message == nil && !type.hasPrefix("text/"))
        else { return }
        list.append(MessageInspection.Attachment(part: path, type: type, fileName: fileName, decodedSize: decodedSize))
    }
}
