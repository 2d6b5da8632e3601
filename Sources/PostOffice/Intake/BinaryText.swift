import NIOCore

/// A text that may have binary parts (RFC 3030 §3) on its way in: they become base64, and what is left is lines. A bare LF ends one, as in other chunks of BDAT
/// (docs/decisions/0012-bare-lf-in-bdat.md); a bare CR or a NUL outside binary parts is refused.
struct BinaryText: Sendable {
    private var parts = BinaryParts()
    private var isAfterReturn = false

    /// Throws `Refusal.malformed`.
    mutating func recode(_ octets: ByteBuffer) throws -> ByteBuffer { try lines(of: parts.recode(octets)) }

    /// No more comes: what is left. Throws `Refusal.malformed`.
    mutating func finish() throws -> ByteBuffer {
        let last = try lines(of: parts.finish())
        guard !isAfterReturn else { throw Refusal.malformed }
        return last
    }

    private mutating func lines(of text: ByteBuffer) throws -> ByteBuffer {
        var output = ByteBuffer()
        output.reserveCapacity(text.readableBytes)
        var afterReturn = isAfterReturn
        try text.withUnsafeReadableBytes { octets in
            var run = 0
            for index in octets.indices {
                let octet = octets[index]
                if octet == 0 || (afterReturn && octet != 0x0A) { throw Refusal.malformed }
                if octet == 0x0A, !afterReturn {
                    output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[run..<index]))
                    output.writeStaticString("\r\n")
                    run = index + 1
                }
                afterReturn = octet == 0x0D
            }
            output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[run...]))
        }
        isAfterReturn = afterReturn
        return output
    }
}
