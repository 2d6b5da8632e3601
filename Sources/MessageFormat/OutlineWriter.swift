package import NIOCore

extension MessageOutline {
    /// The outline as compact octets; `init(decoding:)` reads them. They say nothing of the parser's version.
    package func encode() -> ByteBuffer {
        var writer = OutlineWriter()
        writer.write(size)
        writer.write(headerSize)
        writer.write(lineCount)
        writer.write(header != nil)
        if let header { header.withUnsafeReadableBytes { writer.write($0) } }
        writer.write(envelope)
        writer.write(messageID)
        writer.write(references)
        writer.write(sentDate != nil)
        if let sentDate {
            writer.write(signed: sentDate.timestamp.rawValue)
            writer.write(signed: Int64(sentDate.offset))
        }
        writer.write(preview)
        writer.write(root)
        return ByteBuffer(bytes: writer.octets)
    }
}

/// Numbers in groups of seven bits, least first (LEB128); texts and lists by length.
private struct OutlineWriter {
    var octets: [UInt8] = []

    init() { octets.reserveCapacity(4_096) }

    mutating func write(_ number: Int) { write(UInt64(number)) }

    mutating func write(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        octets.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func write(signed number: Int64) { write(UInt64(bitPattern: number &<< 1 ^ number &>> 63)) }

    mutating func write(_ flag: Bool) { octets.append(flag ? 1 : 0) }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        write(bytes.count)
        octets.append(contentsOf: bytes)
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    // 0 for nil, otherwise the length and one.
    mutating func write(_ text: String?) {
        guard var text else { return write(0) }
        text.withUTF8 {
            write($0.count + 1)
            octets.append(contentsOf: $0)
        }
    }

    mutating func write(_ texts: [String]) {
        write(texts.count)
        for text in texts { write(text) }
    }

    mutating func write(_ range: Range<Int>) {
        write(range.lowerBound)
        write(range.count)
    }

    mutating func write(_ envelope: MessageEnvelope) {
        for text in [envelope.date, envelope.subject, envelope.inReplyTo, envelope.messageID] { write(text) }
        write(envelope.from)
        // Most messages lack both fields.
        let senderIsFrom = envelope.sender == envelope.from
        let replyToIsFrom = envelope.replyTo == envelope.from
        write(senderIsFrom)
        if !senderIsFrom { write(envelope.sender) }
        write(replyToIsFrom)
        if !replyToIsFrom { write(envelope.replyTo) }
        write(envelope.to)
        write(envelope.cc)
        write(envelope.bcc)
    }

    mutating func write(_ addresses: [EnvelopeAddress]) {
        write(addresses.count)
        for address in addresses {
            write(address.displayName)
            write(address.route)
            write(address.mailbox)
            write(address.host)
        }
    }

    mutating func write(_ parameters: [Parameter]) {
        write(parameters.count)
        for parameter in parameters {
            write(parameter.name)
            write(parameter.value)
        }
    }

    // As deep as the tree, which the scanner bounds.
    mutating func write(_ part: Part) {
        write(part.headerRange)
        write(part.bodyRange)
        write(part.lineCount)
        for text in [part.type, part.subtype, part.encoding] { write(text) }
        write(part.parameters)
        for text in [part.id, part.description, part.md5, part.location] { write(text) }
        write(part.disposition?.kind)
        if let disposition = part.disposition { write(disposition.parameters) }
        write(part.languages)
        switch part.content {
        case .leaf: write(0)
        case .multipart(let parts):
            write(1)
            write(parts.count)
            for child in parts { write(child) }
        case .message(let embedded):
            write(2)
            write(embedded.headerRange)
            write(embedded.envelope)
            write(embedded.root)
        }
    }
}
