/// What a whole line is to the scanner.
enum LineMeaning {
    case ordinary
    /// The end of a header block.
    case empty
    /// Of the open multipart at this place of `EntityTree.boundaries`; the last one or not.
    case delimiter(Int, isClose: Bool)

    var isDelimiter: Bool {
        if case .delimiter = self { true } else { false }
    }
}

/// A header block that is being read.
struct PendingHeader: Sendable {
    let start: Int
    /// Of a message, not of a multipart's part.
    let isMessage: Bool
    let isDigest: Bool
}

/// What the outline says of the top header besides the root part.
struct TopHeader: Sendable {
    var octets: [UInt8]?
    var size: Int
    var fields: EntityHeader
}

/// The entities that are open, outermost first, and the delimiters that can end them.
struct EntityTree: Sendable {
    struct Frame: Sendable {
        enum Kind {
            case leaf
            case multipart
            case message
        }

        let kind: Kind
        let header: EntityHeader
        let headerRange: Range<Int>
        let startLine: Int
        var children: [Part] = []
        var embedded: EmbeddedMessage?

        var bodyStart: Int { headerRange.upperBound }
    }

    struct Boundary: Sendable {
        let text: [UInt8]
        let frame: Int
    }

    let limits: MessageLimits
    var frames: [Frame] = []
    /// Innermost last.
    var boundaries: [Boundary] = []
    var partCount = 0
    var root: Part?
    var defects: Set<MessageDefect> = []

    init(limits: MessageLimits) { self.limits = limits }

    var isFull: Bool { partCount >= limits.parts }

    /// delimiter := "--" boundary; close-delimiter := delimiter "--"; both followed by blanks alone (RFC 2046 §5.1.1).
    /// That the whole line counts keeps a boundary apart from another that begins with it. Innermost first.
    func delimiter(_ line: UnsafeRawBufferPointer) -> LineMeaning? {
        guard !boundaries.isEmpty, line.count > 2, line.count <= MessageLimits.delimiterLine,
            line[1] == UInt8(ascii: "-")
        else {
            return nil
        }
        var end = line.count
        while end > 2, HeaderText.isBlank(line[end - 1]) { end -= 1 }
        let text = UnsafeRawBufferPointer(rebasing: line[2..<end])
        let closes =
            text.count > 2 && text[text.count - 1] == UInt8(ascii: "-") && text[text.count - 2] == UInt8(ascii: "-")
        let closed = UnsafeRawBufferPointer(rebasing: text[..<(closes ? text.count - 2 : 0)])
        for place in boundaries.indices.reversed() {
            if Lines.isEqual(text, boundaries[place].text) { return .delimiter(place, isClose: false) }
            if closes, Lines.isEqual(closed, boundaries[place].text) { return .delimiter(place, isClose: true) }
        }
        return nil
    }

    /// Opens an entity whose header is read. Beyond the limits it is a leaf of opaque octets.
    mutating func open(_ header: EntityHeader, headerRange: Range<Int>, line: Int) -> Frame.Kind {
        var header = header
        var kind = Frame.Kind.leaf
        partCount += 1
        if header.type == "multipart" {
            kind = .multipart
        } else if header.type == "message", header.subtype == "rfc822" || header.subtype == "global" {
            if ["7bit", "8bit", "binary"].contains(header.encoding) {
                kind = .message
            } else {
                defects.insert(.encodedMessage)
            }
        }
        if kind != .leaf, frames.count + 1 >= limits.depth || isFull {
            kind = .leaf
            header.makeType("application", "octet-stream")
            if !isFull { defects.insert(.tooDeep) }
        }
        if isFull {
            defects.insert(.tooManyParts)
            boundaries.removeAll()
        } else if kind == .multipart {
            openBoundary(header)
        }
        frames.append(Frame(kind: kind, header: header, headerRange: headerRange, startLine: line))
        return kind
    }

    private mutating func openBoundary(_ header: EntityHeader) {
        // As written where it is written plainly: what looks like an RFC 2047 word there is none.
        let plain = header.parameters.first { $0.name == "boundary" }?.value
        var text = Array((plain ?? header.parameters.value("boundary") ?? "").utf8)
        while let last = text.last, HeaderText.isBlank(last) { text.removeLast() }
        guard !text.isEmpty, text.count + 4 <= MessageLimits.delimiterLine else {
            defects.insert(.multipartWithoutBoundary)
            return
        }
        boundaries.append(Boundary(text: text, frame: frames.count))
    }

    /// Closes the innermost entity: its body ends at `end`, before which there are `line` line feeds.
    mutating func closeLast(at end: Int, line: Int) {
        guard let frame = frames.popLast() else { return }
        while let last = boundaries.last, last.frame >= frames.count {
            boundaries.removeLast()
            defects.insert(.missingEndBoundary)
        }
        let bodyEnd = max(frame.bodyStart, end)
        let lineCount = bodyEnd > frame.bodyStart ? max(0, line - frame.startLine) : 0
        var part = Part(headerRange: frame.headerRange, bodyRange: frame.bodyStart..<bodyEnd, lineCount: lineCount)
        frame.header.describe(&part)
        switch frame.kind {
        case .leaf: break
        case .message: if let embedded = frame.embedded { part.content = .message(embedded) }
        case .multipart:
            if frame.children.isEmpty { defects.insert(.multipartWithoutParts) }
            let empty = Part(headerRange: bodyEnd..<bodyEnd, bodyRange: bodyEnd..<bodyEnd)
            part.content = .multipart(frame.children.isEmpty ? [empty] : frame.children)
        }
        attach(part, of: frame)
    }

    private mutating func attach(_ part: Part, of frame: Frame) {
        guard let parent = frames.indices.last else {
            root = part
            return
        }
        if case .message = frames[parent].kind {
            frames[parent].embedded = EmbeddedMessage(
                headerRange: frame.headerRange, envelope: frame.header.envelope, root: part)
        } else {
            frames[parent].children.append(part)
        }
    }
}

extension EntityHeader {
    func describe(_ part: inout Part) {
        part.type = type
        part.subtype = subtype
        part.parameters = parameters
        part.id = id
        part.description = description
        part.encoding = encoding
        part.md5 = md5
        part.disposition = disposition
        part.languages = languages
        part.location = location
    }
}
