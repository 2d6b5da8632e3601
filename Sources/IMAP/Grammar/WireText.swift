import MessageFormat
import NIOCore

/// Writes octets into memory that was lent to it. What does not fit is counted and not written, so that the lender can offer enough: an answer of forty
/// small strings costs one look at the buffer, not forty.
package struct WireText {
    private let room: UnsafeMutableRawBufferPointer
    /// Octets so far, whether or not they fitted.
    package private(set) var count = 0
    /// Room that was needed on the way, where that was more than `count`.
    private var peak = 0

    init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    /// How much room all of it takes.
    var needed: Int { max(count, peak) }

    /// Longer texts go as literals: a line should stay readable by any client.
    private static let longestQuoted = 1_000

    package mutating func write(_ octet: UInt8) {
        if count < room.count { room[count] = octet }
        count += 1
    }

    package mutating func write(_ octets: UnsafeRawBufferPointer) {
        if let source = octets.baseAddress, let target = room.baseAddress, octets.count <= room.count - count {
            (target + count).copyMemory(from: source, byteCount: octets.count)
        }
        count += octets.count
    }

    package mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// As it is, in UTF-8.
    package mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    /// Decimal digits.
    package mutating func write(decimal number: some FixedWidthInteger) { write(digitsOf: UInt64(clamping: number)) }

    private mutating func write(digitsOf number: UInt64) {
        var rest = number
        var width = 1
        var bound = rest / 10
        while bound > 0 {
            width += 1
            bound /= 10
        }
        if width <= room.count - count {
            var place = count + width
            repeat {
                place -= 1
                room[place] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
                rest /= 10
            } while place > count
        }
        count += width
    }

    /// The longest that announces a literal.
    private static let literalHeader = 24

    /// A literal of that part of what `body` writes which `window` takes of its length.
    mutating func writeLiteral(window: (Int) -> Range<Int>, _ body: (inout WireText) -> Void) {
        let start = count
        // The length is known behind the text only: the text is moved up.
        count += WireText.literalHeader
        let first = count
        body(&self)
        peak = max(peak, count)
        let shown = window(count - first)
        count = start
        writeLiteralHeader(octets: shown.count)
        if needed <= room.count, !shown.isEmpty {
            let source = UnsafeRawBufferPointer(rebasing: room[first + shown.lowerBound..<first + shown.upperBound])
            UnsafeMutableRawBufferPointer(rebasing: room[count..<count + shown.count]).copyMemory(from: source)
        }
        count += shown.count
    }

    //     literal = "{" number64 "}" CRLF *CHAR8
    /// Announces a literal; exactly so many octets must follow.
    mutating func writeLiteralHeader(octets: Int) {
        write("{")
        write(decimal: octets)
        write("}\r\n")
    }

    //     nstring = string / nil ; string = quoted / literal
    /// Octets beyond ASCII as RFC 2047 words outside UTF-8 mode (RFC 9051 §7.5.2). The octets are UTF-8.
    mutating func writeHeaderText(_ octets: UnsafeRawBufferPointer?, _ mode: TextMode) {
        guard let octets else { return write("NIL") }
        switch QuotedForm(octets, mode) {
        case .plain where octets.count <= WireText.longestQuoted: writeQuoted(octets)
        case .plain, .escaped: writeString(octets, mode)
        case .impossible:
            guard mode == .ascii, octets.contains(where: { $0 >= 0x80 }) else { return writeString(octets, mode) }
            var words = EncodedWord.encode(String(decoding: octets, as: UTF8.self))
            words.withUTF8 { writeString(UnsafeRawBufferPointer($0), mode) }
        }
    }

    /// Octets beyond ASCII go in quotes in UTF-8 mode, otherwise as a literal.
    mutating func writeString(_ octets: UnsafeRawBufferPointer, _ mode: TextMode) {
        let form = QuotedForm(octets, mode)
        guard form != .impossible, octets.count <= WireText.longestQuoted else { return writeLiteral(octets) }
        if form == .plain { return writeQuoted(octets) }
        write(UInt8(ascii: "\""))
        for octet in octets {
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { write(UInt8(ascii: "\\")) }
            write(octet)
        }
        write(UInt8(ascii: "\""))
    }

    private mutating func writeQuoted(_ octets: UnsafeRawBufferPointer) {
        write(UInt8(ascii: "\""))
        write(octets)
        write(UInt8(ascii: "\""))
    }

    //     literal = "{" number64 "}" CRLF *CHAR8
    /// CHAR8 has no NUL: it is written as "?".
    private mutating func writeLiteral(_ octets: UnsafeRawBufferPointer) {
        writeLiteralHeader(octets: octets.count)
        guard octets.contains(0) else { return write(octets) }
        for octet in octets { write(octet == 0 ? UInt8(ascii: "?") : octet) }
    }

    private enum QuotedForm {
        case plain
        case escaped
        case impossible

        init(_ octets: UnsafeRawBufferPointer, _ mode: TextMode) {
            self = .plain
            var index = 0
            // Eight octets at a time, as long as all of them stand for themselves.
            while index + 8 <= octets.count, QuotedForm.isPlain(octets.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { index += 8 }
            while index < octets.count {
                switch octets[index] {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): self = .escaped
                case 0x20...0x7E: break
                case 0x80...0xFF where mode == .utf8: break
                default:
                    self = .impossible
                    return
                }
                index += 1
            }
        }

        /// Whether all eight are printable ASCII without quote and backslash.
        private static func isPlain(_ word: UInt64) -> Bool {
            let ones: UInt64 = 0x0101_0101_0101_0101
            let tops = ones &* 0x80
            func holds(_ octet: UInt8) -> UInt64 {
                let same = word ^ (ones &* UInt64(octet))
                return (same &- ones) & ~same
            }
            let below = (word &- ones &* 0x20) & ~word
            return (word | below | holds(0x7F) | holds(UInt8(ascii: "\"")) | holds(UInt8(ascii: "\\"))) & tops == 0
        }
    }
}

extension ByteBuffer {
    /// Appends what `body` writes, all of it; `about`: how much that will be. When it is more, `body` is called once again.
    package mutating func writeText<Failure: Error>(about: Int, _ body: (inout WireText) throws(Failure) -> Void) throws(Failure) {
        var room = about
        for _ in 0..<2 {
            var failure: Failure?
            var isWritten = false
            writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                var text = WireText(bytes)
                do throws(Failure) {
                    try body(&text)
                } catch {
                    failure = error
                    return 0
                }
                isWritten = text.needed <= bytes.count
                room = text.needed
                return isWritten ? text.count : 0
            }
            if let failure { throw failure }
            if isWritten { return }
        }
    }
}
