// An encoded outline's values as views of its octets. None may outlive the closure that the reader was given to.

/// What an encoded outline begins with.
package struct OutlineHead {
    /// As in `MessageOutline`.
    package let size: Int
    package let headerSize: Int
    package let lineCount: Int
    package let header: UnsafeRawBufferPointer?
}

/// A list whose elements are texts, so many each.
package struct OutlineList {
    package let count: Int
    private let elements: OutlineReader

    /// Leaves `reader` behind the list. Elements have `texts` texts, `optional` ones or not.
    fileprivate init(_ reader: inout OutlineReader, texts: Int, optional: Bool) throws(OutlineCorrupt) {
        count = try reader.count()
        elements = reader
        for _ in 0..<count {
            for _ in 0..<texts {
                if optional { _ = try reader.optionalBytes() } else { _ = try reader.bytes() }
            }
        }
    }

    package var isEmpty: Bool { count == 0 }

    /// Of a list of optional texts.
    package func forEach(_ body: (inout OutlineReader) throws(OutlineCorrupt) -> Void) throws(OutlineCorrupt) {
        var reader = elements
        for _ in 0..<count { try body(&reader) }
    }

    /// Of a list of addresses.
    package func firstAddress() throws(OutlineCorrupt) -> EnvelopeAddress? {
        var reader = elements
        return isEmpty ? nil : try reader.address()
    }
}

/// As `MessageEnvelope`; an address is four optional texts: display name, route, mailbox, host.
package struct EnvelopeView {
    package let date, subject, inReplyTo, messageID: UnsafeRawBufferPointer?
    package let from, sender, replyTo, to, cc, bcc: OutlineList
}

/// As `Part`; a parameter is two texts, a language one.
package struct PartView {
    package enum Content {
        case leaf
        /// So many parts follow.
        case multipart(Int)
        /// An embedded message follows: its envelope, then its root.
        case message
    }

    package let bodyRange: Range<Int>
    package let lineCount: Int
    package let type, subtype, encoding: UnsafeRawBufferPointer
    package let parameters: OutlineList
    package let id, description, md5, location: UnsafeRawBufferPointer?
    package let disposition: (kind: UnsafeRawBufferPointer, parameters: OutlineList)?
    package let languages: OutlineList
    package let content: Content

    package var isText: Bool { Lines.isEqual(type, "text") }

    /// As `Part.structureType`.
    package var showsAsOctetStream: Bool {
        guard case .leaf = content else { return false }
        if Lines.isEqual(type, "multipart") { return true }
        return Lines.isEqual(type, "message") && (Lines.isEqual(subtype, "rfc822") || Lines.isEqual(subtype, "global"))
    }
}

extension OutlineReader {
    /// The first thing to read.
    package mutating func head() throws(OutlineCorrupt) -> OutlineHead {
        OutlineHead(
            size: try number(), headerSize: try number(), lineCount: try number(), header: try flag() ? try bytes() : nil)
    }

    /// Behind the head; again behind the part that holds a message.
    package mutating func envelopeView() throws(OutlineCorrupt) -> EnvelopeView {
        let (date, subject, inReplyTo, messageID) = (try optionalBytes(), try optionalBytes(), try optionalBytes(), try optionalBytes())
        let from = try addressList()
        return EnvelopeView(
            date: date, subject: subject, inReplyTo: inReplyTo, messageID: messageID, from: from,
            sender: try flag() ? from : try addressList(), replyTo: try flag() ? from : try addressList(), to: try addressList(),
            cc: try addressList(), bcc: try addressList())
    }

    private mutating func addressList() throws(OutlineCorrupt) -> OutlineList { try OutlineList(&self, texts: 4, optional: true) }

    /// From the start to the root part.
    package mutating func skipToRoot() throws(OutlineCorrupt) {
        _ = try head()
        _ = try envelopeView()
        _ = try sentDate()
        _ = try bytes()
    }

    /// Behind the top's envelope.
    package mutating func sentDate() throws(OutlineCorrupt) -> MessageDate? {
        _ = try optionalBytes()
        _ = try OutlineList(&self, texts: 1, optional: false)
        return try date()
    }

    /// A part without what it holds, which follows.
    package mutating func partView(depth: Int) throws(OutlineCorrupt) -> PartView {
        guard depth < OutlineReader.deepest else { throw corrupt }
        _ = try range()
        let (body, lines) = (try range(), try number())
        let (type, subtype, encoding) = (try bytes(), try bytes(), try bytes())
        let parameters = try OutlineList(&self, texts: 2, optional: false)
        let (id, description, md5, location) = (try optionalBytes(), try optionalBytes(), try optionalBytes(), try optionalBytes())
        var disposition: (UnsafeRawBufferPointer, OutlineList)?
        if let kind = try optionalBytes() { disposition = (kind, try OutlineList(&self, texts: 2, optional: false)) }
        let languages = try OutlineList(&self, texts: 1, optional: false)
        return PartView(
            bodyRange: body, lineCount: lines, type: type, subtype: subtype, encoding: encoding, parameters: parameters, id: id,
            description: description, md5: md5, location: location, disposition: disposition, languages: languages,
            content: try partContent())
    }

    private mutating func partContent() throws(OutlineCorrupt) -> PartView.Content {
        switch try number() {
        case 0: return .leaf
        case 1:
            let parts = try count()
            guard parts > 0 else { throw corrupt }
            return .multipart(parts)
        case 2:
            _ = try range()
            return .message
        default: throw corrupt
        }
    }

    /// A text of a parameter or a language.
    package mutating func requiredBytes() throws(OutlineCorrupt) -> UnsafeRawBufferPointer { try bytes() }
}
