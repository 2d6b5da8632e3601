import NIOCore

/// Looks for what is wrong in the octets of a whole message, besides what the scanner noticed.
struct DefectSearch {
    private(set) var found: Set<MessageDefect> = []

    init(_ outline: MessageOutline, _ message: ByteBuffer, limits: MessageLimits) {
        message.withUnsafeReadableBytes { octets in
            searchLines(octets)
            let header = octets.prefix(min(outline.headerSize, limits.headerOctets))
            if header.contains(where: { $0 >= 0x80 }) { found.insert(.eightBitHeader) }
        }
        if outline.envelope.from.isEmpty { found.insert(.fromMissing) }
        if outline.envelope.date == nil {
            found.insert(.dateMissing)
        } else if outline.sentDate == nil {
            found.insert(.dateUnreadable)
        }
        outline.forEachPart { _, part in
            guard case .leaf = part.content else { return }
            if !TransferDecoder.isKnown(part.encoding) { found.insert(.unknownEncoding) }
            if part.isText, !Charset.isKnown(part.charset) { found.insert(.unknownCharset) }
        }
    }

    private mutating func searchLines(_ octets: UnsafeRawBufferPointer) {
        var start = 0
        while start < octets.count {
            let end = Lines.end(octets, from: start)
            let isEnded = octets[end - 1] == 0x0A
            let isByBoth = isEnded && end - start >= 2 && octets[end - 2] == 0x0D
            let textEnd = isByBoth ? end - 2 : isEnded ? end - 1 : end
            if isEnded, !isByBoth { found.insert(.bareLineFeed) }
            // RFC 5322 §2.1.1.
            if textEnd - start > 998 { found.insert(.lineTooLong) }
            let text = UnsafeRawBufferPointer(rebasing: octets[start..<textEnd])
            if Lines.index(of: 0x0D, in: text, from: 0) != nil { found.insert(.bareCarriageReturn) }
            if Lines.index(of: 0, in: text, from: 0) != nil { found.insert(.nul) }
            start = end
        }
    }
}
