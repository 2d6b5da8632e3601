package import MailModel
import MessageFormat
package import NIOCore

// The strings and numbers of responses (RFC 9051 §4).
extension ByteBuffer {
    // Cheaper than `writeStaticString`, and answers are made of these.
    mutating func write(_ text: StaticString) {
        writeBytes(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Decimal digits, no text in between.
    package mutating func writeDecimal(_ number: some FixedWidthInteger) {
        var rest = UInt64(clamping: number)
        _ = writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { room in
            var count = 0
            repeat {
                room[count] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
                rest /= 10
                count += 1
            } while rest > 0
            var digits = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
            digits.reverse()
            return count
        }
    }

    package mutating func writeNString(_ text: String?, _ mode: TextMode) {
        writeText(about: (text?.utf8.count ?? 0) + 24) { $0.writeNString(text, mode) }
    }

    package mutating func writeString(_ text: String, _ mode: TextMode) { writeNString(text, mode) }

    /// As `writeNString`, for texts of headers: those beyond ASCII as RFC 2047 words outside UTF-8 mode (RFC 9051
    /// §7.5.2).
    package mutating func writeHeaderText(_ text: String?, _ mode: TextMode) {
        guard var text else { return write("NIL") }
        text.withUTF8 { octets in
            writeText(about: octets.count + 16) { $0.writeHeaderText(UnsafeRawBufferPointer(octets), mode) }
        }
    }

    package mutating func writeAString(_ text: String, _ mode: TextMode) {
        writeText(about: text.utf8.count + 24) { $0.writeAString(text, mode) }
    }

    //     literal = "{" number64 "}" CRLF *CHAR8
    /// Announces a literal; exactly so many octets must follow.
    package mutating func writeLiteralHeader(octets: Int) {
        write("{")
        writeDecimal(octets)
        write("}\r\n")
    }

    //     mailbox = "INBOX" / astring
    /// In modified UTF-7 outside UTF-8 mode.
    package mutating func writeMailbox(_ name: MailboxName, _ mode: TextMode) { writeMailbox(text: name.value, mode) }

    package mutating func writeMailbox(text: String, _ mode: TextMode) {
        guard mode == .ascii, !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "&") }) else {
            return writeAString(text, mode)
        }
        var encoded = ByteBuffer()
        ModifiedUTF7.encode(text, into: &encoded)
        writeAString(String(buffer: encoded), mode)
    }

    //     sequence-set, as responses write it: rising, without "*"
    /// The set must not be empty: IMAP cannot write that.
    package mutating func writeNumbers(_ set: NumberSet) {
        for (index, range) in set.ranges.enumerated() {
            if index > 0 { write(",") }
            writeRange(range.lowerBound, range.upperBound)
        }
    }

    /// Rising UIDs, runs as ranges.
    mutating func writeUIDs(_ uids: [UID]) {
        var run: ClosedRange<UInt32>?
        var isFirst = true
        func flush(_ buffer: inout ByteBuffer) {
            guard let run else { return }
            if !isFirst { buffer.write(",") }
            isFirst = false
            buffer.writeRange(run.lowerBound, run.upperBound)
        }
        for uid in uids {
            if let open = run, open.upperBound < .max, uid.rawValue == open.upperBound + 1 {
                run = open.lowerBound...uid.rawValue
            } else {
                flush(&self)
                run = uid.rawValue...uid.rawValue
            }
        }
        flush(&self)
    }

    private mutating func writeRange(_ low: UInt32, _ high: UInt32) {
        writeDecimal(low)
        guard high > low else { return }
        write(":")
        writeDecimal(high)
    }

    /// `extra`: written last, such as `\*`.
    mutating func writeFlags(_ system: SystemFlags, _ keywords: [Keyword], _ extra: StaticString? = nil) {
        var names = SystemFlags.named.filter { system.contains($0.flag) }.map(\.name) + keywords.map(\.spelling)
        if let extra { names.append("\(extra)") }
        write("(")
        writeString(names.joined(separator: " "))
        write(")")
    }
}
