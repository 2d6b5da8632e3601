/// The lexical tokens of structured field bodies (RFC 5322 §3.2) over octets that stay in place. Line ends and control
/// characters count as blanks, so a folded value needs no unfolding. Every step goes forward: a field costs its length.
struct FieldLexer {
    let octets: UnsafeRawBufferPointer
    var index = 0
    /// Where the text of the last comment passed over lies, without its parentheses.
    private(set) var comment: Range<Int>?
    /// A quoted-string or a comment had no end.
    private(set) var isUnclosed = false

    init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    var isAtEnd: Bool { index >= octets.count }

    func peek() -> UInt8? { index < octets.count ? octets[index] : nil }

    mutating func take(_ octet: UInt8) -> Bool {
        guard peek() == octet else { return false }
        index += 1
        return true
    }

    mutating func forgetComment() { comment = nil }

    /// FWS, without comments.
    mutating func skipSpace() {
        while index < octets.count, octets[index] <= 0x20 || octets[index] == 0x7F { index += 1 }
    }

    /// CFWS. Tells whether there was any.
    @discardableResult
    mutating func skipBlank() -> Bool {
        let start = index
        while index < octets.count {
            if octets[index] <= 0x20 || octets[index] == 0x7F {
                index += 1
            } else if octets[index] == UInt8(ascii: "(") {
                skipComment()
            } else {
                break
            }
        }
        return index > start
    }

    // comment = "(" *([FWS] ccontent) [FWS] ")"; nested ones by counting, so that no depth can hurt.
    private mutating func skipComment() {
        let start = index + 1
        var depth = 0
        while index < octets.count {
            switch octets[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            default: break
            }
            index += 1
            if depth == 0 { break }
        }
        index = min(index, octets.count)
        if depth > 0 { isUnclosed = true }
        comment = start..<max(start, depth == 0 ? index - 1 : index)
    }

    /// The longest run of octets of a set.
    mutating func run(_ set: OctetSet) -> UnsafeRawBufferPointer {
        let start = index
        while index < octets.count, set.contains(octets[index]) { index += 1 }
        return UnsafeRawBufferPointer(rebasing: octets[start..<index])
    }

    /// A quoted-string's content, appended without quotes and backslashes; one that is not closed reaches to the end.
    /// At its opening quote.
    mutating func quoted(into text: inout [UInt8]) {
        index += 1
        while index < octets.count {
            var octet = octets[index]
            index += 1
            if octet == UInt8(ascii: "\"") { return }
            if octet == UInt8(ascii: "\\"), index < octets.count {
                octet = octets[index]
                index += 1
            }
            if octet != 0x0D, octet != 0x0A, octet != 0 { text.append(octet) }
        }
        isUnclosed = true
    }

    /// The last comment's text, unfolded and without backslashes; nil for none or a blank one.
    func commentText() -> String? {
        guard let comment else { return nil }
        var text: [UInt8] = []
        var index = comment.lowerBound
        while index < comment.upperBound {
            var octet = octets[index]
            index += 1
            if octet == UInt8(ascii: "\\"), index < comment.upperBound {
                octet = octets[index]
                index += 1
            }
            text.append(octet)
        }
        let unfolded = text.withUnsafeBytes(HeaderText.unfolded)
        return unfolded.isEmpty ? nil : unfolded
    }
}

extension OctetSet {
    // What ends no atom of a phrase or a domain in mail as it is: everything but blanks and RFC 5322 §3.2.3 specials;
    // the dot belongs (obs-phrase).
    static let phraseAtom = OctetSet(0x21...0x7E, 0x80...0xFF).subtracting(OctetSet("()<>[]:;@\\,\""))
    // What a parameter value written without quotes may hold in mail as it is.
    static let looseValue = OctetSet(0x21...0x7E, 0x80...0xFF).subtracting(OctetSet(";(\""))
    static let looseFileName = OctetSet.looseValue.union(OctetSet("("))
    // A display name may hold brackets that should have been quoted: News [EU] <a@b>.
    static let phraseWord = OctetSet.phraseAtom.union(OctetSet("[]"))
}
