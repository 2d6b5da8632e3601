import MailModel
package import NIOCore

/// Octets that no `MessageOutline.encode()` made.
package struct OutlineCorrupt: Error, Equatable {
    /// Where it was noticed, in octets from the start.
    package let offset: Int
}

extension MessageOutline {
    /// Reads what `encode()` wrote, to the last octet; throws `OutlineCorrupt` for anything else. Room is taken for no
    /// more than there are octets.
    package init(decoding bytes: ByteBuffer) throws(OutlineCorrupt) {
        self = try EncodedOutline(Array(buffer: bytes)[...]).decoded()
    }

    init(decoding octets: UnsafeRawBufferPointer, shift: Int = 0) throws(OutlineCorrupt) {
        var reader = OutlineReader(octets, shift: shift)
        let head = try reader.head()
        size = head.size
        headerSize = head.headerSize
        lineCount = head.lineCount
        header = head.header.map { ByteBuffer(bytes: $0) }
        envelope = try reader.envelope()
        messageID = try reader.optionalText()
        references = try reader.texts()
        sentDate = try reader.date()
        preview = try reader.text()
        root = try reader.part(depth: 0)
        guard reader.isAtEnd else { throw reader.corrupt }
    }
}

extension Int64 {
    // Int64.min has no magnitude of its own type.
    fileprivate var clamped: Int64 { Swift.max(self, -Int64.max) }
}

/// Reads an encoded outline from front to back, and never beyond its end. It and the texts it gives are views of the octets: they must not outlive the
/// closure that they were given to.
package struct OutlineReader {
    // Deeper than any limit that a scanner was ever given.
    static let deepest = 256

    private let source: UnsafeRawBufferPointer
    private(set) var offset = 0
    /// Added to where parts lie.
    private let shift: Int

    package init(_ octets: UnsafeRawBufferPointer, shift: Int = 0) {
        source = octets
        self.shift = shift
    }

    package var corrupt: OutlineCorrupt { OutlineCorrupt(offset: offset) }
    var isAtEnd: Bool { offset == source.count }

    mutating func octet() throws(OutlineCorrupt) -> UInt8 {
        guard offset < source.count else { throw corrupt }
        defer { offset += 1 }
        return source[offset]
    }

    mutating func unsigned() throws(OutlineCorrupt) -> UInt64 {
        let first = try octet()
        guard first >= 0x80 else { return UInt64(first) }
        var number = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while true {
            let octet = try octet()
            // Ten groups at most, the tenth of one bit, and no group of zeros at the end: one way to write a number.
            guard shift < 63 || octet <= 1, octet != 0 else { throw corrupt }
            number |= UInt64(octet & 0x7F) &<< shift
            if octet < 0x80 { return number }
            shift += 7
        }
    }

    mutating func number() throws(OutlineCorrupt) -> Int {
        guard let number = Int(exactly: try unsigned()) else { throw corrupt }
        return number
    }

    mutating func signed() throws(OutlineCorrupt) -> Int64 {
        let bits = try unsigned()
        return Int64(bitPattern: bits &>> 1) ^ -Int64(bitPattern: bits & 1)
    }

    mutating func flag() throws(OutlineCorrupt) -> Bool {
        switch try octet() {
        case 0: false
        case 1: true
        default: throw corrupt
        }
    }

    mutating func take(_ count: Int) throws(OutlineCorrupt) -> UnsafeRawBufferPointer {
        guard count <= source.count - offset else { throw corrupt }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: source[offset..<offset + count])
    }

    mutating func bytes() throws(OutlineCorrupt) -> UnsafeRawBufferPointer { try take(try number()) }

    /// Nil for a text that is not there.
    package mutating func optionalBytes() throws(OutlineCorrupt) -> UnsafeRawBufferPointer? {
        let count = try number()
        return count == 0 ? nil : try take(count - 1)
    }

    mutating func range() throws(OutlineCorrupt) -> Range<Int> {
        let (start, isBeyond) = try number().addingReportingOverflow(shift)
        let (end, overflow) = start.addingReportingOverflow(try number())
        guard !isBeyond, !overflow else { throw corrupt }
        return start..<end
    }

    /// How many elements a list has. Every element has an octet at least.
    mutating func count() throws(OutlineCorrupt) -> Int {
        let count = try number()
        guard count <= source.count - offset else { throw corrupt }
        return count
    }
}

