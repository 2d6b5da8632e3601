package import NIOCore

/// What a mail program asks for (MS-OXDSCLI §2.2.3): of
///
///     <Autodiscover><Request><EMailAddress>…</EMailAddress><AcceptableResponseSchema>…</AcceptableResponseSchema></Request></Autodiscover>
///
/// the two texts. Prefixes of names and attributes are passed over, other elements too. It is no XML at large: of UTF-8 alone, and without a document type, so
/// without entities that somebody declares, CDATA, or depth.
package struct AutodiscoverRequest: Hashable, Sendable {
    package let address: String
    /// Nil: any.
    package let responseSchema: String?

    /// Of a request.
    package static let mostOctets = 8 * 1024

    /// Nil for what is no request.
    package init?(_ content: ByteBuffer) {
        guard content.readableBytes <= AutodiscoverRequest.mostOctets, let text = String(validating: content.readableBytesView, as: UTF8.self),
            text.unicodeScalars.allSatisfy(XMLText.isCharacter)
        else { return nil }
        var reader = AutodiscoverReader(text.utf8)
        guard reader.read(), let address = reader.found["EMailAddress"].map(AutodiscoverRequest.trimmed), !address.isEmpty else { return nil }
        self.address = address
        responseSchema = reader.found["AcceptableResponseSchema"].map(AutodiscoverRequest.trimmed)
    }

    private static func trimmed(_ text: String) -> String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character.isNewline }
        let start = text.drop(while: isBlank)
        return String(start.reversed().drop(while: isBlank).reversed())
    }
}

/// Goes through a request once, from its first octet to its last.
private struct AutodiscoverReader {
    private var rest: Substring.UTF8View
    /// Names of the elements that are open.
    private var open: [Substring] = []
    private var hasEnded = false
    /// What stands in elements of the request, by name.
    private(set) var found: [Substring: String] = [:]

    private static let wanted: Set<Substring> = ["EMailAddress", "AcceptableResponseSchema"]
    private static let deepest = 16

    init(_ text: String.UTF8View) {
        rest = text[...]
        // A byte order mark.
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    }

    /// Whether it was one element, whole.
    mutating func read() -> Bool {
        while !rest.isEmpty {
            guard rest.first == UInt8(ascii: "<") ? markup() : text() else { return false }
        }
        return hasEnded
    }

    private mutating func text() -> Bool {
        let text = Substring(rest.prefix { $0 != UInt8(ascii: "<") })
        rest = rest.dropFirst(text.utf8.count)
        guard !open.isEmpty else { return text.utf8.allSatisfy { [0x20, 0x09, 0x0D, 0x0A].contains($0) } }
        guard open.count == 3, open[0] == "Autodiscover", open[1] == "Request", AutodiscoverReader.wanted.contains(open[2]) else { return true }
        guard let decoded = decoded(text) else { return false }
        found[open[2], default: ""] += decoded
        return true
    }

    private func decoded(_ text: Substring) -> String? {
        let pieces = text.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        var decoded = String(Substring(pieces[0]))
        for piece in pieces.dropFirst() {
            let halves = piece.split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let scalar = XMLText.entity(Substring(halves[0])) else { return nil }
            decoded.unicodeScalars.append(scalar)
            decoded += Substring(halves[1])
        }
        return decoded
    }

    private mutating func markup() -> Bool {
        // PI ::= '<?' … '?>', and the XML declaration
        if skip("<?") { return skip(through: "?>") }
        // Comment ::= '<!--' … '-->'
        if skip("<!--") { return skip(through: "-->") }
        // doctypedecl ::= '<!DOCTYPE' …; CDSect ::= '<![CDATA[' …
        if rest.starts(with: "<!".utf8) { return false }
        // ETag ::= '</' Name S? '>'
        if skip("</") {
            guard let name = name(), open.popLast() == name else { return false }
            blanks()
            if open.isEmpty { hasEnded = true }
            return skip(">")
        }
        return startTag()
    }

    // STag ::= '<' Name (S Attribute)* S? '>'; EmptyElemTag ::= '<' Name (S Attribute)* S? '/>'
    private mutating func startTag() -> Bool {
        guard skip("<"), !hasEnded, open.count < AutodiscoverReader.deepest, let name = name() else { return false }
        if open.count == 2, AutodiscoverReader.wanted.contains(name) {
            // Which of two holds must not depend on who reads.
            guard found.updateValue("", forKey: name) == nil else { return false }
        }
        while true {
            let before = rest.startIndex
            blanks()
            if skip(">") {
                open.append(name)
                return true
            }
            if skip("/>") {
                if open.isEmpty { hasEnded = true }
                return true
            }
            guard rest.startIndex != before, attribute() else { return false }
        }
    }

    // Attribute ::= Name Eq AttValue
    private mutating func attribute() -> Bool {
        guard name() != nil else { return false }
        blanks()
        guard skip("=") else { return false }
        blanks()
        guard let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return false }
        let value = rest.dropFirst().prefix { $0 != quote && $0 != UInt8(ascii: "<") }
        rest = rest.dropFirst(1 + value.count)
        guard rest.first == quote else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Without its prefix.
    private mutating func name() -> Substring? {
        let name = Substring(
            rest.prefix { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...: true
                default: ":_-.".utf8.contains(byte)
                }
            })
        rest = rest.dropFirst(name.utf8.count)
        guard let local = name.split(separator: ":", omittingEmptySubsequences: false).last, !local.isEmpty else { return nil }
        return local
    }

    private mutating func blanks() { rest = rest.drop { [0x20, 0x09, 0x0D, 0x0A].contains($0) } }

    private mutating func skip(_ mark: String) -> Bool {
        guard rest.starts(with: mark.utf8) else { return false }
        rest = rest.dropFirst(mark.utf8.count)
        return true
    }

    private mutating func skip(through mark: String) -> Bool {
        while !rest.isEmpty {
            if skip(mark) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
