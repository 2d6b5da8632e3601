package import NIOCore

/// Makes a message with binary parts (RFC 2045 §6.2, RFC 3030) one that may be stored: what is `Content-Transfer-Encoding: binary` becomes
/// base64 as it comes by, and what decodes from it are the octets that came. Everything else stays as it is.
///
/// It holds a header, or the start of a line, and never a part. A header over the limit ends its work: the rest goes by.
package struct BinaryRecoder: Sendable {
    private struct Frame {
        let boundary: [UInt8]
        let isDigest: Bool
    }

    private enum Place {
        case header(isMessage: Bool)
        /// `isEncoding`: of a binary part.
        case body(isEncoding: Bool)
        case givenUp
    }

    private var place = Place.header(isMessage: true)
    private var frames: [Frame] = []
    private var header: [UInt8] = []
    /// The start of a line.
    private var pending: [UInt8] = []
    private var isWithinLine = false
    /// A line end that belongs to the delimiter, should one follow (RFC 2046 §5.1.1).
    private var heldEnd: [UInt8] = []
    private var encoder = Base64Lines()

    private static let longestHeader = 256 << 10
    private static let deepest = 100
    /// A delimiter has at most 70 octets (RFC 2046 §5.1.1) and some space behind it.
    private static let longestHeld = 1_000

    package init() {}

    /// What goes on for these octets.
    package mutating func recode(_ bytes: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        let input = pending + bytes.readableBytesView
        pending = []
        var start = 0
        while start < input.count {
            guard let end = input[start...].firstIndex(of: 0x0A) else { break }
            take(input[start...end], isWhole: true, &output)
            start = end + 1
        }
        let rest = input[start...]
        if rest.count > BinaryRecoder.longestHeld {
            let kept = rest.last == 0x0D ? 1 : 0
            take(rest.dropLast(kept), isWhole: false, &output)
            pending = Array(rest.suffix(kept))
        } else {
            pending = Array(rest)
        }
        return output
    }

    /// What is left at the end.
    package mutating func finish() -> ByteBuffer {
        var output = ByteBuffer()
        if !pending.isEmpty { take(pending[...], isWhole: true, &output) }
        pending = []
        if case .header = place { output.writeBytes(header) }
        let wasEncoding = if case .body(isEncoding: true) = place { true } else { false }
        if wasEncoding, !heldEnd.isEmpty {
            encoder.write(heldEnd[...], &output)
            heldEnd = []
        }
        endPart(&output)
        if wasEncoding { output.writeStaticString("\r\n") }
        return output
    }

    /// A line with its end, or a piece of a long one.
    private mutating func take(_ line: ArraySlice<UInt8>, isWhole: Bool, _ output: inout ByteBuffer) {
        defer { isWithinLine = !isWhole }
        switch place {
        case .givenUp:
            output.writeBytes(line)
        case .header(let isMessage):
            header += line
            if !isWithinLine, line.elementsEqual([0x0D, 0x0A]) || line.elementsEqual([0x0A]) {
                endHeader(isMessage: isMessage, &output)
            } else if header.count > BinaryRecoder.longestHeader {
                output.writeBytes(header)
                header = []
                place = .givenUp
            }
        case .body(let isEncoding):
            if !isWithinLine, isWhole, let (level, isLast) = delimiter(line) {
                endPart(&output)
                output.writeBytes(line)
                frames.removeLast(frames.count - level - (isLast ? 0 : 1))
                place = isLast ? .body(isEncoding: false) : .header(isMessage: false)
            } else if isEncoding {
                encoder.write(heldEnd[...], &output)
                let end = line.last == 0x0A ? (line.dropLast().last == 0x0D ? 2 : 1) : 0
                heldEnd = Array(line.suffix(end))
                encoder.write(line.dropLast(end), &output)
            } else {
                output.writeBytes(line)
            }
        }
    }

    private mutating func endPart(_ output: inout ByteBuffer) {
        encoder.finish(&output)
        output.writeBytes(heldEnd)
        heldEnd = []
    }

    /// The multipart whose delimiter the line is, from the inside out.
    private func delimiter(_ line: ArraySlice<UInt8>) -> (level: Int, isLast: Bool)? {
        guard line.starts(with: [0x2D, 0x2D]) else { return nil }
        let rest = line.dropFirst(2)
        for level in frames.indices.reversed() where rest.starts(with: frames[level].boundary) {
            var tail = rest.dropFirst(frames[level].boundary.count)
            let isLast = tail.starts(with: [0x2D, 0x2D])
            if isLast { tail = tail.dropFirst(2) }
            if tail.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }) { return (level, isLast) }
        }
        return nil
    }

    private mutating func endHeader(isMessage: Bool, _ output: inout ByteBuffer) {
        let block = header
        header = []
        var budget = HeaderBudget(.standard)
        let fields = block.withUnsafeBytes {
            EntityHeader(
                $0, isMessage: isMessage, isDigest: !isMessage && frames.last?.isDigest == true, budget: &budget)
        }
        let isBinary = fields.encoding == "binary"
        let isPlain = isBinary || fields.encoding == "7bit" || fields.encoding == "8bit"
        place = .body(isEncoding: false)
        if fields.type == "multipart", let boundary = fields.parameters.value("boundary"), !boundary.isEmpty,
            frames.count < BinaryRecoder.deepest
        {
            frames.append(Frame(boundary: Array(boundary.utf8), isDigest: fields.subtype == "digest"))
        } else if fields.type == "message", fields.subtype == "rfc822" || fields.subtype == "global", isPlain {
            place = .header(isMessage: true)
        } else if isBinary {
            place = .body(isEncoding: true)
            encoder = Base64Lines()
            return write(block, encoding: "base64", &output)
        }
        // RFC 2045 §6.4: a composite type has no encoding but these.
        if isBinary { write(block, encoding: "8bit", &output) } else { output.writeBytes(block) }
    }

    /// A header with another Content-Transfer-Encoding.
    private func write(_ block: [UInt8], encoding: StaticString, _ output: inout ByteBuffer) {
        block.withUnsafeBytes { octets in
            var offset = 0
            var isReplaced = false
            while let span = FieldSpan(octets, from: offset) {
                let name = UnsafeRawBufferPointer(rebasing: octets[span.start..<span.start + span.nameLength])
                if !isReplaced, span.nameLength > 0, HeaderText.matches(name, "content-transfer-encoding") {
                    isReplaced = true
                    output.writeStaticString("Content-Transfer-Encoding: ")
                    output.writeStaticString(encoding)
                    output.writeStaticString("\r\n")
                } else {
                    output.writeBytes(octets[span.start..<span.end])
                }
                offset = span.end
            }
            output.writeBytes(octets[offset...])
        }
    }
}

/// Base64 in lines of 76 characters (RFC 2045 §6.8), with CRLF between them.
private struct Base64Lines: Sendable {
    private var rest: [UInt8] = []
    private var isFirst = true
    private static let octetsInLine = 57
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    mutating func write(_ octets: ArraySlice<UInt8>, _ output: inout ByteBuffer) {
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
