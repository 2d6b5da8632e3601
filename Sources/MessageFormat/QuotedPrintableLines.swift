package import NIOCore

/// Quoted-printable (RFC 2045 §6.7) in lines of at most 76 characters. A line end, CRLF or a bare LF, stays one; everything else decodes to the octets that came.
struct QuotedPrintableLines: Sendable {
    /// Characters of the line so far.
    private var column = 0
    /// It is encoded should the line end behind it (rule 3).
    private var blank: UInt8?
    /// A CR has come, which may begin a line end.
    private var isReturn = false

    /// Characters of a line, of which one is kept for the "=" of a soft line break.
    private static let most = 76

    mutating func write(_ octets: some Sequence<UInt8>, _ output: inout ByteBuffer) {
        var text: [UInt8] = []
        text.reserveCapacity(octets.underestimatedCount * 5 / 4)
        for octet in octets { take(octet, &text) }
        output.writeBytes(text)
    }

    mutating func finish(_ output: inout ByteBuffer) {
        var text: [UInt8] = []
        if isReturn {
            releaseBlank(&text)
            escape(0x0D, &text)
        } else if let blank {
            escape(blank, &text)
        }
        output.writeBytes(text)
        self = QuotedPrintableLines()
    }

    private mutating func take(_ octet: UInt8, _ text: inout [UInt8]) {
        if isReturn {
            isReturn = false
            guard octet != 0x0A else { return endLine(0x0D, 0x0A, &text) }
            releaseBlank(&text)
            escape(0x0D, &text)
        }
        switch octet {
        case 0x0D: isReturn = true
        case 0x0A: endLine(nil, 0x0A, &text)
        case 0x20, 0x09:
            releaseBlank(&text)
            blank = octet
        case 0x21...0x3C, 0x3E...0x7E:
            releaseBlank(&text)
            makeRoom(1, &text)
            text.append(octet)
        default:
            releaseBlank(&text)
            escape(octet, &text)
        }
    }

    private mutating func endLine(_ first: UInt8?, _ second: UInt8, _ text: inout [UInt8]) {
        if let blank { escape(blank, &text) }
        blank = nil
        if let first { text.append(first) }
        text.append(second)
        column = 0
    }

    private mutating func releaseBlank(_ text: inout [UInt8]) {
        guard let blank else { return }
        self.blank = nil
        makeRoom(1, &text)
        text.append(blank)
    }

    private mutating func escape(_ octet: UInt8, _ text: inout [UInt8]) {
        makeRoom(3, &text)
        text.append(UInt8(ascii: "="))
        text.append(Hex.digit(octet >> 4))
        text.append(Hex.digit(octet & 15))
    }

    private mutating func makeRoom(_ count: Int, _ text: inout [UInt8]) {
        if column + count >= QuotedPrintableLines.most {
            text += [UInt8(ascii: "="), 0x0D, 0x0A]
            column = 0
        }
        column += count
    }
}

extension TransferDecoder {
    /// Octets in quoted-printable, at once.
    package static func quotedPrintable(_ octets: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        var encoder = QuotedPrintableLines()
        encoder.write(octets.readableBytesView, &output)
        encoder.finish(&output)
        return output
    }
}
