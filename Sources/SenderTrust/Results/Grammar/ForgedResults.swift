package import MailModel
import MessageFormat
package import NIOCore

/// Fields that say that we have written them. Whoever reads our mail trusts what we say, so what came with a message under our name has to go, also where it
/// cannot be understood (RFC 8601 §5).
package enum ForgedResults {
    /// Octets of a field's value that decide: a caller need hold no more. One that has not named its server by then is nobody's honest work.
    package static let decisive = 4 << 10

    /// Whether the value of an Authentication-Results field names us, in the eyes of a strict reader or of one that takes whatever it finds.
    ///
    /// - parameter authserv: our own, in ASCII.
    package static func claims(authserv: Domain, value: ByteBuffer) -> Bool {
        let octets = Array(value.readableBytesView.prefix(decisive))
        var lexer = ResultsLexer(octets)
        lexer.skipBlank()
        let server = lexer.value(most: decisive) ?? ""
        if names(server, authserv) { return true }
        lexer.skipBlank()
        // authres-version = 1*DIGIT [CFWS]
        let version = lexer.keyword()
        lexer.skipBlank()
        let isWhole = octets.count == value.readableBytes
        if !lexer.isUnclosed, isPlain(server), version.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            lexer.peek() == UInt8(ascii: ";") || (lexer.isAtEnd && isWhole)
        {
            return false
        }
        return lexer.isAtEnd && !isWhole || isFound(authserv, in: octets)
    }

    /// Whether it is a name that no reader takes for another.
    private static func isPlain(_ server: String) -> Bool {
        !server.isEmpty && server.utf8.allSatisfy { ResultsLexer.isKeyword($0) || $0 == UInt8(ascii: ".") }
    }

    /// Of what cannot be understood: whether our name stands where a server's belongs, however it is wrapped or cut.
    private static func isFound(_ authserv: Domain, in octets: [UInt8]) -> Bool {
        for statement in octets.split(separator: UInt8(ascii: ";")).prefix(2) {
            let text = EncodedWord.decode(String(decoding: statement, as: UTF8.self))
            let words = text.unicodeScalars.split { !isNameScalar($0) }
            if words.contains(where: { names(String(String.UnicodeScalarView($0)), authserv) }) { return true }
            // Without what parts it, comments among that for some.
            for var joined in [joined(text, withComments: true), joined(text, withComments: false)] {
                if names(joined, authserv) { return true }
                while let last = joined.unicodeScalars.last, ("0"..."9").contains(last) { joined.unicodeScalars.removeLast() }
                if names(joined, authserv) { return true }
            }
        }
        return false
    }

    private static func joined(_ text: String, withComments: Bool) -> String {
        var joined = String.UnicodeScalarView()
        var depth = 0
        for scalar in text.unicodeScalars {
            if scalar == "(" { depth += 1 }
            if scalar == ")" { depth = max(0, depth - 1) }
            if isNameScalar(scalar), withComments || depth == 0 { joined.append(scalar) }
        }
        return String(joined)
    }

    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "-" || scalar == "." || scalar == "_" }
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func names(_ text: String, _ authserv: Domain) -> Bool {
        // What is much longer or shorter is no form of the name.
        let length = text.utf8.count
        guard length <= 4 * authserv.value.utf8.count + 8, 4 * length + 8 >= authserv.value.utf8.count, let domain = Domain(text.trimmingDots) else {
            return false
        }
        return domain == authserv || domain.asciiForm == authserv
    }
}

extension String {
    /// Without dots at its ends.
    fileprivate var trimmingDots: Substring {
        var text = self[...]
        while text.first == "." { text.removeFirst() }
        while text.last == "." { text.removeLast() }
        return text
    }
}
