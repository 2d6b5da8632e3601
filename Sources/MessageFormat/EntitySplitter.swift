import NIOCore

/// Cuts a message, as it comes, into headers, delimiters and the lines of bodies: what programs that change a message on its way go by. The pieces together are the
/// message, octet for octet, and do not depend on how it came.
///
/// It holds a header, or the start of a line, and never a part. A header over the limit ends its work: the rest goes by.
struct EntitySplitter: Sendable {
    enum Kind: Sendable {
        /// Its body is lines until a delimiter. Also a multipart without a boundary, or deeper than `deepest`.
        case leaf
        /// Its body is what stands before, between and behind delimiters.
        case multipart
        /// message/rfc822 or message/global that is not encoded: a header follows.
        case message
    }

    /// An entity's header.
    struct Heading: Sendable {
        /// With its empty line.
        let block: [UInt8]
        let fields: EntityHeader
        let kind: Kind
        /// Of a message, not of a part within a multipart.
        let isMessage: Bool
    }

    enum Piece {
        case header(Heading)
        /// The message, or the part, ends within a header.
        case unfinishedHeader([UInt8])
        /// A line with its end, or a piece of a long one, which does not end with CR.
        case body(ArraySlice<UInt8>)
        /// A whole line.
        case delimiter(ArraySlice<UInt8>)
        /// Behind, and of, a header over the limit.
        case opaque(ArraySlice<UInt8>)
    }

    private struct Frame {
        let boundary: [UInt8]
        let isDigest: Bool
    }

    private enum Place {
        case header(isMessage: Bool)
        case body
        case givenUp
    }

    /// Whether message/global is looked into. It may be encoded as a whole (RFC 6532 §3.7), and is a leaf otherwise.
    private let opensGlobal: Bool
    private var place = Place.header(isMessage: true)
    private var frames: [Frame] = []
    private var header: [UInt8] = []
    /// The start of a line.
    private var pending: [UInt8] = []
    private var isWithinLine = false

    private static let longestHeader = 256 << 10
    static let deepest = 100
    /// A delimiter has at most 70 octets (RFC 2046 §5.1.1) and some space behind it.
    private static let longestHeld = 1_000

    init(opensGlobal: Bool = true) { self.opensGlobal = opensGlobal }

    /// Gives the pieces that these octets complete.
    mutating func split(_ bytes: ByteBuffer, _ give: (Piece) -> Void) {
        let input = pending + bytes.readableBytesView
        pending = []
        var start = 0
        while start < input.count {
            guard let end = input[start...].firstIndex(of: 0x0A) else { break }
            take(input[start...end], isWhole: true, give)
            start = end + 1
        }
        let rest = input[start...]
        if rest.count > EntitySplitter.longestHeld {
            let kept = rest.last == 0x0D ? 1 : 0
            take(rest.dropLast(kept), isWhole: false, give)
            pending = Array(rest.suffix(kept))
        } else {
            pending = Array(rest)
        }
    }

    /// Gives what is left at the end.
    mutating func finish(_ give: (Piece) -> Void) {
        if !pending.isEmpty { take(pending[...], isWhole: true, give) }
        pending = []
        if case .header = place, !header.isEmpty { give(.unfinishedHeader(header)) }
        header = []
    }

    private mutating func take(_ line: ArraySlice<UInt8>, isWhole: Bool, _ give: (Piece) -> Void) {
        defer { isWithinLine = !isWhole }
        if case .givenUp = place { return give(.opaque(line)) }
        if !isWithinLine, isWhole, let (level, isLast) = delimiter(line) {
            // It ends a header too, which has no body then.
            if !header.isEmpty { give(.unfinishedHeader(header)) }
            header = []
            give(.delimiter(line))
            frames.removeLast(frames.count - level - (isLast ? 0 : 1))
            place = isLast ? .body : .header(isMessage: false)
            return
        }
        guard case .header(let isMessage) = place else { return give(.body(line)) }
        header += line
        if !isWithinLine, line.elementsEqual([0x0D, 0x0A]) || line.elementsEqual([0x0A]) {
            give(.header(endHeader(isMessage: isMessage)))
        } else if header.count > EntitySplitter.longestHeader {
            give(.opaque(header[...]))
            header = []
            place = .givenUp
        }
    }

    /// The multipart whose delimiter the line is, from the inside out.
    private func delimiter(_ line: ArraySlice<UInt8>) -> (level: Int, isLast: Bool)? {
        guard line.starts(with: [0x2D, 0x2D]) else { return nil }
        let rest = line.dropFirst(2)
        for level in frames.indices.reversed() where rest.starts(with: frames[level].boundary) {
            var tail = rest.dropFirst(frames[level].boundary.count)
            let isLast = tail.starts(with: [0x2D, 0x2D])
            if isLast { tail = tail.dropFirst(2) }
            if tail.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }) { return (level, isLast) }
        }
        return nil
    }

    private mutating func endHeader(isMessage: Bool) -> Heading {
        let block = header
        header = []
        var budget = HeaderBudget(.standard)
        let isDigest = !isMessage && frames.last?.isDigest == true
        let fields = block.withUnsafeBytes { EntityHeader($0, isMessage: isMessage, isDigest: isDigest, budget: &budget) }
        var kind = Kind.leaf
        if fields.type == "multipart", let boundary = fields.parameters.value("boundary"), !boundary.isEmpty, frames.count < EntitySplitter.deepest {
            frames.append(Frame(boundary: Array(boundary.utf8), isDigest: fields.subtype == "digest"))
            kind = .multipart
        } else if fields.type == "message", fields.subtype == "rfc822" || (opensGlobal && fields.subtype == "global"),
            fields.encoding == "binary" || fields.encoding == "7bit" || fields.encoding == "8bit"
        {
            kind = .message
        }
        if case .message = kind { place = .header(isMessage: true) } else { place = .body }
        return Heading(block: block, fields: fields, kind: kind, isMessage: isMessage)
    }
}

extension EntitySplitter.Heading {
    /// Writes the header with another Content-Transfer-Encoding.
    /// - parameter additions: fields that stand behind the others, each with its line end.
    func write(encoding: StaticString, additions: String = "", to output: inout ByteBuffer) {
        block.withUnsafeBytes { octets in
            var offset = 0
            var isReplaced = false
            while let span = FieldSpan(octets, from: offset) {
                let name = UnsafeRawBufferPointer(rebasing: octets[span.start..<span.start + span.nameLength])
                if span.nameLength > 0, HeaderText.matches(name, "content-transfer-encoding") {
                    if !isReplaced { output.writeString("Content-Transfer-Encoding: \(encoding)\r\n") }
                    isReplaced = true
                } else {
                    output.writeBytes(octets[span.start..<span.end])
                }
                offset = span.end
            }
            output.writeString(additions)
            if !isReplaced { output.writeString("Content-Transfer-Encoding: \(encoding)\r\n") }
            output.writeBytes(octets[offset...])
        }
    }
}
