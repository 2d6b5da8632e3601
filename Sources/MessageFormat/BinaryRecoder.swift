package import NIOCore

/// Makes a message with binary parts (RFC 2045 §6.2, RFC 3030) one that may be stored: what is `Content-Transfer-Encoding: binary` becomes
/// base64 as it comes by, and what decodes from it are the octets that came. Everything else stays as it is.
///
/// It holds a header, or the start of a line, and never a part. A header over the limit ends its work: the rest goes by.
package struct BinaryRecoder: Sendable {
    private var splitter = EntitySplitter()
    /// Within a binary part.
    private var isEncoding = false
    /// A line end that belongs to the delimiter, should one follow (RFC 2046 §5.1.1).
    private var heldEnd: [UInt8] = []
    private var encoder = Base64Lines()

    package init() {}

    /// What goes on for these octets.
    package mutating func recode(_ bytes: ByteBuffer) -> ByteBuffer {
        var output = ByteBuffer()
        // Apart, so that what it gives may change the rest.
        var splitter = EntitySplitter()
        swap(&splitter, &self.splitter)
        splitter.split(bytes) { take($0, &output) }
        swap(&splitter, &self.splitter)
        return output
    }

    /// What is left at the end.
    package mutating func finish() -> ByteBuffer {
        var output = ByteBuffer()
        var splitter = EntitySplitter()
        swap(&splitter, &self.splitter)
        splitter.finish { take($0, &output) }
        let wasEncoding = isEncoding
        if wasEncoding { encodeHeldEnd(&output) }
        endPart(&output)
        if wasEncoding { output.writeStaticString("\r\n") }
        return output
    }

    private mutating func take(_ piece: EntitySplitter.Piece, _ output: inout ByteBuffer) {
        switch piece {
        case .header(let heading): begin(heading, &output)
        case .unfinishedHeader(let octets): output.writeBytes(octets)
        case .opaque(let octets): output.writeBytes(octets)
        case .delimiter(let line):
            endPart(&output)
            output.writeBytes(line)
        case .body(let line) where isEncoding:
            encodeHeldEnd(&output)
            let end = line.last == 0x0A ? (line.dropLast().last == 0x0D ? 2 : 1) : 0
            heldEnd = Array(line.suffix(end))
            encoder.write(line.dropLast(end), &output)
        case .body(let line): output.writeBytes(line)
        }
    }

    private mutating func encodeHeldEnd(_ output: inout ByteBuffer) {
        encoder.write(heldEnd, &output)
        heldEnd = []
    }

    private mutating func endPart(_ output: inout ByteBuffer) {
        isEncoding = false
        encoder.finish(&output)
        output.writeBytes(heldEnd)
        heldEnd = []
    }

    private mutating func begin(_ heading: EntitySplitter.Heading, _ output: inout ByteBuffer) {
        guard heading.fields.encoding == "binary" else {
            output.writeBytes(heading.block)
            return
        }
        isEncoding = heading.kind == .leaf
        // RFC 2045 §6.4: a composite type has no encoding but these.
        heading.write(encoding: isEncoding ? "base64" : "8bit", to: &output)
    }
}
