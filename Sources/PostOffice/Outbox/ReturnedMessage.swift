import MessageFormat
import NIOCore

/// The message that a report is on, as it is returned, and what is known of it.
struct ReturnedMessage {
    /// With "<" and ">".
    let messageID: String?
    /// The same of those that it answers.
    let references: [String]
    /// In words, in one line; nil: there is none.
    let subject: String?
    /// A part of the report without the line end that belongs to the delimiter; nil: nothing is known.
    let part: ByteBuffer?

    init(_ original: DeliveryReport.Original, isUTF8: Bool) {
        let header = ReturnedMessage.header(of: original.octets)
        var scanner = MessageScanner()
        scanner.consume(header)
        let outline = scanner.finish()
        messageID = outline.messageID.flatMap { ReturnedMessage.isIdentifier($0) ? $0 : nil }
        references = outline.references.filter(ReturnedMessage.isIdentifier).suffix(20)
        subject = outline.envelope.subject.map { ReportText.quoted(EncodedWord.decode($0), most: 150) }.flatMap { $0.isEmpty ? nil : $0 }
        part = ReturnedMessage.whole(original, header, isUTF8: isUTF8) ?? ReturnedMessage.header(header, isUTF8: isUTF8)
    }

    /// Fit for a field, and for a line.
    private static func isIdentifier(_ text: String) -> Bool {
        (3...250).contains(text.utf8.count) && text.hasPrefix("<") && text.hasSuffix(">") && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Up to the empty line, at most `DeliveryReport.header` octets in whole lines; without NUL, and each line ended with CRLF.
    private static func header(of octets: ByteBuffer) -> ByteBuffer {
        var header = ByteBuffer()
        for line in octets.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            let line = line.filter { $0 != 0x0D && $0 != 0 }
            guard !line.isEmpty, header.readableBytes + line.count + 2 <= DeliveryReport.header else { break }
            header.writeBytes(line)
            header.writeStaticString("\r\n")
        }
        return header
    }

    // message/rfc822 holds no header but of ASCII, and may not be encoded (RFC 2046 §5.2.1); message/global holds UTF-8 (RFC 6532 §3.7).
    /// Nil: it is not to be returned as a whole, or cannot.
    private static func whole(_ original: DeliveryReport.Original, _ header: ByteBuffer, isUTF8: Bool) -> ByteBuffer? {
        guard original.isWhole, original.octets.readableBytes <= DeliveryReport.mostReturned, isLines(original.octets) else { return nil }
        let isASCII = header.readableBytesView.allSatisfy { $0 < 0x80 }
        guard isASCII || (isUTF8 && String(validating: header.readableBytesView, as: UTF8.self) != nil) else { return nil }
        let isSevenBit = original.octets.readableBytesView.allSatisfy { $0 < 0x80 }
        var part = ByteBuffer(string: "Content-Type: message/\(isASCII ? "rfc822" : "global")\r\n")
        if !isSevenBit { part.writeString("Content-Transfer-Encoding: 8bit\r\n") }
        part.writeString("\r\n")
        part.writeImmutableBuffer(original.octets)
        return part
    }

    /// RFC 6522 §4, RFC 6533 §5. Octets of no known charset are encoded, and so is a header with overlong lines.
    private static func header(_ header: ByteBuffer, isUTF8: Bool) -> ByteBuffer? {
        guard header.readableBytes > 0 else { return nil }
        if header.readableBytesView.allSatisfy({ $0 < 0x80 }), isLines(header) {
            return ByteBuffer(string: "Content-Type: text/rfc822-headers\r\n\r\n") + header
        }
        if isUTF8, String(validating: header.readableBytesView, as: UTF8.self) != nil, isLines(header) {
            return ByteBuffer(string: "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") + header
        }
        return ByteBuffer(string: "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
            + TransferDecoder.quotedPrintable(header)
    }

    /// Lines of at most 998 octets that end with CRLF, without NUL (RFC 5322 §2.1.1, §2.3).
    private static func isLines(_ octets: ByteBuffer) -> Bool {
        var length = 0
        var previous: UInt8 = 0
        for octet in octets.readableBytesView {
            guard octet != 0, (octet == 0x0A) == (previous == 0x0D) else { return false }
            length = octet == 0x0A ? 0 : length + 1
            // A CR is not counted against it.
            guard length <= 998 || octet == 0x0D else { return false }
            previous = octet
        }
        return previous != 0x0D
    }
}

extension ByteBuffer {
    fileprivate static func + (first: ByteBuffer, second: ByteBuffer) -> ByteBuffer {
        var whole = first
        whole.writeImmutableBuffer(second)
        return whole
    }
}
