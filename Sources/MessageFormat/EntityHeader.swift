/// What the parser has spent of `MessageLimits` on one message.
struct HeaderBudget {
    var octets: Int
    var fields: Int
    var parameters: Int
    var addresses: Int

    init(_ limits: MessageLimits) {
        octets = limits.headerOctets
        fields = limits.headerFields
        parameters = limits.parameters
        addresses = limits.addresses
    }
}

/// The fields of one header block that an outline keeps (RFC 5322 §3.6, RFC 2045 §3). Of a field that comes twice the
/// first counts; To, Cc and Bcc are added up (RFC 5322 §4.5.3).
struct EntityHeader {
    var type = "text"
    var subtype = "plain"
    var parameters = [Parameter.usASCII]
    var id: String?
    var description: String?
    var encoding = "7bit"
    var md5: String?
    var disposition: Part.Disposition?
    var languages: [String] = []
    var location: String?
    var envelope: MessageEnvelope
    var messageIDs: [String] = []
    var references: [String] = []
    var repliedTo: [String] = []
    var sentDate: MessageDate?
    var defects: Set<MessageDefect> = []

    private var seen: UInt32 = 0
    private let isMessage: Bool

    /// `isMessage`: the header of a message, not of a part within a multipart. `isDigest`: a part of multipart/digest,
    /// which is a message unless it says otherwise (RFC 2046 §5.1.5).
    init(_ block: UnsafeRawBufferPointer, isMessage: Bool, isDigest: Bool, budget: inout HeaderBudget) {
        self.isMessage = isMessage
        envelope = MessageEnvelope()
        if isDigest { makeType("message", "rfc822") }
        var offset = 0
        while let span = FieldSpan(block, from: offset) {
            guard budget.fields > 0 else {
                defects.insert(.headerTooLarge)
                break
            }
            budget.fields -= 1
            offset = span.end
            read(span, of: block, budget: &budget)
        }
        if envelope.sender.isEmpty { envelope.sender = envelope.from }
        if envelope.replyTo.isEmpty { envelope.replyTo = envelope.from }
    }

    mutating func makeType(_ type: String, _ subtype: String) {
        self.type = type
        self.subtype = subtype
        parameters = []
    }

    private mutating func read(_ span: FieldSpan, of block: UnsafeRawBufferPointer, budget: inout HeaderBudget) {
        guard span.nameLength > 0 else {
            defects.insert(.lineWithoutFieldName)
            return
        }
        let name = UnsafeRawBufferPointer(rebasing: block[span.start..<span.start + span.nameLength])
        guard let known = Name(name), isMessage || known.isOfContent else { return }
        let bit: UInt32 = 1 &<< UInt32(known.rawValue)
        guard seen & bit == 0 || known.addsUp else { return }
        seen |= bit
        let value = UnsafeRawBufferPointer(rebasing: block[span.valueStart..<span.end])
        switch known {
        case .from, .sender, .replyTo, .to, .cc, .bcc: readAddresses(known, value, budget: &budget)
        case .date, .subject, .messageID, .inReplyTo, .references: readIdentity(known, value)
        default: readContent(known, value, budget: &budget)
        }
    }

    private mutating func readAddresses(_ name: Name, _ value: UnsafeRawBufferPointer, budget: inout HeaderBudget) {
        var parser = AddressParser(value, limit: budget.addresses)
        let list = parser.parse()
        budget.addresses -= list.count
        if parser.isCut { defects.insert(.tooManyAddresses) }
        switch name {
        case .from: envelope.from = list
        case .sender: envelope.sender = list
        case .replyTo: envelope.replyTo = list
        case .to: envelope.to += list
        case .cc: envelope.cc += list
        default: envelope.bcc += list
        }
    }

    private mutating func readIdentity(_ name: Name, _ value: UnsafeRawBufferPointer) {
        switch name {
        case .date:
            envelope.date = HeaderText.unfolded(value)
            var parser = DateParser(value)
            sentDate = parser.parse()
        case .subject:
            envelope.subject = HeaderText.unfolded(value)
        case .messageID:
            envelope.messageID = HeaderText.unfolded(value)
            messageIDs = MessageIdentifiers.parse(value, limit: 1)
        case .inReplyTo:
            envelope.inReplyTo = HeaderText.unfolded(value)
            repliedTo = MessageIdentifiers.parse(value, limit: 1_000)
        default:
            references = MessageIdentifiers.parse(value, limit: 10_000)
        }
    }

    private mutating func readContent(_ name: Name, _ value: UnsafeRawBufferPointer, budget: inout HeaderBudget) {
        switch name {
        case .contentType:
            guard let read = ContentFields.type(value, limit: budget.parameters) else {
                defects.insert(.contentTypeUnreadable)
                return
            }
            (type, subtype, parameters) = read
            spend(parameters.count, of: &budget)
        case .contentDisposition:
            disposition = ContentFields.disposition(value, limit: budget.parameters)
            spend(disposition?.parameters.count ?? 0, of: &budget)
        case .contentTransferEncoding: encoding = ContentFields.encoding(value) ?? "7bit"
        case .contentID: id = nonEmpty(value)
        case .contentDescription: description = nonEmpty(value)
        case .contentMD5: md5 = nonEmpty(value)
        case .contentLanguage: languages = ContentFields.languages(value)
        default: location = ContentFields.location(value)
        }
    }

    private mutating func spend(_ count: Int, of budget: inout HeaderBudget) {
        budget.parameters = max(0, budget.parameters - count)
        if budget.parameters == 0 { defects.insert(.tooManyParameters) }
    }

    private func nonEmpty(_ value: UnsafeRawBufferPointer) -> String? {
        let text = HeaderText.unfolded(value)
        return text.isEmpty ? nil : text
    }
}

extension EntityHeader {
    /// The field names an outline looks at.
    enum Name: UInt8 {
        case date, from, to, cc, bcc, sender, subject, replyTo, messageID, references, inReplyTo
        case contentID, contentMD5, contentType, contentLanguage, contentLocation, contentDescription
        case contentDisposition, contentTransferEncoding

        init?(_ octets: UnsafeRawBufferPointer) {
            guard let found = Name.spellings.first(where: { HeaderText.matches(octets, $0.spelling) }) else {
                return nil
            }
            self = found.name
        }

        var isOfContent: Bool {
            rawValue >= Name.contentID.rawValue
        }

        var addsUp: Bool { self == .to || self == .cc || self == .bcc }

        private static let spellings: [(spelling: StaticString, name: Name)] = [
            ("date", .date), ("from", .from), ("to", .to), ("cc", .cc), ("bcc", .bcc), ("sender", .sender),
            ("subject", .subject), ("reply-to", .replyTo), ("message-id", .messageID), ("references", .references),
            ("in-reply-to", .inReplyTo), ("content-id", .contentID), ("content-md5", .contentMD5),
            ("content-type", .contentType), ("content-language", .contentLanguage),
            ("content-location", .contentLocation), ("content-description", .contentDescription),
            ("content-disposition", .contentDisposition), ("content-transfer-encoding", .contentTransferEncoding),
        ]
    }
}
