package import NIOCore

/// The texts of a message as SEARCH TEXT and BODY compare them (RFC 9051 §6.4.4), read piece by piece: decoded, and folded (`Casemap`).
///
/// The bodies of all text parts, transfer encoding, charset and the tags of HTML taken off; the headers of embedded messages; the names of attachments;
/// in the order of the message. A charset or encoding that is not known is taken as octets that are UTF-8 or ISO 8859-1. A text that is
/// looked for is in one of them, never across two. Of all parts together `limit` octets are decoded.
///
/// A large text comes in windows: each word of it is in one, whole, and so is whatever is no longer than `overlap` and one octet. So memory of a few
/// times `readSize` does, whatever the size of the message.
package struct SearchableText: Sendable {
    /// 64 MiB: more than the largest message that is taken in holds.
    package static let standardLimit = 64 << 20
    /// How much is asked for at a time.
    package static let readSize = 256 << 10

    enum Piece {
        case header(Range<Int>)
        case body(Part)
        case name(String)
    }

    private let pieces: [Piece]
    private let limit: Int
    private let overlap: Int

    package init(_ outline: MessageOutline, limit: Int = SearchableText.standardLimit, overlap: Int = 0) {
        var pieces: [Piece] = []
        outline.forEachPart { _, part in
            if let name = part.fileName { pieces.append(.name(name)) }
            if case .message(let embedded) = part.content { pieces.append(.header(embedded.headerRange)) }
            if case .leaf = part.content, part.isText { pieces.append(.body(part)) }
        }
        self.pieces = pieces
        self.limit = limit
        self.overlap = overlap
    }

    /// Calls `visit` with each text, or each window of one, until it returns false. `read` gives octets of the message; it may give fewer than
    /// asked for, none at the end. Throws what `read` throws.
    package func forEach(read: (Range<Int>) async throws -> ByteBuffer, visit: ([UInt8]) throws -> Bool) async throws {
        var left = limit
        for piece in pieces where left > 0 {
            var text = TextWindows(piece, left: left, overlap: overlap)
            while let range = text.unknown { text.look(at: try await read(range)) }
            repeat {
                if let range = text.next { text.take(try await read(range)) }
                if let window = text.window(), try !visit(window) { return }
            } while text.next != nil
            left -= text.used
        }
    }

    /// The same where reading does not wait.
    package func forEach(readNow read: (Range<Int>) throws -> ByteBuffer, visit: ([UInt8]) throws -> Bool) rethrows {
        var left = limit
        for piece in pieces where left > 0 {
            var text = TextWindows(piece, left: left, overlap: overlap)
            while let range = text.unknown { text.look(at: try read(range)) }
            repeat {
                if let range = text.next { text.take(try read(range)) }
                if let window = text.window(), try !visit(window) { return }
            } while text.next != nil
            left -= text.used
        }
    }
}

extension Part {
    /// The text that a text part's octets are, its transfer encoding taken off already.
    package func text(of octets: ByteBuffer) -> String {
        octets.withUnsafeReadableBytes { Charset.decode($0, label: charset) ?? HeaderText.eightBit($0) }
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
        var value: [UInt8] = []
        return anyRawField(name, of: block) { raw in
            value.removeAll(keepingCapacity: true)
            fold(value: raw, into: &value)
            return visit(value)
        }
    }

    /// Calls `visit` with each address of the fields of a name, folded: `mailbox@host` as ENVELOPE tells them, without the comments, the folding and the
    /// blanks that may be written within (RFC 5322 §4.4), until it returns true, and answers that. `name` in lower case.
    package static func anyAddress(_ name: String, of block: ByteBuffer, _ visit: ([UInt8]) -> Bool) -> Bool {
        var left = MessageLimits.standard.addresses
        return anyRawField(name, of: block) { raw in
            var parser = AddressParser(raw, limit: left)
            let addresses = parser.parse()
            left -= addresses.count
            return addresses.contains { address in address.addrSpec.map { visit(Casemap.folded($0)) } ?? false }
        }
    }

    private static func anyRawField(_ name: String, of block: ByteBuffer, _ visit: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        let wanted = Array(name.utf8)
        return block.withUnsafeReadableBytes { octets in
            var offset = 0
            while let span = FieldSpan(octets, from: offset) {
                offset = span.end
                guard span.nameLength == wanted.count,
                    (0..<wanted.count).allSatisfy({ OctetSet.lowercased(octets[span.start + $0]) == wanted[$0] })
                else { continue }
                if visit(UnsafeRawBufferPointer(rebasing: octets[span.valueStart..<span.end])) { return true }
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
