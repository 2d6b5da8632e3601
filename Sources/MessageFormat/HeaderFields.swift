package import NIOCore

/// The fields of a raw header block, in order; the final empty line ends them (RFC 5322 §2.2). Nothing is rejected: a
/// line that has no name and colon, and continues none, is a field whose name is "".
package struct HeaderFields: Sequence, Sendable {
    private let block: ByteBuffer

    package init(_ block: ByteBuffer) { self.block = block.slice() }

    package struct Field: Sendable, Equatable {
        /// As written, without the colon.
        package var name: String
        /// As written after the colon, folding and final line end with it.
        package var rawValue: ByteBuffer
        /// The whole field with its line ends, in octets from the start of the block.
        package var range: Range<Int>

        /// The value unfolded and trimmed, not decoded.
        package var value: String { rawValue.withUnsafeReadableBytes(HeaderText.unfolded) }

        /// Whether it is the field of this name, in any case.
        package func isNamed(_ other: String) -> Bool { name.lowercased() == other.lowercased() }
    }

    package struct Iterator: IteratorProtocol {
        fileprivate let block: ByteBuffer
        fileprivate var offset = 0

        package mutating func next() -> Field? {
            guard let span = block.withUnsafeReadableBytes({ FieldSpan($0, from: offset) }) else { return nil }
            offset = span.end
            let name = block.getString(at: span.start, length: span.nameLength) ?? ""
            let value = block.getSlice(at: span.valueStart, length: span.end - span.valueStart) ?? ByteBuffer()
            return Field(name: name, rawValue: value, range: span.start..<span.end)
        }
    }

    package func makeIterator() -> Iterator { Iterator(block: block) }

    /// The first field of a name, in any case.
    package func first(_ name: String) -> Field? { first { $0.isNamed(name) } }

    /// `HeaderSelection` of one header.
    package static func select(names: [String], excluding: Bool, from header: ByteBuffer) -> ByteBuffer {
        var result = ByteBuffer()
        let selection = HeaderSelection(names: names, excluding: excluding)
        header.withUnsafeReadableBytes { header in selection.forEachRun(of: header) { result.writeBytes($0) } }
        return result
    }
}

/// Which fields of headers are wanted: those that have one of these names, or with `excluding` those that have none of them, octet for octet, and
/// an empty line (RFC 9051 §6.4.5 HEADER.FIELDS, HEADER.FIELDS.NOT). Names match without regard to ASCII case. Made once for many headers.
package struct HeaderSelection: Sendable {
    /// In lower case, one behind the other; no others than such that a field can have.
    private var names: [UInt8] = []
    /// Where each ends.
    private var ends: [Int] = []
    /// Whether "" is one of them: the name of a line that is no field.
    private let hasNameless: Bool
    private let excluding: Bool

    package init(names: [String], excluding: Bool) {
        self.excluding = excluding
        hasNameless = names.contains("")
        for name in names where !name.isEmpty && name.utf8.allSatisfy({ $0 > 0x20 && $0 <= 0x7E && $0 != UInt8(ascii: ":") }) {
            self.names += name.utf8.map(OctetSet.lowercased)
            ends.append(self.names.count)
        }
    }

    /// Gives the octets that are selected, in order, as few runs.
    package func forEachRun(of header: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void) {
        let lineEnd: StaticString = "\r\n"
        let emptyLine = UnsafeRawBufferPointer(start: lineEnd.utf8Start, count: 2)
        var start = 0
        var end = 0
        names.withUnsafeBufferPointer { names in
            ends.withUnsafeBufferPointer { ends in
                var offset = 0
                while offset < header.count, !FieldSpan.isEmptyLine(header, at: offset) {
                    let field = offset
                    offset = FieldSpan.end(header, from: field)
                    guard isWanted(header, field, names, ends) != excluding else { continue }
                    if field > end {
                        if end > start { take(UnsafeRawBufferPointer(rebasing: header[start..<end])) }
                        start = field
                    }
                    end = offset
                }
            }
        }
        if end > start {
            take(UnsafeRawBufferPointer(rebasing: header[start..<end]))
            if header[end - 1] != 0x0A { take(emptyLine) }
        }
        take(emptyLine)
    }

    private func isWanted(
        _ header: UnsafeRawBufferPointer, _ field: Int, _ names: UnsafeBufferPointer<UInt8>, _ ends: UnsafeBufferPointer<Int>
    ) -> Bool {
        if hasNameless, (FieldSpan(header, from: field)?.nameLength ?? 0) == 0 { return true }
        let first = OctetSet.lowercased(header[field])
        var start = 0
        for end in ends {
            let name = start..<end
            start = end
            if names[name.lowerBound] == first, isNamed(header, field, names, name) { return true }
        }
        return false
    }

    /// Whether that name stands at `field`, with a colon behind it and perhaps blanks in between, as `FieldSpan` has it.
    private func isNamed(_ header: UnsafeRawBufferPointer, _ field: Int, _ names: UnsafeBufferPointer<UInt8>, _ name: Range<Int>) -> Bool {
        guard header.count - field > name.count else { return false }
        var place = field
        for index in name {
            guard OctetSet.lowercased(header[place]) == names[index] else { return false }
            place += 1
        }
        while place < header.count, header[place] == 0x20 || header[place] == 0x09 { place += 1 }
        return place < header.count && header[place] == UInt8(ascii: ":")
    }
}

/// Where one field lies in a header block.
package struct FieldSpan: Sendable {
    package let start: Int
    /// 0 for a line without a name.
    package let nameLength: Int
    package let valueStart: Int
    /// After the last line end.
    package let end: Int

    /// The field that begins at `offset`; nil at the empty line or at the end.
    package init?(_ block: UnsafeRawBufferPointer, from offset: Int) {
        guard offset < block.count, !FieldSpan.isEmptyLine(block, at: offset) else { return nil }
        start = offset
        end = FieldSpan.end(block, from: offset)
        let firstLine = UnsafeRawBufferPointer(rebasing: block[start..<Lines.end(block, from: offset)])
        let colon = Lines.index(of: UInt8(ascii: ":"), in: firstLine, from: 0)
        nameLength = colon.map { FieldSpan.nameLength(firstLine, colon: $0) } ?? 0
        valueStart = nameLength > 0 ? start + (colon ?? -1) + 1 : start
    }

    /// After the last line of the field that begins at `offset`.
    static func end(_ block: UnsafeRawBufferPointer, from offset: Int) -> Int {
        var next = Lines.end(block, from: offset)
        while next < block.count, block[next] == 0x20 || block[next] == 0x09 { next = Lines.end(block, from: next) }
        return next
    }

    // field-name = 1*(%d33-57 / %d59-126), and obsolete blanks before the colon (RFC 5322 §3.6.8, §4.5). 0 for anything
    // else.
    private static func nameLength(_ line: UnsafeRawBufferPointer, colon: Int) -> Int {
        var end = colon
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        for index in 0..<end where line[index] <= 0x20 || line[index] > 0x7E { return 0 }
        return end
    }

    static func isEmptyLine(_ block: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        block[offset] == 0x0A || (block[offset] == 0x0D && (offset + 1 == block.count || block[offset + 1] == 0x0A))
    }
}
