import MessageFormat
package import NIOCore

/// The fields of a header as signatures name and hash them (RFC 6376 §3.4.1, §3.4.2, §5.4.2).
package struct HeaderBlock: Sendable {
    package struct Field: Sendable {
        /// In lower case; empty for a line that is no field.
        package let name: String
        /// With its name and line ends, in octets of the header.
        package let range: Range<Int>
        /// Behind the colon, with its line ends.
        package let value: Range<Int>
    }

    package let octets: ByteBuffer
    package let fields: [Field]
    /// By name, from the top.
    private let places: [String: [Int]]

    package init(_ octets: ByteBuffer) {
        self.octets = octets.slice()
        var fields: [Field] = []
        var places: [String: [Int]] = [:]
        for field in HeaderFields(octets) {
            let name = field.name.lowercased()
            if !name.isEmpty { places[name, default: []].append(fields.count) }
            fields.append(Field(name: name, range: field.range, value: (field.range.upperBound - field.rawValue.readableBytes)..<field.range.upperBound))
        }
        self.fields = fields
        self.places = places
    }

    /// Of one name in lower case, from the top.
    package func places(of name: String) -> [Int] { places[name] ?? [] }

    package func value(_ place: Int) -> ByteBuffer {
        let range = fields[place].value
        return octets.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    /// Which fields h= names, in its order: each time one is named, the lowest that was not yet taken; none left: nothing (§5.4.2).
    ///
    /// - parameter names: in lower case.
    /// - parameter own: the signature's own field, which its h= never means.
    package func select(_ names: [String], own: Int?) -> [Int] {
        var taken: [String: Int] = [:]
        var selected: [Int] = []
        for name in names {
            guard let places = places[name] else { continue }
            var next = taken[name] ?? 0
            if next < places.count, places[places.count - 1 - next] == own { next += 1 }
            guard next < places.count else { continue }
            selected.append(places[places.count - 1 - next])
            taken[name] = next + 1
        }
        return selected
    }

    /// Appends a field in its canonical form.
    ///
    /// - parameter gap: within the field, in octets of the header: the value of b=, which is hashed as if it were empty (§3.7).
    /// - parameter isLast: without the line end (§3.7).
    package func write(_ place: Int, _ canonicalization: Canonicalization, without gap: Range<Int>? = nil, isLast: Bool = false, to output: inout [UInt8]) {
        let field = fields[place]
        octets.withUnsafeReadableBytes { octets in
            switch canonicalization {
            case .simple:
                var end = field.range.upperBound
                if isLast, end > field.range.lowerBound, octets[end - 1] == 0x0A {
                    end -= 1
                    if end > field.range.lowerBound, octets[end - 1] == 0x0D { end -= 1 }
                }
                let gap = gap ?? end..<end
                output += octets[field.range.lowerBound..<min(gap.lowerBound, end)]
                if gap.upperBound < end { output += octets[gap.upperBound..<end] }
            case .relaxed:
                output += field.name.utf8
                output.append(UInt8(ascii: ":"))
                HeaderBlock.relax(octets, field.value, without: gap, to: &output)
                if !isLast { output += [0x0D, 0x0A] }
            }
        }
    }

    // §3.4.2: unfolded, blanks made one, none at either end.
    private static func relax(_ octets: UnsafeRawBufferPointer, _ range: Range<Int>, without gap: Range<Int>?, to output: inout [UInt8]) {
        let start = output.count
        var isBlankHeld = false
        var index = range.lowerBound
        while index < range.upperBound {
            if let gap, gap.contains(index) {
                index = gap.upperBound
                continue
            }
            let octet = octets[index]
            index += 1
            switch octet {
            case 0x20, 0x09: isBlankHeld = true
            case 0x0A: break
            case 0x0D where index < range.upperBound && octets[index] == 0x0A: break
            default:
                if isBlankHeld, output.count > start { output.append(0x20) }
                isBlankHeld = false
                output.append(octet)
            }
        }
    }
}
