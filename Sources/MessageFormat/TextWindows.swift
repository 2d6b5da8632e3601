import NIOCore

/// One text of a message on its way to who looks into it, window by window.
struct TextWindows {
    private let piece: SearchableText.Piece
    private let end: Int
    private var offset: Int
    /// Octets that may still come of it.
    private let left: Int
    private let overlap: Int

    private var transfer = TransferDecoder.identity
    private var charset: Charset.TextDecoder?
    private var keepsASCII = false
    private var stripper: HTMLText.Stripper?
    /// Of a text that is UTF-8 only if all of it is: where the look at all of it stands.
    private var look: Look?

    /// Not decoded yet: the beginning of a character, or a header that has not come whole.
    private var octets = ByteBuffer()
    /// Not stripped yet: the beginning of a mark.
    private var marks: [UInt8] = []
    /// Folded.
    private var text: [UInt8] = []
    private var decoded = 0
    private var folded = 0

    private struct Look {
        var offset: Int
        var transfer: TransferDecoder
        var octets = ByteBuffer()
    }

    init(_ piece: SearchableText.Piece, left: Int, overlap: Int) {
        self.piece = piece
        self.left = left
        self.overlap = overlap
        switch piece {
        case .header(let range):
            (offset, end) = (range.lowerBound, min(range.upperBound, range.lowerBound + MessageLimits.standard.headerOctets))
        case .body(let part):
            (offset, end) = (part.bodyRange.lowerBound, part.bodyRange.upperBound)
            transfer = TransferDecoder(part.encoding) ?? .identity
            let charset = Charset.TextDecoder(part.charset)
            // What comes at once is seen whole without a look.
            if charset.isUnsure, end - offset > SearchableText.readSize { look = Look(offset: offset, transfer: transfer) }
            self.charset = charset
            keepsASCII = Charset.keepsASCII(part.charset)
            if part.subtype == "html" { stripper = HTMLText.Stripper() }
        case .name(let name):
            (offset, end) = (0, 0)
            text = Casemap.folded(name)
            folded = text.count
        }
    }

    /// How much of the limit it has taken.
    var used: Int { max(decoded, folded) }

    // MARK: The look beforehand

    /// What must be looked at before the text is read.
    var unknown: Range<Int>? { look.map { $0.offset..<min(end, $0.offset + SearchableText.readSize) } }

    mutating func look(at bytes: ByteBuffer) {
        guard var look else { return }
        self.look = nil
        look.transfer.decode(bytes, into: &look.octets)
        look.offset += bytes.readableBytes
        let isLast = bytes.readableBytes == 0 || look.offset >= end
        if isLast { look.transfer.finish(into: &look.octets) }
        let (used, isUTF8) = look.octets.withUnsafeReadableBytes { octets in
            let used = isLast ? octets.count : Charset.UTF8Pieces.end(of: octets)
            return (used, Charset.UTF8Pieces.isWhole(UnsafeRawBufferPointer(rebasing: octets[..<used])))
        }
        guard isUTF8, !isLast else {
            charset?.settle(isUTF8: isUTF8)
            return
        }
        look.octets.moveReaderIndex(forwardBy: used)
        look.octets.discardReadBytes()
        self.look = look
    }

    // MARK: Reading

    /// What to read next; nil: the text has ended.
    var next: Range<Int>? { isAtEnd ? nil : offset..<min(end, offset + SearchableText.readSize) }

    private var isAtEnd: Bool { offset >= end || decoded >= left || folded >= left }

    mutating func take(_ bytes: ByteBuffer) {
        let before = octets.readableBytes
        transfer.decode(bytes, into: &octets)
        offset = bytes.readableBytes == 0 ? end : offset + bytes.readableBytes
        if offset >= end { transfer.finish(into: &octets) }
        decoded += octets.readableBytes - before
        guard case .header = piece else { return decode() }
        guard isAtEnd else { return }
        SearchableText.fold(header: octets, into: &text)
        folded = text.count
    }

    private mutating func decode() {
        // A small text, all of which must be seen first.
        guard var charset, !charset.isUnsure || isAtEnd else { return }
        let bytes = octets
        octets = ByteBuffer()
        bytes.withUnsafeReadableBytes { octets in
            guard !keepsASCII || !Charset.isASCII(octets) else { return strip(octets) }
            var plain: [UInt8] = []
            let used = charset.decode(octets, isLast: isAtEnd, into: &plain)
            self.octets.writeBytes(UnsafeRawBufferPointer(rebasing: octets[used...]))
            plain.withUnsafeBytes { strip($0) }
        }
        self.charset = charset
    }

    private mutating func strip(_ plain: UnsafeRawBufferPointer) {
        guard var stripper else { return fold(plain) }
        var shown: [UInt8] = []
        shown.reserveCapacity(plain.count / 2)
        if marks.isEmpty {
            let used = stripper.strip(plain, isLast: isAtEnd, into: &shown)
            marks.append(contentsOf: plain[used...])
        } else {
            marks.append(contentsOf: plain)
            let used = marks.withUnsafeBytes { stripper.strip($0, isLast: isAtEnd, into: &shown) }
            marks.removeFirst(used)
        }
        self.stripper = stripper
        shown.withUnsafeBytes { fold($0) }
    }

    private mutating func fold(_ plain: UnsafeRawBufferPointer) {
        let before = text.count
        Casemap.fold(plain, into: &text, most: before + max(0, left - folded))
        folded += text.count - before
    }

    /// What there is to look into; of a text that goes on, the end is kept for the next one.
    mutating func window() -> [UInt8]? {
        guard !isAtEnd else {
            defer { text = [] }
            return text
        }
        guard let seam = text.withUnsafeBytes({ SearchWords.seam(of: $0, overlap: overlap) }) else { return nil }
        var window = Array(text[seam.next...])
        swap(&window, &text)
        window.removeSubrange(seam.end...)
        return window
    }
}
