package import MessageFormat
import NIOCore

/// AUTH mechanism [initial-response] (RFC 4954 §4).
package struct AuthCommand: Equatable, Sendable {
    /// In capitals.
    package let mechanism: String
    /// Decoded; nil when the client waits for a challenge, empty for "=".
    package let initialResponse: [UInt8]?

    // auth-command = "AUTH" SP sasl-mech [SP initial-response] CRLF;  initial-response = base64 / "="
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        let name = scanner.take { $0 != UInt8(ascii: " ") }
        // sasl-mech = 1*20mech-char          (RFC 4422 §3.1)
        guard (1...20).contains(name.readableBytes), let mechanism = String(validating: name.readableBytesView, as: Unicode.ASCII.self) else {
            throw .mechanism
        }
        self.mechanism = mechanism.uppercased()
        scanner.skip { $0 == UInt8(ascii: " ") }
        if scanner.isAtEnd {
            initialResponse = nil
        } else if scanner.take("="), scanner.isAtEnd {
            initialResponse = []
        } else {
            initialResponse = try AuthResponse.decode(scanner.rest)
        }
    }
}
