package import NIOCore

/// Why a message cannot be made one of 7 bits.
package enum SevenBitFault: Error, Hashable, Sendable {
    /// A header has octets above 127: it needs SMTPUTF8 (RFC 6531 §3.7.1; status 5.6.9).
    case eightBitHeader
    /// Its structure is beyond the limits, or such that no encoding is allowed where one is needed (status 5.6.3).
    case notConvertible
}

/// What becomes of each entity of a message that goes to a server without 8BITMIME. `SevenBitRecoder` carries it out.
package struct SevenBitPlan: Hashable, Sendable {
    enum Treatment: UInt8, Hashable, Sendable {
        /// Its octets are all ASCII.
        case keep
        /// The same, and it says that they may not be.
        case label
        case quotedPrintable
        case base64
    }

    /// In the order of the headers.
    let treatments: [Treatment]
    /// Whether there is anything to be done. A message that is all ASCII should go as it is: its signatures stay good.
    package let isNeeded: Bool
}

/// Reads a message once, as it comes, and plans. It holds a header, or the start of a line, and an octet an entity.
package struct SevenBitSurvey: Sendable {
    fileprivate struct Leaf {
        let fields: EntityHeader
        var isEightBit = false
        /// NUL, a CR or an LF alone, or a line that is longer than text may have: what only `binary` allows (RFC 2045 §2.9).
        var isBinary = false
        /// Octets of the line so far.
        var lineLength = 0
    }

    private var splitter = EntitySplitter(opensGlobal: false)
    private var treatments: [SevenBitPlan.Treatment] = []
    private var leaf: Leaf?
    private var isNeeded = false
    private var fault: SevenBitFault?

    /// RFC 5322 §2.1.1, without CRLF.
    fileprivate static let longestLine = 998

    package init() {}

    /// The next octets of the message.
    package mutating func consume(_ bytes: ByteBuffer) {
        guard fault == nil else { return }
        // Apart, so that what it gives may change the rest.
        var splitter = EntitySplitter()
        swap(&splitter, &self.splitter)
        splitter.split(bytes) { take($0) }
        swap(&splitter, &self.splitter)
    }

    /// They were all. Call it once.
    package mutating func finish() throws(SevenBitFault) -> SevenBitPlan {
        var splitter = EntitySplitter()
        swap(&splitter, &self.splitter)
        splitter.finish { take($0) }
        endLeaf()
        if let fault { throw fault }
        return SevenBitPlan(treatments: treatments, isNeeded: isNeeded)
    }

    /// A whole message at once.
    package static func plan(_ message: ByteBuffer) throws(SevenBitFault) -> SevenBitPlan {
        var survey = SevenBitSurvey()
        survey.consume(message)
        return try survey.finish()
    }

    private mutating func take(_ piece: EntitySplitter.Piece) {
        guard fault == nil else { return }
        switch piece {
        case .header(let heading): begin(heading)
        case .unfinishedHeader(let octets): if SevenBitSurvey.isEightBit(octets[...]) { fault = .eightBitHeader }
        case .opaque(let octets): if SevenBitSurvey.isEightBit(octets) { fault = .notConvertible }
        case .delimiter(let line):
            endLeaf()
            // A boundary that RFC 2231 wrote.
            if SevenBitSurvey.isEightBit(line) { fault = .notConvertible }
        case .body(let line):
            if leaf == nil { isNeeded = isNeeded || SevenBitSurvey.isEightBit(line) } else { leaf?.take(line) }
        }
    }

    private mutating func begin(_ heading: EntitySplitter.Heading) {
        if SevenBitSurvey.isEightBit(heading.block[...]) { fault = .eightBitHeader }
        guard treatments.count < MessageLimits.standard.parts else {
            fault = fault ?? .notConvertible
            return
        }
        treatments.append(.keep)
        if case .leaf = heading.kind { leaf = Leaf(fields: heading.fields) }
    }

    private mutating func endLeaf() {
        guard let leaf, fault == nil else { return }
        self.leaf = nil
        guard let treatment = leaf.treatment else {
            fault = .notConvertible
            return
        }
        isNeeded = isNeeded || treatment == .quotedPrintable || treatment == .base64
        if !treatments.isEmpty { treatments[treatments.count - 1] = treatment }
    }

    private static func isEightBit(_ octets: ArraySlice<UInt8>) -> Bool { octets.contains { $0 >= 0x80 } }
}

extension SevenBitSurvey.Leaf {
    fileprivate mutating func take(_ line: ArraySlice<UInt8>) {
        if !isEightBit { isEightBit = line.contains { $0 >= 0x80 } }
        guard !isBinary, fields.encoding == "binary" else { return }
        let isEnded = line.last == 0x0A
        let content = line.dropLast(isEnded ? (line.dropLast().last == 0x0D ? 2 : 1) : 0)
        lineLength += content.count
        isBinary = lineLength > SevenBitSurvey.longestLine || (isEnded && content.count != line.count - 2) || content.contains { $0 == 0 || $0 == 0x0D }
        if isEnded { lineLength = 0 }
    }

    /// Nil: none is allowed.
    fileprivate var treatment: SevenBitPlan.Treatment? {
        guard isEightBit || isBinary else { return fields.encoding == "8bit" || fields.encoding == "binary" ? .label : .keep }
        switch (fields.type, fields.encoding) {
        // RFC 2045 §6.4: no encoding but 7bit, 8bit and binary.
        case ("multipart", _): return nil
        case (_, "base64"), (_, "binary"): return .base64
        case (_, "quoted-printable"), ("text", _): return .quotedPrintable
        // Reports and headers, which people read; a whole message of RFC 6532 is as anything else.
        case ("message", _) where fields.subtype != "global": return .quotedPrintable
        default: return .base64
        }
    }
}