// Values.
extension OutlineReader {
    private func text(of octets: UnsafeRawBufferPointer) throws(OutlineCorrupt) -> String {
        if Charset.isASCII(octets) { return HeaderText.ascii(octets) }
        guard let text = String(validating: octets, as: UTF8.self) else { throw corrupt }
        return text
    }

    mutating func text() throws(OutlineCorrupt) -> String { try text(of: try bytes()) }

    mutating func optionalText() throws(OutlineCorrupt) -> String? {
        guard let octets = try optionalBytes() else { return nil }
        return try text(of: octets)
    }

    private mutating func list<Element>(
        _ element: (inout OutlineReader) throws(OutlineCorrupt) -> Element
    ) throws(OutlineCorrupt) -> [Element] {
        let count = try count()
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    mutating func texts() throws(OutlineCorrupt) -> [String] {
        try list { (reader) throws(OutlineCorrupt) in try reader.text() }
    }

    mutating func date() throws(OutlineCorrupt) -> MessageDate? {
        guard try flag() else { return nil }
        let timestamp = Timestamp(rawValue: try signed())
        let offset = try signed()
        guard abs(offset.clamped) < 24 * 60 else { throw corrupt }
        return MessageDate(timestamp: timestamp, offset: Int(offset))
    }

    private mutating func addresses() throws(OutlineCorrupt) -> [EnvelopeAddress] {
        try list { (reader) throws(OutlineCorrupt) in try reader.address() }
    }

    mutating func address() throws(OutlineCorrupt) -> EnvelopeAddress {
        let name = try optionalText()
        let route = try optionalText()
        let mailbox = try optionalText()
        return EnvelopeAddress(displayName: name, route: route, mailbox: mailbox, host: try optionalText())
    }

    private mutating func parameters() throws(OutlineCorrupt) -> [Parameter] {
        try list { (reader) throws(OutlineCorrupt) in
            let name = try reader.text()
            return Parameter(name: name, value: try reader.text())
        }
    }

    mutating func envelope() throws(OutlineCorrupt) -> MessageEnvelope {
        var envelope = MessageEnvelope()
        envelope.date = try optionalText()
        envelope.subject = try optionalText()
        envelope.inReplyTo = try optionalText()
        envelope.messageID = try optionalText()
        envelope.from = try addresses()
        envelope.sender = try flag() ? envelope.from : try addresses()
        envelope.replyTo = try flag() ? envelope.from : try addresses()
        envelope.to = try addresses()
        envelope.cc = try addresses()
        envelope.bcc = try addresses()
        return envelope
    }

    mutating func part(depth: Int) throws(OutlineCorrupt) -> Part {
        guard depth < OutlineReader.deepest else { throw corrupt }
        var part = Part(headerRange: try range(), bodyRange: try range(), lineCount: try number())
        // The root's header is the message's, and that begins with the head.
        if depth == 0, shift > 0 { part.headerRange = 0..<part.headerRange.upperBound }
        part.type = try text()
        part.subtype = try text()
        part.encoding = try text()
        part.parameters = try parameters()
        part.id = try optionalText()
        part.description = try optionalText()
        part.md5 = try optionalText()
        part.location = try optionalText()
        if let kind = try optionalText() {
            part.disposition = Part.Disposition(kind: kind, parameters: try parameters())
        }
        part.languages = try texts()
        switch try number() {
        case 0: part.content = .leaf
        case 1:
            let parts = try list { (reader) throws(OutlineCorrupt) in try reader.part(depth: depth + 1) }
            guard !parts.isEmpty else { throw corrupt }
            part.content = .multipart(parts)
        case 2:
            let header = try range()
            let envelope = try envelope()
            part.content = .message(
                EmbeddedMessage(headerRange: header, envelope: envelope, root: try self.part(depth: depth + 1)))
        default: throw corrupt
        }
        return part
    }
}
