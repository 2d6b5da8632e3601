package import NIOCore

/// Base64 in lines of 76 characters (RFC 2045 §6.8), with CRLF between them.
struct Base64Lines: Sendable {
    private var rest: [UInt8] = []
    private var isFirst = true
    private static let octetsInLine = 57
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    mutating func write(_ octets: some Sequence<UInt8>, _ output: inout ByteBuffer) {
        rest += octets
        var start = 0
        while rest.count - start > Base64Lines.octetsInLine {
            line(rest[start..<start + Base64Lines.octetsInLine], &output)
            start += Base64Lines.octetsInLine
        }
        rest.removeFirst(start)
    }

    mutating func finish(_ output: inout ByteBuffer) {
        if !rest.isEmpty { line(rest[...], &output) }
        self = Base64Lines()
    }

    private mutating func line(_ octets: ArraySlice<UInt8>, _ output: inout ByteBuffer) {
        if !isFirst { output.writeStaticString("\r\n") }
        isFirst = false
        var text: [UInt8] = []
        text.reserveCapacity(76)
        var index = octets.startIndex
        while index < octets.endIndex {
            let count = min(3, octets.endIndex - index)
            let bits = (0..<3).reduce(UInt32(0)) { $0 << 8 | ($1 < count ? UInt32(octets[index + $1]) : 0) }
            for place in 0..<4 {
                text.append(
                    place <= count ? Base64Lines.alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
            }
            index += count
        }
        output.writeBytes(text)
    }
}

extension Base64 {
    /// As a part of a message holds it: lines of 76 characters with CRLF between them, and none at the end.
    package static func lines(_ octets: ByteBuffer) -> ByteBuffer {
        var writer = Base64Lines()
        var text = ByteBuffer()
        text.reserveCapacity(octets.readableBytes / 57 * 78 + 80)
        writer.write(octets.readableBytesView, &text)
        writer.finish(&text)
        return text
    }
}
