package import NIOCore

/// The texts of a message as SEARCH TEXT and BODY compare them (RFC 9051 §6.4.4), read piece by piece: decoded, and folded (`Casemap`).
///
/// The bodies of all text parts, transfer encoding, charset and the tags of HTML taken off; the headers of embedded messages; the names of attachments;
/// in the order of the message. A charset or encoding that is not known is taken as octets that are UTF-8 or ISO 8859-1. A text that is
/// looked for is in one of them, never across two. At most one part's text is held, and of all parts together `limit` octets are decoded.
package struct SearchableText: Sendable {
    /// 64 MiB: more than the largest message that is taken in holds.
    package static let standardLimit = 64 << 20
    /// How much is asked for at a time.
    package static let readSize = 256 << 10

    private enum Piece {
        case header(Range<Int>)
        case body(Part)
        case name(String)
    }

    private let pieces: [Piece]
    private let limit: Int

    package init(_ outline: MessageOutline, limit: Int = SearchableText.standardLimit) {
        var pieces: [Piece] = []
        outline.forEachPart { _, part in
            if let name = part.fileName { pieces.append(.name(name)) }
            if case .message(let embedded) = part.content { pieces.append(.header(embedded.headerRange)) }
            if case .leaf = part.content, part.isText { pieces.append(.body(part)) }
        }
        self.pieces = pieces
        self.limit = limit
    }

    /// Calls `visit` with each text until it returns false. `read` gives octets of the message; it may give fewer than
    /// asked for, none at the end. Throws what `read` throws.
    package func forEach(read: (Range<Int>) async throws -> ByteBuffer, visit: ([UInt8]) throws -> Bool) async throws {
        var left = limit
        var text: [UInt8] = []
        for piece in pieces where left > 0 {
            var reading = Reading(piece, left: left)
            while let range = reading.next {
                let octets = try await read(range)
                reading.take(octets)
            }
            reading.finish(&left, into: &text)
            guard try visit(text) else { return }
        }
    }

    /// The same where reading does not wait.
    package func forEach(readNow read: (Range<Int>) throws -> ByteBuffer, visit: ([UInt8]) throws -> Bool) rethrows {
        var left = limit
        var text: [UInt8] = []
        for piece in pieces where left > 0 {
            var reading = Reading(piece, left: left)
            while let range = reading.next {
                let octets = try read(range)
                reading.take(octets)
            }
            reading.finish(&left, into: &text)
            guard try visit(text) else { return }
        }
    }

    /// One text on its way.
    private struct Reading {
        private let piece: Piece
        private let end: Int
        private var offset: Int
        private let left: Int
        private var decoder: TransferDecoder
        private var octets = ByteBuffer()

        init(_ piece: Piece, left: Int) {
            self.piece = piece
            self.left = left
            decoder = .identity
            switch piece {
            case .header(let range): (offset, end) = (range.lowerBound, range.upperBound)
            case .body(let part):
                (offset, end) = (part.bodyRange.lowerBound, part.bodyRange.upperBound)
                decoder = TransferDecoder(part.encoding) ?? .identity
            case .name: (offset, end) = (0, 0)
            }
        }

        var next: Range<Int>? {
            guard offset < end, octets.readableBytes < left else { return nil }
            return offset..<min(end, offset + SearchableText.readSize)
        }

        mutating func take(_ bytes: ByteBuffer) {
            decoder.decode(bytes, into: &octets)
            offset = bytes.readableBytes == 0 ? end : offset + bytes.readableBytes
        }

        mutating func finish(_ total: inout Int, into text: inout [UInt8]) {
            decoder.finish(into: &octets)
            text.removeAll(keepingCapacity: true)
            switch piece {
            case .header: SearchableText.fold(header: octets, into: &text)
            case .body(let part): part.fold(octets, into: &text, most: left)
            case .name(let name): text = Casemap.folded(name)
            }
            total -= max(octets.readableBytes, text.count)
        }
    }
}

extension Part {
    /// The text that a text part's octets are, its transfer encoding taken off already.
    package func text(of octets: ByteBuffer) -> String {
        octets.withUnsafeReadableBytes { Charset.decode($0, label: charset) ?? HeaderText.string($0) }
    }

    /// The same folded, without tags.
    fileprivate func fold(_ octets: ByteBuffer, into out: inout [UInt8], most: Int) {
        let isHTML = subtype == "html"
        func finish(_ text: UnsafeRawBufferPointer) {
            guard isHTML else { return Casemap.fold(text, into: &out, most: most) }
            HTMLText.stripped(text).withUnsafeBytes { Casemap.fold($0, into: &out, most: most) }
        }
        let isDone = octets.withUnsafeReadableBytes { bytes in
            guard Charset.isASCII(bytes), Charset.keepsASCII(charset) else { return false }
            finish(bytes)
            return true
        }
        guard !isDone else { return }
        var text = text(of: octets)
        text.withUTF8 { finish(UnsafeRawBufferPointer($0)) }
    }
}

// Header blocks.
extension SearchableText {
    /// Appends a header block: a line for each field, unfolded, encoded words decoded, and all of it folded.
    package static func fold(header block: ByteBuffer, into out: inout [UInt8]) {
        block.withUnsafeReadableBytes { octets in
            var offset = 0
            while let span = FieldSpan(octets, from: offset) {
                offset = span.end
                if span.nameLength > 0 {
                    Casemap.fold(UnsafeRawBufferPointer(rebasing: octets[span.start..<(span.start + span.nameLength)]), into: &out)
                    out.append(0x3A)
                    out.append(0x20)
                }
                fold(value: UnsafeRawBufferPointer(rebasing: octets[span.valueStart..<span.end]), into: &out)
                out.append(0x0D)
                out.append(0x0A)
            }
        }
    }

    /// Calls `visit` with each value of a field, folded, until it returns true, and answers that. `name` in lower case.
    package static func anyField(_ name: String, of block: ByteBuffer, _ visit: ([UInt8]) -> Bool) -> Bool {
        let wanted = Array(name.utf8)
        var value: [UInt8] = []
        return block.withUnsafeReadableBytes { octets in
            var offset = 0
            while let span = FieldSpan(octets, from: offset) {
                offset = span.end
                guard span.nameLength == wanted.count,
                    (0..<wanted.count).allSatisfy({ OctetSet.lowercased(octets[span.start + $0]) == wanted[$0] })
                else { continue }
                value.removeAll(keepingCapacity: true)
                fold(value: UnsafeRawBufferPointer(rebasing: octets[span.valueStart..<span.end]), into: &value)
                if visit(value) { return true }
            }
            return false
        }
    }

    private static func fold(value raw: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        let trimmed = HeaderText.trimmed(raw)
        var isPlain = Charset.isASCII(trimmed)
        if isPlain {
            var from = 0
            while let mark = Lines.index(of: UInt8(ascii: "?"), in: trimmed, from: from) {
                if mark > 0, trimmed[mark - 1] == UInt8(ascii: "=") { isPlain = false }
                from = isPlain ? mark + 1 : trimmed.count
            }
        }
        guard isPlain else { return Casemap.append(EncodedWord.decode(HeaderText.unfolded(raw)), to: &out) }
        var start = 0
        for index in 0...trimmed.count where index == trimmed.count || trimmed[index] == 0x0D || trimmed[index] == 0x0A || trimmed[index] == 0 {
            if index > start { Casemap.fold(UnsafeRawBufferPointer(rebasing: trimmed[start..<index]), into: &out) }
            start = index + 1
        }
    }
}
