package import MessageFormat
import NIOCore

/// The SASL mechanisms that are offered.
package enum Mechanism: CaseIterable, Hashable, Sendable {
    /// RFC 4616.
    case plain
    /// Never a standard; Outlook and many devices know no other.
    case login

    package var name: StaticString {
        switch self {
        case .plain: "PLAIN"
        case .login: "LOGIN"
        }
    }
}

/// AUTH mechanism [initial-response] (RFC 4954 §4).
package struct AuthCommand: Equatable, Sendable {
    package let mechanism: Mechanism
    /// Decoded; nil when the client waits for a challenge, empty for "=".
    package let initialResponse: [UInt8]?

    // auth-command = "AUTH" SP sasl-mech [SP initial-response] CRLF;  initial-response = base64 / "="
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        guard let mechanism = AuthCommand.takeMechanism(&scanner) else { throw .mechanism }
        self.mechanism = mechanism
        scanner.skip { $0 == UInt8(ascii: " ") }
        if scanner.isAtEnd {
            initialResponse = nil
        } else if scanner.take("="), scanner.isAtEnd {
            initialResponse = []
        } else {
            initialResponse = try AuthResponse.decode(scanner.rest)
        }
    }

    private static func takeMechanism(_ scanner: inout ByteScanner) -> Mechanism? {
        for mechanism in Mechanism.allCases where scanner.take(caseInsensitive: mechanism.name) {
            if scanner.isAtEnd || scanner.peek() == UInt8(ascii: " ") { return mechanism }
            scanner.position = 0
        }
        return nil
    }
}
