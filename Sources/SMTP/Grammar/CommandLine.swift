package import MessageFormat
package import NIOCore

/// A command line in two parts; the argument is read by its verb's grammar once the verb is known to be legal.
package struct CommandLine: Sendable {
    package let verb: Verb
    /// What follows the verb and its blanks, without trailing white space; empty when nothing does.
    package let argument: ByteScanner

    // command = verb [SP argument] *WSP CRLF          (RFC 5321 §4.1.1: trailing white space is tolerated; a tab is as good as a space)
    /// - parameter line: without its CRLF.
    package init(_ line: ByteBuffer) throws(SyntaxError) {
        if ForeignProtocol.speaks(line) { throw .foreign }
        let isLine = line.withUnsafeReadableBytes { octets in
            octets.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
        }
        guard isLine else { throw .notALine }
        var scanner = ByteScanner(CommandLine.trimmed(line))
        guard let verb = CommandLine.takeVerb(&scanner) else { throw .unrecognized }
        self.verb = verb
        scanner.skipBlanks()
        argument = ByteScanner(scanner.rest)
    }

    private static func trimmed(_ line: ByteBuffer) -> ByteBuffer {
        let count = line.withUnsafeReadableBytes { octets in
            var count = octets.count
            while count > 0, octets[count - 1] == UInt8(ascii: " ") || octets[count - 1] == 0x09 { count -= 1 }
            return count
        }
        return line.getSlice(at: line.readerIndex, length: count) ?? line
    }

    private static func takeVerb(_ scanner: inout ByteScanner) -> Verb? {
        for verb in Verb.allCases where scanner.take(caseInsensitive: verb.word) {
            if scanner.isAtEnd || scanner.peek() == UInt8(ascii: " ") || scanner.peek() == 0x09 { return verb }
            scanner.position = 0
        }
        return nil
    }
}

/// The name a client gives itself with EHLO or HELO: 1...255 octets without control characters. It may be anything, with blanks too (a machine's name
/// as its owner wrote it); only a name that is a `Domain` is written into trace lines.
package struct ClientName: Hashable, Sendable {
    package let text: String

    // ehlo = "EHLO" SP ( Domain / address-literal ) CRLF          (RFC 5321 §4.1.1.1)
    // A client is not turned away for a name that is no Domain (§4.1.4).
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        let name = scanner.take { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
        guard scanner.isAtEnd, name.readableBytes <= 255,
            let text = String(validating: name.readableBytesView, as: UTF8.self)
        else { throw .argument }
        self.text = text
    }
}
