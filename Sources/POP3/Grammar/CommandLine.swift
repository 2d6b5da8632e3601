package import MessageFormat
package import NIOCore

/// A command line in two parts; the argument is read by its verb's grammar once the verb is known to be legal.
package struct CommandLine: Sendable {
    package let verb: Verb
    /// What follows the verb and one space, as it is: a password may begin and end with spaces (RFC 1939 §7 PASS).
    package let argument: ByteScanner

    // command = keyword *(SP argument) CRLF;  keyword = 3*4VCHAR, in any case          (RFC 1939 §3, RFC 2449 §4)
    /// - parameter line: without its CRLF.
    package init(_ line: ByteBuffer) throws(SyntaxError) {
        let isLine = line.withUnsafeReadableBytes { octets in
            octets.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
        }
        guard isLine else { throw .notALine }
        var scanner = ByteScanner(line)
        let word = scanner.take { $0 != UInt8(ascii: " ") }
        guard word.readableBytes <= Verb.longest, let verb = Verb(rawValue: String(buffer: word).uppercased()) else {
            throw .unrecognized
        }
        self.verb = verb
        _ = scanner.take(UInt8(ascii: " "))
        argument = ByteScanner(scanner.rest)
    }

    package var hasArgument: Bool { argument.rest.readableBytesView.contains { $0 != UInt8(ascii: " ") } }
}

/// A message's number in its maildrop: 1 and up (RFC 1939 §5).
package struct MessageNumber: Hashable, Sendable {
    package let value: Int

    // msg = 1*DIGIT
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        value = try Arguments.number(&scanner, orElse: .messageNumber)
        guard value > 0 else { throw .messageNumber }
        try Arguments.end(&scanner)
    }
}

/// TOP msg n (RFC 1939 §7).
package struct TopArguments: Hashable, Sendable {
    package let message: Int
    /// Of the body.
    package let lines: Int

    // top = msg SP n;  n = 1*DIGIT
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        message = try Arguments.number(&scanner, orElse: .messageNumber)
        guard message > 0 else { throw .messageNumber }
        guard scanner.peek() == UInt8(ascii: " ") else { throw .missingArgument }
        lines = try Arguments.number(&scanner, orElse: .argument)
        try Arguments.end(&scanner)
    }
}

/// AUTH mechanism [initial-response] (RFC 5034 §4).
package struct AuthArguments: Equatable, Sendable {
    /// In upper case.
    package let mechanism: String
    /// Decoded; nil when the client waits for a challenge, empty for "=".
    package let initialResponse: [UInt8]?

    // auth-command = "AUTH" SP sasl-mech [SP initial-response];  initial-response = base64 / "="
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        let name = scanner.take { $0 != UInt8(ascii: " ") }
        // RFC 4422 §3.1.
        guard (1...20).contains(name.readableBytes), let mechanism = String(validating: name.readableBytesView, as: Unicode.ASCII.self) else {
            throw .mechanism
        }
        self.mechanism = mechanism.uppercased()
        scanner.skip { $0 == UInt8(ascii: " ") }
        if scanner.isAtEnd {
            initialResponse = nil
        } else if scanner.rest.readableBytesView.elementsEqual([UInt8(ascii: "=")]) {
            initialResponse = []
        } else {
            guard let octets = Base64.decode(scanner.rest) else { throw .base64 }
            initialResponse = octets
        }
    }
}

/// What several verbs' arguments are made of.
enum Arguments {
    static let greatest = UInt64(UInt32.max)

    /// Spaces before it are passed over.
    static func number(_ scanner: inout ByteScanner, orElse fault: SyntaxError) throws(SyntaxError) -> Int {
        scanner.skip { $0 == UInt8(ascii: " ") }
        guard let number = scanner.takeNumber(upTo: greatest) else { throw fault }
        return Int(number)
    }

    /// Nothing but spaces is left.
    static func end(_ scanner: inout ByteScanner) throws(SyntaxError) {
        guard scanner.isAtEnd || scanner.peek() == UInt8(ascii: " ") else { throw .argument }
        scanner.skip { $0 == UInt8(ascii: " ") }
        guard scanner.isAtEnd else { throw .unexpectedArgument }
    }

    /// A name or a tag: UTF-8 text without what surrounds it.
    static func text(_ argument: ByteScanner) throws(SyntaxError) -> String {
        guard let text = String(validating: argument.rest.readableBytesView, as: UTF8.self) else { throw .argument }
        let trimmed = text.utf8.drop { $0 == UInt8(ascii: " ") }
        guard let last = trimmed.lastIndex(where: { $0 != UInt8(ascii: " ") }) else { throw .missingArgument }
        return String(trimmed[...last]) ?? ""
    }
}
