import MailModel
import NIOCore

/// UIDBATCHES's (RFC 10022 §3.1).
package struct BatchArguments: CommandArguments {
    /// Messages of a batch: 1...
    package let size: UInt32
    /// Which batches, from 1 on, the one of the highest UIDs; nil: all. In the wrong order it is read and refused with a code of its own (§3.1.5).
    package let window: Window?

    package struct Window: Hashable, Sendable {
        package let first: UInt32
        package let last: UInt32

        package init(_ first: UInt32, _ last: UInt32) {
            self.first = first
            self.last = last
        }
    }

    package init(_ size: UInt32, _ window: Window? = nil) {
        self.size = size
        self.window = window
    }

    //     message-batches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]           ; RFC 10022 §4
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> BatchArguments {
        let size = try reader.positive()
        guard reader.scanner.take(0x20) else { return BatchArguments(size) }
        let first = try reader.positive()
        try reader.expect(":")
        return BatchArguments(size, Window(first, try reader.positive()))
    }
}

extension ArgumentReader {
    //     nz-number = digit-nz *DIGIT
    fileprivate mutating func positive() throws(SyntaxError) -> UInt32 { UInt32(truncatingIfNeeded: try number(from: 1, upTo: UInt64(UInt32.max))) }
}

extension ResponseCode {
    /// RFC 10022 §3.1.3.2, §3.1.5.
    static let tooFew = ResponseCode.word("TOOFEW")
    static let tooMany = ResponseCode.word("TOOMANY")
}

extension ByteBuffer {
    //     uidbatches-response = "UIDBATCHES" search-correlator [SP uid-range *("," uid-range)]
    /// The line up to its ranges.
    mutating func writeBatches(tag: Tag) {
        write("* UIDBATCHES (TAG ")
        writeString(tag.value, .ascii)
        write(")")
    }

    /// A range of such a line; the higher end first.
    mutating func writeBatch(_ last: UID, _ first: UID, isFirst: Bool) {
        write(isFirst ? " " : ",")
        writeDecimal(last.rawValue)
        write(":")
        writeDecimal(first.rawValue)
    }

    mutating func endBatches() { write("\r\n") }
}
