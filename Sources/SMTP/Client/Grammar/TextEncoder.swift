package import NIOCore

/// Makes a message's text what DATA or BDAT carries, piece by piece: each line ends in CRLF, whatever ended it (RFC 5321 §2.3.8; a bare CR or LF on the wire
/// is how messages are smuggled), the last too; for DATA, dots at the start of lines are doubled (§4.5.2). It does not matter how the text is cut.
package struct TextEncoder: Sendable {
    /// For DATA.
    private let doublesDots: Bool
    private var isLineStart = true
    /// The last octet was a CR, and is not written yet.
    private var isCarrying = false

    package init(doublesDots: Bool) { self.doublesDots = doublesDots }

    package mutating func encode(_ piece: ByteBuffer, into output: inout ByteBuffer) {
        output.reserveCapacity(minimumWritableBytes: piece.readableBytes + piece.readableBytes / 64 + 8)
        piece.withUnsafeReadableBytes { octets in
            var start = octets.startIndex
            if isCarrying, let first = octets.first {
                endLine(&output)
                if first == 0x0A { start += 1 }
            }
            while start < octets.endIndex { start = encodeLine(octets, start, &output) }
        }
    }

    /// Ends the last line; for DATA, writes the dot.
    package mutating func finish(into output: inout ByteBuffer) {
        if isCarrying || !isLineStart { endLine(&output) }
        if doublesDots { output.writeStaticString(".\r\n") }
    }

    private mutating func endLine(_ output: inout ByteBuffer) {
        output.writeStaticString("\r\n")
        isLineStart = true
        isCarrying = false
    }

    /// Up to the next CR or LF and what belongs to it; returns where it goes on.
    private mutating func encodeLine(_ octets: UnsafeRawBufferPointer, _ start: Int, _ output: inout ByteBuffer) -> Int {
        var end = start
        while end < octets.endIndex, octets[end] != 0x0D, octets[end] != 0x0A { end += 1 }
        if end > start {
            if doublesDots, isLineStart, octets[start] == UInt8(ascii: ".") { output.writeInteger(UInt8(ascii: ".")) }
            output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start..<end]))
            isLineStart = false
        }
        guard end < octets.endIndex else { return end }
        if octets[end] == 0x0A {
            endLine(&output)
            return end + 1
        }
        guard end + 1 < octets.endIndex else {
            isCarrying = true
            return end + 1
        }
        endLine(&output)
        return octets[end + 1] == 0x0A ? end + 2 : end + 1
    }
}
