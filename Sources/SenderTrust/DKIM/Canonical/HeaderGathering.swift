import Glibc
package import NIOCore

/// Takes the header off the front of a message that comes in pieces of any size. An empty line ends it, as for `HeaderFields`; it is held up to a limit.
package struct HeaderGathering: Sendable {
    package enum Progress: Hashable, Sendable {
        case under
        /// Its end has come.
        case whole
        /// It is longer than it may be; of what was held nothing is kept.
        case tooLong
    }

    private enum Place: Sendable {
        case lineStart
        /// A CR stands at the start of the line.
        case lineStartReturn
        case withinLine
    }

    /// Octets.
    package let most: Int
    /// With the empty line behind it.
    package private(set) var header = ByteBuffer()
    package private(set) var progress = Progress.under
    private var place = Place.lineStart

    package init(most: Int) { self.most = most }

    /// What is left in `text` belongs to the body.
    package mutating func take(_ text: inout ByteBuffer) {
        guard progress == .under, text.readableBytes > 0 else { return }
        let (length, isEnd) = text.withUnsafeReadableBytes { find($0) }
        if header.readableBytes + length > most {
            header = ByteBuffer()
            progress = .tooLong
            return
        }
        if var part = text.readSlice(length: length) { header.writeBuffer(&part) }
        if isEnd { progress = .whole }
    }

    /// The message is over; what came was its header.
    package mutating func finish() { if progress == .under { progress = .whole } }

    /// How many octets belong to the header, and whether it ends there.
    private mutating func find(_ text: UnsafeRawBufferPointer) -> (length: Int, isEnd: Bool) {
        var index = 0
        while index < text.count {
            switch place {
            case .withinLine:
                guard let start = text.baseAddress, let found = memchr(start + index, 0x0A, text.count - index) else { return (text.count, false) }
                index = UnsafeRawPointer(found) - start + 1
                place = .lineStart
            case .lineStart:
                if text[index] == 0x0A { return (index + 1, true) }
                place = text[index] == 0x0D ? .lineStartReturn : .withinLine
                if place == .lineStartReturn { index += 1 }
            case .lineStartReturn:
                if text[index] == 0x0A { return (index + 1, true) }
                place = .withinLine
            }
        }
        return (text.count, false)
    }
}
