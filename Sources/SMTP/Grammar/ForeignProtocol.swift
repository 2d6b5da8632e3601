import MessageFormat
import NIOCore

/// Other protocols that are spoken to an SMTP port: by a browser that was sent here to smuggle commands within its request, by a client that takes the
/// port for one of TLS, by who sends a message without DATA.
enum ForeignProtocol {
    /// A record of TLS begins so: handshake (RFC 8446 §5.1). No command does.
    static let handshake: UInt8 = 0x16

    /// Whether a line is none that an SMTP client could have meant as a command.
    /// - parameter line: without its line end.
    static func speaks(_ line: ByteBuffer) -> Bool {
        guard let first = line.readableBytesView.first else { return false }
        // Blanks are a client's carelessness; a CR or NUL is answered as what it is.
        if first == UInt8(ascii: " ") || first == 0x09 || first == 0x0D || first == 0 { return false }
        guard OctetSet.letters.contains(first) else { return true }
        var scanner = ByteScanner(line)
        let word = scanner.take { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
        // field-name = 1*ftext; a command's first colon stands behind its verb (RFC 5322 §3.6.8)
        if scanner.peek() == UInt8(ascii: ":") { return true }
        return methods.contains(String(buffer: word).uppercased())
    }

    /// RFC 9110 §9.3, RFC 5789, RFC 4918, and the preface of RFC 9113 §3.4.
    private static let methods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PRI",
    ]
}
