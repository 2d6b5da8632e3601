package import NIOCore

/// Reads a message as it comes, in pieces of any size, and makes its outline: the same for every way of cutting it.
///
/// It holds the header block it is in (up to the limits), the boundaries that are open, the start of a line that may be
/// a delimiter, and the first octets of the text that the preview comes from; never the body. Nothing is rejected. Time
/// is linear in the octets. Lines end with CRLF; a bare LF counts as a line end too, for old mail is stored so.
package struct MessageScanner: Sendable {
    let limits: MessageLimits
    /// Octets consumed.
    var offset = 0
    /// Line feeds before the current line.
    var lines = 0
    /// Octets of the line end before the current line: 0, 1 or 2.
    var previousEnding = 0

    // The current line, of which a part came with an earlier piece.
    private var lineStart = 0
    private var lineLength = 0
    private var held: [UInt8] = []
    private var isHeld = false
    private var lastOctet: UInt8 = 0

    /// The header block that is being read; nil within a body.
    var pending: PendingHeader?
    var headerOctets: [UInt8] = []
    var isHeaderCut = false
    var budget: HeaderBudget
    var tree: EntityTree
    var sampler = PreviewSampler()
    var top: TopHeader?
    package internal(set) var defects: Set<MessageDefect> = []

    package init(limits: MessageLimits = .standard) {
        self.limits = limits
        budget = HeaderBudget(limits)
        tree = EntityTree(limits: limits)
        pending = PendingHeader(start: 0, isMessage: true, isDigest: false)
    }

    /// The next octets of the message.
    package mutating func consume(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { consume($0) }
    }

    package mutating func consume(_ octets: UnsafeRawBufferPointer) {
        var start = 0
        while start < octets.count {
            if pending == nil, tree.boundaries.isEmpty {
                takeRest(UnsafeRawBufferPointer(rebasing: octets[start...]))
                return
            }
            guard let feed = Lines.index(of: 0x0A, in: octets, from: start) else {
                hold(UnsafeRawBufferPointer(rebasing: octets[start...]))
                return
            }
            take(UnsafeRawBufferPointer(rebasing: octets[start...feed]))
            start = feed + 1
        }
    }

    /// No delimiter and no header can come any more: only lines are counted.
    private mutating func takeRest(_ octets: UnsafeRawBufferPointer) {
        sampler.add(octets)
        lines += Lines.count(octets)
        offset += octets.count
    }

    /// The start of a line whose end is yet to come; kept apart while it may be a delimiter or the empty line.
    private mutating func hold(_ piece: UnsafeRawBufferPointer) {
        if lineLength == 0 { isHeld = piece[0] == UInt8(ascii: "-") || piece[0] == 0x0D }
        extendHeld(piece)
        lineLength += piece.count
        lastOctet = piece[piece.count - 1]
        offset += piece.count
    }

    /// More of a line that began earlier.
    private mutating func extendHeld(_ piece: UnsafeRawBufferPointer) {
        if isHeld, held.count + piece.count <= MessageLimits.delimiterLine {
            held.append(contentsOf: piece)
        } else {
            releaseHeld()
            store(piece)
        }
    }

    private mutating func releaseHeld() {
        guard isHeld else { return }
        isHeld = false
        let line = held
        held.removeAll(keepingCapacity: true)
        line.withUnsafeBytes { store($0) }
    }

    /// A line's end, with what of the line did not come before.
    private mutating func take(_ piece: UnsafeRawBufferPointer) {
        let octetBefore = piece.count > 1 ? piece[piece.count - 2] : lineLength > 0 ? lastOctet : 0
        offset += piece.count
        if lineLength == 0 {
            let meaning = self.meaning(of: piece)
            if !meaning.isDelimiter { store(piece) }
            endLine(meaning, ending: octetBefore == 0x0D ? 2 : 1)
        } else {
            extendHeld(piece)
            let meaning = isHeld ? held.withUnsafeBytes { self.meaning(of: $0) } : .ordinary
            if !meaning.isDelimiter { releaseHeld() }
            endLine(meaning, ending: octetBefore == 0x0D ? 2 : 1)
        }
    }

    private mutating func endLine(_ meaning: LineMeaning, ending: Int) {
        let start = lineStart
        lineStart = offset
        lineLength = 0
        isHeld = false
        held.removeAll(keepingCapacity: true)
        if case .delimiter(let place, _) = meaning {
            closeEntities(
                above: tree.boundaries[place].frame, at: start - previousEnding,
                line: lines - (previousEnding > 0 ? 1 : 0))
        }
        lines += 1
        previousEnding = ending
        switch meaning {
        case .ordinary: break
        case .empty: endHeader(at: offset)
        case .delimiter(let place, let isClose): passDelimiter(place, isClose: isClose)
        }
    }

    /// The message is at its end; what was still open ends here. Call it once, after the last `consume`.
    package mutating func finish() -> MessageOutline {
        if lineLength > 0, isHeld {
            // A delimiter may lack its line end here.
            let meaning = held.withUnsafeBytes { self.meaning(of: $0) }
            if meaning.isDelimiter { endLine(meaning, ending: 0) } else { releaseHeld() }
        }
        return outline()
    }

    private func meaning(of line: UnsafeRawBufferPointer) -> LineMeaning {
        switch line[0] {
        case UInt8(ascii: "-"): tree.delimiter(line) ?? .ordinary
        case 0x0A where pending != nil: .empty
        case 0x0D where pending != nil && line.count == 2 && line[1] == 0x0A: .empty
        default: .ordinary
        }
    }

    private mutating func store(_ piece: UnsafeRawBufferPointer) {
        guard pending != nil else { return sampler.add(piece) }
        let room = min(piece.count, budget.octets)
        if room < piece.count {
            isHeaderCut = true
            defects.insert(.headerTooLarge)
        }
        budget.octets -= room
        headerOctets.append(contentsOf: piece[..<room])
    }
}
