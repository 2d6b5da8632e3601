package import NIOCore

/// Makes a message that goes to a server without 8BITMIME one of 7 bits (RFC 6152 §3), as it comes by and in the way that a `SevenBitPlan` says, which must be of
/// the same message.
///
/// - A part with octets above 127 is encoded, text as quoted-printable, else as base64, and decodes to what it was before. One whose label promised an encoding and
///   whose octets break it is decoded as readers do, and encoded anew.
/// - What is around parts, and nobody reads (RFC 2046 §5.1.1), has "?" for such octets.
/// - multipart/signed is no exception: a changed part breaks its signature, and there is no other way but not to send it.
/// - Text without a Content-Type gets one, with the charset `unknown-8bit` (RFC 1428 §3).
///
/// It makes no line longer than 76 characters. It holds a header, or the start of a line, and never a part.
package struct SevenBitRecoder: Sendable {
    private enum Encoder {
        case quotedPrintable(QuotedPrintableLines)
        case base64(Base64Lines)
    }

    private let plan: SevenBitPlan
    private var splitter = EntitySplitter(opensGlobal: false)
    /// Headers so far.
    private var entities = 0
    /// Of the part that is being encoded.
    private var encoder: Encoder?
    /// Of the same, where it is encoded already.
    private var decoder: TransferDecoder?
    /// A line end that belongs to the delimiter, should one follow.
    private var heldEnd: [UInt8] = []

    package init(_ plan: SevenBitPlan) { self.plan = plan }

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
        if encoder != nil { encode(heldEnd[...], &output) }
        heldEnd = []
        let isBase64 = if case .base64 = encoder { true } else { false }
        endPart(&output)
        if isBase64 { output.writeStaticString("\r\n") }
        return output
    }

    /// A whole message at once.
    package static func recoded(_ message: ByteBuffer, _ plan: SevenBitPlan) -> ByteBuffer {
        var recoder = SevenBitRecoder(plan)
        var output = recoder.recode(message)
        output.writeImmutableBuffer(recoder.finish())
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
        case .body(let line) where encoder != nil:
            encode(heldEnd[...], &output)
            let end = line.last == 0x0A ? (line.dropLast().last == 0x0D ? 2 : 1) : 0
            heldEnd = Array(line.suffix(end))
            encode(line.dropLast(end), &output)
        case .body(let line):
            if line.contains(where: { $0 >= 0x80 }) {
                output.writeBytes(line.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") })
            } else {
                output.writeBytes(line)
            }
        }
    }

    private mutating func begin(_ heading: EntitySplitter.Heading, _ output: inout ByteBuffer) {
        let treatment = entities < plan.treatments.count ? plan.treatments[entities] : .keep
        entities += 1
        let encoding = heading.fields.encoding
        switch treatment {
        case .keep where heading.kind != .leaf && (encoding == "8bit" || encoding == "binary"): heading.write(encoding: "7bit", to: &output)
        case .keep: output.writeBytes(heading.block)
        case .label: heading.write(encoding: "7bit", to: &output)
        case .quotedPrintable:
            encoder = .quotedPrintable(QuotedPrintableLines())
            heading.write(encoding: "quoted-printable", additions: heading.missingFields, to: &output)
        case .base64:
            encoder = .base64(Base64Lines())
            heading.write(encoding: "base64", additions: heading.missingFields, to: &output)
        }
        decoder = encoder != nil && (encoding == "base64" || encoding == "quoted-printable") ? TransferDecoder(encoding) : nil
    }

    private mutating func encode(_ octets: ArraySlice<UInt8>, _ output: inout ByteBuffer) {
        guard !octets.isEmpty else { return }
        guard decoder != nil else { return write(octets, &output) }
        var decoded = ByteBuffer()
        decoder?.decode(ByteBuffer(bytes: octets), into: &decoded)
        write(decoded.readableBytesView, &output)
    }

    private mutating func write(_ octets: some Sequence<UInt8>, _ output: inout ByteBuffer) {
        switch encoder {
        case .quotedPrintable(var lines):
            lines.write(octets, &output)
            encoder = .quotedPrintable(lines)
        case .base64(var lines):
            encoder = nil
            lines.write(octets, &output)
            encoder = .base64(lines)
        case nil: break
        }
    }

    private mutating func endPart(_ output: inout ByteBuffer) {
        var decoded = ByteBuffer()
        decoder?.finish(into: &decoded)
        decoder = nil
        write(decoded.readableBytesView, &output)
        switch encoder {
        case .quotedPrintable(var lines): lines.finish(&output)
        case .base64(var lines): lines.finish(&output)
        case nil: break
        }
        encoder = nil
        output.writeBytes(heldEnd)
        heldEnd = []
    }
}

extension EntitySplitter.Heading {
    /// What an encoded entity must say, and does not (RFC 2045 §4, RFC 1428 §3).
    fileprivate var missingFields: String {
        block.withUnsafeBytes { octets in
            var (hasVersion, hasType) = (false, false)
            var offset = 0
            while let span = FieldSpan(octets, from: offset) {
                let name = UnsafeRawBufferPointer(rebasing: octets[span.start..<span.start + span.nameLength])
                hasVersion = hasVersion || HeaderText.matches(name, "mime-version")
                hasType = hasType || HeaderText.matches(name, "content-type")
                offset = span.end
            }
            return (isMessage && !hasVersion ? "MIME-Version: 1.0\r\n" : "")
                + (!hasType && fields.type == "text" ? "Content-Type: text/plain; charset=unknown-8bit\r\n" : "")
        }
    }
}
