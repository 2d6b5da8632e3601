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
        header.withUnsafeReadableBytes { selection.write($0, to: &result) }
        return result
    }
}

/// Which fields of headers are wanted: those that have one of these names, or with `excluding` those that have none of them, octet for octet, and
/// an empty line (RFC 9051 §6.4.5 HEADER.FIELDS, HEADER.FIELDS.NOT). Names match without regard to ASCII case. Made once for many headers.
package struct HeaderSelection: Sendable {
    /// In lower case.
    private let names: [[UInt8]]
    private let excluding: Bool

    package init(names: [String], excluding: Bool) {
        self.names = names.map { Array($0.utf8).map(OctetSet.lowercased) }
        self.excluding = excluding
    }

    /// Behind what is in `result`.
    package func write(_ header: UnsafeRawBufferPointer, to result: inout ByteBuffer) {
        var offset = 0
        while let span = FieldSpan(header, from: offset) {
            offset = span.end
            guard isNamed(UnsafeRawBufferPointer(rebasing: header[span.start..<span.start + span.nameLength])) != excluding else { continue }
            result.writeBytes(UnsafeRawBufferPointer(rebasing: header[span.start..<span.end]))
            if header[span.end - 1] != 0x0A { result.writeStaticString("\r\n") }
        }
        result.writeStaticString("\r\n")
    }

    private func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
        for wanted in names where wanted.count == name.count {
            var index = 0
            while index < wanted.count, OctetSet.lowercased(name[index]) == wanted[index] { index += 1 }
            if index == wanted.count { return true }
        }
        return false
    }
}

/// Where one field lies in a header block.
struct FieldSpan {
    let start: Int
    /// 0 for a line without a name.
    let nameLength: Int
    let valueStart: Int
    /// After the last line end.
    let end: Int

    /// The field that begins at `offset`; nil at the empty line or at the end.
    init?(_ block: UnsafeRawBufferPointer, from offset: Int) {
        guard offset < block.count, !FieldSpan.isEmptyLine(block, at: offset) else { return nil }
        start = offset
        var next = Lines.end(block, from: offset)
        let firstEnd = next
        while next < block.count, block[next] == 0x20 || block[next] == 0x09 { next = Lines.end(block, from: next) }
        end = next
        let firstLine = UnsafeRawBufferPointer(rebasing: block[start..<firstEnd])
        let colon = Lines.index(of: UInt8(ascii: ":"), in: firstLine, from: 0)
        nameLength = colon.map { FieldSpan.nameLength(firstLine, colon: $0) } ?? 0
        valueStart = nameLength > 0 ? start + (colon ?? -1) + 1 : start
    }

    // field-name = 1*(%d33-57 / %d59-126), and obsolete blanks before the colon (RFC 5322 §3.6.8, §4.5). 0 for anything
    // else.
    private static func nameLength(_ line: UnsafeRawBufferPointer, colon: Int) -> Int {
        var end = colon
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        for index in 0..<end where line[index] <= 0x20 || line[index] > 0x7E { return 0 }
        return end
    }

    private static func isEmptyLine(_ block: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        block[offset] == 0x0A || (block[offset] == 0x0D && (offset + 1 == block.count || block[offset + 1] == 0x0A))
    }
}
