package import MailModel
import MessageFormat

// The values of messages in responses (RFC 9051 §7.5.2, §9).
extension WireText {
    //     flag-list = "(" [flag *(SP flag)] ")"
    package mutating func writeFlags(
        _ bits: FlagBits, _ table: KeywordTable, further: FurtherKeywords = FurtherKeywords(), isRecent: Bool = false
    ) {
        write("(")
        let start = count
        for named in SystemFlags.named where bits.rawValue & named.flag.rawValue != 0 {
            if count > start { write(" ") }
            write(named.name)
        }
        if isRecent { write((count > start ? " \\Recent" : "\\Recent") as StaticString) }
        var rest = bits.rawValue >> 5
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest - 1
            guard let keyword = table.place(index) else { continue }
            if count > start { write(" ") }
            write(keyword.spelling)
        }
        guard !further.isEmpty else { return write(")") }
        for place in further.places {
            guard let keyword = table.place(place) else { continue }
            if count > start { write(" ") }
            write(keyword.spelling)
        }
        write(")")
    }

    //     date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
    /// In UTC.
    package mutating func writeDateTime(_ moment: Timestamp) {
        let civil = moment.civil
        write((civil.day < 10 ? "\" " : "\"") as StaticString)
        write(decimal: civil.day)
        write("-")
        write(Timestamp.monthNames[civil.month - 1])
        write("-")
        let year = min(max(civil.year, 0), 9_999)
        writeTwo(year / 100)
        writeTwo(year % 100)
        for (mark, value) in [(" " as StaticString, civil.hour), (":", civil.minute), (":", civil.second)] {
            write(mark)
            writeTwo(value)
        }
        write(" +0000\"")
    }

    /// Two digits.
    private mutating func writeTwo(_ number: Int) {
        write(UInt8(truncatingIfNeeded: number / 10) &+ 0x30)
        write(UInt8(truncatingIfNeeded: number % 10) &+ 0x30)
    }

    //     nstring = string / nil ; string = quoted / literal
    /// Octets beyond ASCII go in quotes in UTF-8 mode, otherwise as a literal.
    mutating func writeNString(_ text: String?, _ mode: TextMode) {
        guard var text else { return write("NIL") }
        text.withUTF8 { writeString(UnsafeRawBufferPointer($0), mode) }
    }

    //     astring = 1*ASTRING-CHAR / string
    mutating func writeAString(_ text: String, _ mode: TextMode) {
        let isAtom = !text.isEmpty && text.utf8.allSatisfy { OctetSet.astring.contains($0) }
        guard isAtom, text.utf8.count != 3 || text.uppercased() != "NIL" else { return writeNString(text, mode) }
        write(text)
    }

    //     section = "[" [section-spec] "]" ; section-spec = section-msgtext / (section-part ["." section-text])
    /// Without the brackets.
    mutating func writeSection(_ section: BodySection) {
        writePath(section.path)
        if !section.path.isEmpty, section.specifier != .whole { write(".") }
        switch section.specifier {
        case .whole: break
        case .header: write("HEADER")
        case .text: write("TEXT")
        case .mime: write("MIME")
        case .headerFields(let names): writeFields("HEADER.FIELDS (", names)
        case .headerFieldsNot(let names): writeFields("HEADER.FIELDS.NOT (", names)
        }
    }

    //     section-part = nz-number *("." nz-number)
    mutating func writePath(_ path: [Int]) {
        for (index, number) in path.enumerated() {
            if index > 0 { write(".") }
            write(decimal: number)
        }
    }

    private mutating func writeFields(_ start: StaticString, _ names: [String]) {
        write(start)
        for (index, name) in names.enumerated() {
            if index > 0 { write(" ") }
            writeAString(name, .ascii)
        }
        write(")")
    }
}
