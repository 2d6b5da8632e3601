import MessageFormat
import NIOCore
import Testing

/// The outline of a message, after it was found the same for every way of cutting and after encoding.
func scan(
    _ message: ByteBuffer, limits: MessageLimits = .standard, sourceLocation: SourceLocation = #_sourceLocation
) -> MessageOutline {
    let whole = scan(message, pieces: message.readableBytes, limits: limits)
    for size in [1, 2, 7, 64] {
        #expect(
            scan(message, pieces: size, limits: limits) == whole, "in pieces of \(size)", sourceLocation: sourceLocation
        )
    }
    let decoded = try? MessageOutline(decoding: whole.encode())
    #expect(decoded == whole, "after encoding", sourceLocation: sourceLocation)
    return whole
}

/// Text with LF line ends as a message with CRLF.
func scan(
    lines text: String, limits: MessageLimits = .standard, sourceLocation: SourceLocation = #_sourceLocation
) -> MessageOutline {
    scan(message(text), limits: limits, sourceLocation: sourceLocation)
}

func message(_ text: String) -> ByteBuffer {
    ByteBuffer(string: text.replacing("\n", with: "\r\n"))
}

func scan(_ message: ByteBuffer, pieces size: Int, limits: MessageLimits = .standard) -> MessageOutline {
    var scanner = MessageScanner(limits: limits)
    guard size < message.readableBytes else {
        scanner.consume(message)
        return scanner.finish()
    }
    message.withUnsafeReadableBytes { octets in
        for start in stride(from: 0, to: octets.count, by: max(1, size)) {
            let end = min(octets.count, start + max(1, size))
            scanner.consume(UnsafeRawBufferPointer(rebasing: octets[start..<end]))
        }
    }
    return scanner.finish()
}

extension ByteBuffer {
    /// The octets of a range as text, a character for each octet.
    func latin(_ range: Range<Int>) -> String {
        let octets = getBytes(at: readerIndex + range.lowerBound, length: range.count) ?? []
        return String(String.UnicodeScalarView(octets.map { Unicode.Scalar($0) }))
    }

    init(latin text: String) {
        self.init(bytes: text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    }
}

extension Part {
    var children: [Part] {
        if case .multipart(let parts) = content { parts } else { [] }
    }

    var embedded: EmbeddedMessage? {
        if case .message(let embedded) = content { embedded } else { nil }
    }

    var mediaType: String { type + "/" + subtype }

    /// The tree in one line: `mixed(text/plain message/rfc822<text/plain>)`.
    var shape: String {
        switch content {
        case .leaf: mediaType
        case .multipart(let parts): subtype + "(" + parts.map(\.shape).joined(separator: " ") + ")"
        case .message(let embedded): mediaType + "<" + embedded.root.shape + ">"
        }
    }
}
