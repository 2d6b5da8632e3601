import NIOCore

/// Keeps the first octets of the text that a preview is made of: the first text/plain part with something in it that is
/// no attachment and in no embedded message, otherwise the first such text/html part.
struct PreviewSampler: Sendable {
    private struct Sample: Sendable {
        var octets: [UInt8] = []
        var isHTML: Bool
        var encoding: String
        var charset: String

        // HTML begins with styles that are left out.
        var room: Int { (isHTML ? 16 << 10 : 3 << 10) - octets.count }
        var isBlank: Bool { !octets.contains { $0 > 0x20 } }
    }

    private var current: Sample?
    private var plain: Sample?
    private var html: Sample?

    /// A leaf begins.
    mutating func open(_ header: EntityHeader) {
        guard plain == nil, header.type == "text", header.disposition?.kind != "attachment" else { return }
        let isHTML = header.subtype == "html"
        guard header.subtype == "plain" || (isHTML && html == nil) else { return }
        current = Sample(
            isHTML: isHTML, encoding: header.encoding, charset: header.parameters.value("charset") ?? "us-ascii")
    }

    mutating func add(_ octets: UnsafeRawBufferPointer) {
        guard let room = current?.room, room > 0 else { return }
        current?.octets.append(contentsOf: octets.prefix(room))
    }

    mutating func close() {
        guard let sample = current else { return }
        current = nil
        guard !sample.isBlank else { return }
        if sample.isHTML { html = sample } else { plain = sample }
    }

    func preview() -> String {
        guard let sample = plain ?? html else { return "" }
        var decoder = TransferDecoder(sample.encoding) ?? .identity
        var octets = ByteBuffer()
        decoder.decode(ByteBuffer(bytes: sample.octets), into: &octets)
        decoder.finish(into: &octets)
        let isCut = sample.room <= 0
        return octets.withUnsafeReadableBytes { octets in
            if !sample.isHTML, let line = PreviewText.foldedASCII(octets) { return line }
            let text = Charset.decode(octets, label: sample.charset) ?? HeaderText.eightBit(octets)
            return PreviewText.folded(sample.isHTML ? HTMLText.stripped(text) : text, isCut: isCut)
        }
    }
}

/// A text on one line: runs of white space and control characters are one space, none at the ends.
enum PreviewText {
    /// RFC 8970 §3.2: a preview should not be longer.
    static let longest = 200

    /// Nil when an octet that matters is not ASCII, or begins an ISO 2022 or UTF-7 shift.
    static func foldedASCII(_ octets: UnsafeRawBufferPointer) -> String? {
        var line: [UInt8] = []
        line.reserveCapacity(longest)
        var isParted = false
        for octet in octets {
            if octet >= 0x80 || octet == 0x1B || octet == UInt8(ascii: "+") || octet == UInt8(ascii: "~") || octet == 0 {
                return nil
            }
            if octet <= 0x20 || octet == 0x7F {
                isParted = !line.isEmpty
                continue
            }
            if isParted, line.count + 1 >= longest { break }
            if isParted { line.append(0x20) }
            isParted = false
            line.append(octet)
            if line.count == longest { break }
        }
        return String(decoding: line, as: UTF8.self)
    }

    static func folded(_ text: String, isCut: Bool) -> String {
        var line = String.UnicodeScalarView()
        var count = 0
        var isParted = false
        for scalar in text.unicodeScalars {
            if scalar.value <= 0x20 || (0x7F...0xA0).contains(scalar.value) || scalar.properties.isWhitespace
                || scalar.value == 0xFEFF
            {
                isParted = count > 0
                continue
            }
            if isParted, count + 1 >= longest { break }
            if isParted {
                line.append(" ")
                count += 1
            }
            isParted = false
            line.append(scalar)
            count += 1
            if count == longest { break }
        }
        // A sample that was cut may end within a character.
        if isCut, count < longest, line.last == "\u{FFFD}" { line.removeLast() }
        return String(line)
    }
}
