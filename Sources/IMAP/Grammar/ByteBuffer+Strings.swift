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

    //     nstring = string / nil ; string = quoted / literal
    /// Octets beyond ASCII go in quotes in UTF-8 mode, otherwise as a literal.
    package mutating func writeNString(_ text: String?, _ mode: TextMode) {
        guard let text else { return write("NIL") }
        writeString(text, mode)
    }

    package mutating func writeString(_ text: String, _ mode: TextMode) {
        var text = text
        text.withUTF8 { octets in
            writeText(about: octets.count + 16) { $0.writeString(UnsafeRawBufferPointer(octets), mode) }
        }
    }

    /// As `writeNString`, for texts of headers: those beyond ASCII as RFC 2047 words outside UTF-8 mode (RFC 9051
    /// §7.5.2).
    package mutating func writeHeaderText(_ text: String?, _ mode: TextMode) {
        guard var text else { return write("NIL") }
        text.withUTF8 { octets in
            writeText(about: octets.count + 16) { $0.writeHeaderText(UnsafeRawBufferPointer(octets), mode) }
        }
    }

    //     astring = 1*ASTRING-CHAR / string
    package mutating func writeAString(_ text: String, _ mode: TextMode) {
        let isAtom = !text.isEmpty && text.utf8.allSatisfy { OctetSet.astring.contains($0) }
        guard isAtom, text.utf8.count != 3 || text.uppercased() != "NIL" else { return writeString(text, mode) }
        writeString(text)
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

    //     date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
    /// In UTC.
    package mutating func writeDateTime(_ moment: Timestamp) {
        let civil = moment.civil
        write("\"")
        if civil.day < 10 { write(" ") } else { writeTwo(civil.day / 10, civil.day % 10) }
        if civil.day < 10 { writeDecimal(civil.day) }
        write("-")
        writeString(Timestamp.monthNames[civil.month - 1])
        write("-")
        let year = min(max(civil.year, 0), 9_999)
        writeTwo(year / 1_000, year / 100 % 10)
        writeTwo(year / 10 % 10, year % 10)
        for (mark, value) in [(" " as StaticString, civil.hour), (":", civil.minute), (":", civil.second)] {
            write(mark)
            writeTwo(value / 10, value % 10)
        }
        write(" +0000\"")
    }

    private mutating func writeTwo(_ tens: Int, _ ones: Int) {
        writeMultipleIntegers(UInt8(truncatingIfNeeded: tens) &+ 0x30, UInt8(truncatingIfNeeded: ones) &+ 0x30)
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

    //     flag-list = "(" [flag *(SP flag)] ")"
    package mutating func writeFlags(_ bits: FlagBits, _ table: KeywordTable, isRecent: Bool = false) {
        write("(")
        let start = writerIndex
        func part(_ buffer: inout ByteBuffer) { if buffer.writerIndex > start { buffer.write(" ") } }
        for named in SystemFlags.named where bits.rawValue & named.flag.rawValue != 0 {
            part(&self)
            writeString(named.name)
        }
        if isRecent {
            part(&self)
            write("\\Recent")
        }
        var rest = bits.rawValue >> 5
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest - 1
            guard index < table.keywords.count else { break }
            part(&self)
            writeString(table.keywords[index].spelling)
        }
        write(")")
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
