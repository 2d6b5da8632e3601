import MessageFormat
import NIOCore

/// What a line announces at its end: octets that follow behind the line.
///
///     literal  = "{" number64 ["+"] "}" CRLF *CHAR8     ; RFC 9051 §9, RFC 7888 §8
///     literal8 = "~{" number64 ["+"] "}" CRLF *OCTET    ; RFC 9051 §9
struct LiteralMark: Hashable, Sendable {
    /// `Int.max` for every number beyond it.
    let octets: Int
    /// No "+": the client waits for leave.
    let synchronising: Bool
    let isBinary: Bool

    /// Longer digits are no literal. A line's end of this length tells whether there is one.
    private static let mostDigits = 24
    static let longest = mostDigits + 4

    /// Nil when the line, given without its line end, ends with none.
    init?(endOf line: ByteBuffer) {
        guard let found = line.withUnsafeReadableBytes({ LiteralMark.read(endOf: $0) }) else { return nil }
        self = found
    }

    private init(octets: Int, synchronising: Bool, isBinary: Bool) {
        self.octets = octets
        self.synchronising = synchronising
        self.isBinary = isBinary
    }

    private static func read(endOf line: UnsafeRawBufferPointer) -> LiteralMark? {
        guard line.last == UInt8(ascii: "}") else { return nil }
        var index = line.count - 2
        var synchronising = true
        if index >= 0, line[index] == UInt8(ascii: "+") {
            synchronising = false
            index -= 1
        }
        let last = index
        while index >= 0, last - index <= mostDigits, OctetSet.digits.contains(line[index]) { index -= 1 }
        guard index < last, last - index <= mostDigits, index >= 0, line[index] == UInt8(ascii: "{") else { return nil }
        var octets = 0
        for digit in line[(index + 1)...last] {
            let (tens, carry) = octets.multipliedReportingOverflow(by: 10)
            let (sum, excess) = tens.addingReportingOverflow(Int(digit &- 0x30))
            octets = carry || excess ? .max : sum
            if octets == .max { break }
        }
        let isBinary = index > 0 && line[index - 1] == UInt8(ascii: "~")
        return LiteralMark(octets: octets, synchronising: synchronising, isBinary: isBinary)
    }
}
