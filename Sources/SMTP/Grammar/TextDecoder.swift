import Glibc
package import NIOCore

/// Reads a message's text as DATA or BDAT carry it: finds DATA's end, takes off the dots, and sees that only CRLF ends a line.
///
/// - The end of DATA is CRLF.CRLF and nothing else (RFC 5321 §4.1.1.4); the CRLF of the DATA command counts as the first.
/// - A bare CR, a bare LF or a NUL (§2.3.8, §4.1.1.4) makes the text malformed for good; it never ends a line or the text. But a bare LF in a chunk of
///   BDAT, whose length says where it ends, becomes CRLF (docs/decisions/0012-bare-lf-in-bdat.md).
/// - Octets may come cut anywhere. Time is linear, and a line costs three calls of memchr and no copy of its own.
package struct TextDecoder: Sendable {
    private enum Place {
        /// Behind CRLF.
        case lineStart
        /// Behind a dot at the start of a line, which is not part of the text.
        case dot
        /// Behind that dot and a CR.
        case dotReturn
        case within
        /// Behind a CR.
        case afterReturn
        /// Before a bare LF of a chunk.
        case bareFeed
    }

    private var place = Place.lineStart
    private let isDotStuffed: Bool
    /// Octets are anything (RFC 3030 §3): nothing is looked for, or mended.
    private let isBinary: Bool
    package private(set) var isMalformed = false
    /// Octets of text so far, while it is not malformed.
    package private(set) var count = 0

    /// For DATA, or (not dot-stuffed) for the chunks of BDAT, one after the other.
    package init(isDotStuffed: Bool, isBinary: Bool = false) {
        self.isDotStuffed = isDotStuffed
        self.isBinary = isBinary && !isDotStuffed
    }

    /// Appends the text in `octets` to `text`, where it is to be kept and not malformed.
    /// - returns: how many octets were used: all, or those up to the end of DATA.
    package mutating func decode(_ octets: UnsafeRawBufferPointer, into text: inout ByteBuffer, keep: Bool) -> (used: Int, isEnd: Bool) {
        if isBinary {
            emit(octets, into: &text, keep)
            return (octets.count, false)
        }
        var index = 0
        var run = 0
        while index < octets.count {
            switch place {
            case .lineStart:
                place = .within
                guard isDotStuffed, octets[index] == UInt8(ascii: ".") else { continue }
                emit(UnsafeRawBufferPointer(rebasing: octets[run..<index]), into: &text, keep)
                place = .dot
                index += 1
                run = index
            case .dot:
                place = .within
                guard octets[index] == 0x0D else { continue }
                place = .dotReturn
                index += 1
            case .dotReturn:
                guard octets[index] == 0x0A else {
                    malformed()
                    continue
                }
                place = .lineStart
                checkNUL(octets, upTo: index)
                return (index + 1, true)
            case .afterReturn:
                guard octets[index] == 0x0A else {
                    malformed()
                    continue
                }
                place = .lineStart
                index += 1
            case .bareFeed:
                emit(UnsafeRawBufferPointer(rebasing: octets[run..<index]), into: &text, keep)
                TextDecoder.lineEnd.withUnsafeBytes { emit($0, into: &text, keep) }
                place = .lineStart
                index += 1
                run = index
            case .within:
                index = skipLine(octets, from: index)
            }
        }
        checkNUL(octets, upTo: octets.count)
        // A dot and its CR stay back: they are text only where something else follows, and then it is malformed.
        if place != .dotReturn { emit(UnsafeRawBufferPointer(rebasing: octets[run...]), into: &text, keep) }
        return (octets.count, false)
    }

    private mutating func emit(_ octets: UnsafeRawBufferPointer, into text: inout ByteBuffer, _ keep: Bool) {
        guard !isMalformed else { return }
        count += octets.count
        if keep { text.writeBytes(octets) }
    }

    /// No more chunks: a CR at the end stays without its LF.
    package mutating func finish() {
        if place == .afterReturn { malformed() }
    }

    private mutating func malformed() {
        isMalformed = true
        place = .within
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    /// After the next LF, or the end; before the LF where it is bare and to be mended. Sees whether CR and LF come in pairs.
    private mutating func skipLine(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let feed = TextDecoder.index(of: 0x0A, in: octets, start..<octets.count) else {
            let end = octets.count
            if TextDecoder.index(of: 0x0D, in: octets, start..<(end - 1)) != nil { isMalformed = true }
            if octets[end - 1] == 0x0D { place = .afterReturn }
            return end
        }
        if feed > start, octets[feed - 1] == 0x0D {
            if TextDecoder.index(of: 0x0D, in: octets, start..<(feed - 1)) != nil { isMalformed = true }
            place = .lineStart
        } else if isDotStuffed {
            isMalformed = true
        } else {
            if TextDecoder.index(of: 0x0D, in: octets, start..<feed) != nil { isMalformed = true }
            place = .bareFeed
            return feed
        }
        return feed + 1
    }

    private mutating func checkNUL(_ octets: UnsafeRawBufferPointer, upTo end: Int) {
        if !isMalformed, TextDecoder.index(of: 0, in: octets, 0..<end) != nil { isMalformed = true }
    }

    private static func index(of octet: UInt8, in octets: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, let origin = octets.baseAddress else { return nil }
        guard let found = memchr(origin + range.lowerBound, CInt(octet), range.count) else { return nil }
        return UnsafeRawPointer(found) - origin
    }
}
