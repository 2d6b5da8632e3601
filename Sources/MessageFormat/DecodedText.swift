package import NIOCore

/// The text of a message as a person reads it, for SEARCH TEXT and BODY (RFC 9051 §6.4.4), read piece by piece.
///
/// The bodies of all text parts, transfer encoding and charset taken off, and the decoded headers of embedded messages,
/// in the order of the message. HTML comes with its tags. A charset or encoding that is not known is taken as octets
/// that are UTF-8 or ISO 8859-1. At most one part's text is held, and of all parts together `limit` octets are decoded.
package struct DecodedText: Sendable {
    /// 64 MiB: more than the largest message that is taken in holds.
    package static let standardLimit = 64 << 20
    /// How much is asked for at a time.
    package static let readSize = 256 << 10

    private enum Piece {
        case header(Range<Int>)
        case body(Part)
    }

    private let pieces: [Piece]
    private let limit: Int

    package init(_ outline: MessageOutline, limit: Int = DecodedText.standardLimit) {
        var pieces: [Piece] = []
        outline.forEachPart { _, part in
            if case .message(let embedded) = part.content { pieces.append(.header(embedded.headerRange)) }
            if case .leaf = part.content, part.isText { pieces.append(.body(part)) }
        }
        self.pieces = pieces
        self.limit = limit
    }

    /// A header block as text: a line for each field, unfolded, encoded words decoded.
    package static func header(_ block: ByteBuffer) -> String {
        var text = ""
        for field in HeaderFields(block) {
            if !field.name.isEmpty { text += field.name + ": " }
            text += EncodedWord.decode(field.value) + "\r\n"
        }
        return text
    }

    /// Calls `visit` with each text until it returns false. `read` gives octets of the message; it may give fewer than
    /// asked for, none at the end. Throws what `read` throws.
    package func forEach(read: (Range<Int>) async throws -> ByteBuffer, visit: (String) throws -> Bool) async throws {
        var left = limit
        for piece in pieces where left > 0 {
            var reading = Reading(piece, left: left)
            while let range = reading.next {
                let octets = try await read(range)
                reading.take(octets)
            }
            guard try visit(reading.finish(&left)) else { return }
        }
    }

    /// The same where reading does not wait.
    package func forEach(readNow read: (Range<Int>) throws -> ByteBuffer, visit: (String) throws -> Bool) rethrows {
        var left = limit
        for piece in pieces where left > 0 {
            var reading = Reading(piece, left: left)
            while let range = reading.next {
                let octets = try read(range)
                reading.take(octets)
            }
            guard try visit(reading.finish(&left)) else { return }
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
            switch piece {
            case .header(let range):
                offset = range.lowerBound
                end = range.upperBound
                decoder = .identity
            case .body(let part):
                offset = part.bodyRange.lowerBound
                end = part.bodyRange.upperBound
                decoder = TransferDecoder(part.encoding) ?? .identity
            }
        }

        var next: Range<Int>? {
            guard offset < end, octets.readableBytes < left else { return nil }
            return offset..<min(end, offset + DecodedText.readSize)
        }

        mutating func take(_ bytes: ByteBuffer) {
            decoder.decode(bytes, into: &octets)
            offset = bytes.readableBytes == 0 ? end : offset + bytes.readableBytes
        }

        mutating func finish(_ total: inout Int) -> String {
            decoder.finish(into: &octets)
            total -= octets.readableBytes
            switch piece {
            case .header: return DecodedText.header(octets)
            case .body(let part): return part.text(of: octets)
            }
        }
    }
}

extension Part {
    /// The text that a text part's octets are, its transfer encoding taken off already.
    package func text(of octets: ByteBuffer) -> String {
        octets.withUnsafeReadableBytes { Charset.decode($0, label: charset) ?? HeaderText.string($0) }
    }
}
