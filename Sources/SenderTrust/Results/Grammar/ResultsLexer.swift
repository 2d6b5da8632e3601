/// The tokens of Authentication-Results (RFC 8601 §2.2) over octets that stay in place. Every step goes forward; comments nest by counting.
struct ResultsLexer {
    let octets: [UInt8]
    private(set) var index = 0
    /// A quoted-string or a comment had no end.
    private(set) var isUnclosed = false

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool { index >= octets.count }

    func peek() -> UInt8? { index < octets.count ? octets[index] : nil }

    mutating func take(_ octet: Character) -> Bool {
        guard let wanted = octet.asciiValue, peek() == wanted else { return false }
        index += 1
        return true
    }

    /// CFWS, controls among it. Tells whether there was any.
    @discardableResult
    mutating func skipBlank() -> Bool {
        let start = index
        while let octet = peek() {
            if octet <= 0x20 || octet == 0x7F {
                index += 1
            } else if octet == UInt8(ascii: "(") {
                skipComment()
            } else {
                break
            }
        }
        return index > start
    }

    private mutating func skipComment() {
        var depth = 0
        while let octet = peek() {
            index += 1
            switch octet {
            case UInt8(ascii: "\\"): index = min(index + 1, octets.count)
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            default: break
            }
            if depth == 0 { return }
        }
        isUnclosed = true
    }

    /// Letters, digits and hyphens, in lower case; `_` too, which some methods have. Empty: none.
    mutating func keyword() -> String {
        let start = index
        while let octet = peek(), ResultsLexer.isKeyword(octet) { index += 1 }
        return String(decoding: octets[start..<index], as: UTF8.self).lowercased()
    }

    /// value, or what stands where one should: quoted-strings and runs of other octets, joined, up to a blank, a comment or ";". Nil: there is nothing.
    mutating func value(most: Int) -> String? {
        var text: [UInt8] = []
        let start = index
        while let octet = peek(), octet > 0x20, octet != 0x7F, octet != UInt8(ascii: ";"), octet != UInt8(ascii: "(") {
            if octet == UInt8(ascii: "\"") {
                quoted(into: &text)
            } else {
                text.append(octet)
                index += 1
            }
        }
        return index > start ? String(decoding: text.prefix(most), as: UTF8.self) : nil
    }

    private mutating func quoted(into text: inout [UInt8]) {
        index += 1
        while let octet = peek() {
            index += 1
            if octet == UInt8(ascii: "\"") { return }
            if octet == UInt8(ascii: "\\"), let next = peek() {
                text.append(next)
                index += 1
            } else if octet != 0x0D, octet != 0x0A, octet != 0 {
                text.append(octet)
            }
        }
        isUnclosed = true
    }

    /// Behind the next ";" that is not quoted and in no comment. False: there is none.
    mutating func skipStatement() -> Bool {
        var ignored: [UInt8] = []
        while let octet = peek() {
            switch octet {
            case UInt8(ascii: ";"):
                index += 1
                return true
            case UInt8(ascii: "("): skipComment()
            case UInt8(ascii: "\""):
                quoted(into: &ignored)
                ignored.removeAll(keepingCapacity: true)
            default: index += 1
            }
        }
        return false
    }

    static func isKeyword(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
