import MessageFormat
import NIOCore

extension HeaderBlock {
    /// Appends a field in its canonical form.
    ///
    /// - parameter gap: within the field, in octets of the header: the value of b=, which is hashed as if it were empty (RFC 6376 §3.7).
    /// - parameter isLast: without the line end (§3.7).
    package func write(_ place: Int, _ canonicalization: Canonicalization, without gap: Range<Int>? = nil, isLast: Bool = false, to output: inout [UInt8]) {
        let field = fields[place]
        octets.withUnsafeReadableBytes { octets in
            switch canonicalization {
            case .simple:
                var end = field.end
                if isLast, end > field.start, octets[end - 1] == 0x0A {
                    end -= 1
                    if end > field.start, octets[end - 1] == 0x0D { end -= 1 }
                }
                let gap = gap ?? end..<end
                output += octets[field.start..<min(gap.lowerBound, end)]
                if gap.upperBound < end { output += octets[gap.upperBound..<end] }
            case .relaxed:
                for octet in octets[field.start..<(field.start + field.nameLength)] { output.append(OctetSet.lowercased(octet)) }
                output.append(UInt8(ascii: ":"))
                let start = output.count
                var isBlankHeld = false
                if let gap {
                    HeaderBlock.relax(octets, field.valueStart..<max(field.valueStart, gap.lowerBound), start, &isBlankHeld, &output)
                    HeaderBlock.relax(octets, min(gap.upperBound, field.end)..<field.end, start, &isBlankHeld, &output)
                } else {
                    HeaderBlock.relax(octets, field.valueStart..<field.end, start, &isBlankHeld, &output)
                }
                if !isLast { output += [0x0D, 0x0A] }
            }
        }
    }

    // §3.4.2: unfolded, blanks made one, none at either end.
    private static func relax(_ octets: UnsafeRawBufferPointer, _ range: Range<Int>, _ start: Int, _ isBlankHeld: inout Bool, _ output: inout [UInt8]) {
        var index = range.lowerBound
        while index < range.upperBound {
            let octet = octets[index]
            switch octet {
            case 0x20, 0x09: isBlankHeld = true
            case 0x0A: break
            case 0x0D where index + 1 < range.upperBound && octets[index + 1] == 0x0A: break
            default:
                if isBlankHeld, output.count > start { output.append(0x20) }
                isBlankHeld = false
                let first = index
                repeat { index += 1 } while index < range.upperBound && octets[index] > 0x20
                output += octets[first..<index]
                continue
            }
            index += 1
        }
    }
}
