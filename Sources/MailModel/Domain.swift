/// A mail domain: `example.org` or, with SMTPUTF8, `bücher.example`, in lower case and NFC; or an address literal
/// `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3).
///
/// 1...255 octets; labels of 1...63 octets (a U-label's limit is that of UTF-8, generously), letters, digits and hyphens,
/// no hyphen at either end; a final dot is dropped. It cannot hold CR, LF, NUL, space or "@".
package struct Domain: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: String

    package init?(_ text: some StringProtocol) {
        if Domain.isPlain(text.utf8) {
            value = String(text)
            return
        }
        var name = String(text).normalizedC.lowercased()
        if name.hasPrefix("[") {
            guard Domain.isLiteral(name) else { return nil }
            value = name
            return
        }
        if name.hasSuffix(".") { name.removeLast() }
        guard (1...255).contains(name.utf8.count) else { return nil }
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.allSatisfy(Domain.isLabelOctet),
                label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-")
            else { return nil }
        }
        guard name.unicodeScalars.allSatisfy({ $0.isASCII || !Domain.isForbidden($0) }) else { return nil }
        value = name
    }

    /// The common case, looked at once: labels of small letters and digits, single dots and hyphens within.
    private static func isPlain(_ octets: some Collection<UInt8>) -> Bool {
        var count = 0
        var label = 0
        var isEdge = true
        for octet in octets {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                isEdge = false
                label += 1
            case UInt8(ascii: "-") where !isEdge:
                isEdge = true
                label += 1
            case UInt8(ascii: ".") where !isEdge && label <= 63:
                isEdge = true
                label = 0
            default: return false
            }
            count += 1
        }
        return count <= 255 && label <= 63 && !isEdge
    }

    package var isLiteral: Bool { value.hasPrefix("[") }
    package var isASCII: Bool {
        value.utf8.withContiguousStorageIfAvailable { $0.allSatisfy { $0 < 0x80 } } ?? value.utf8.allSatisfy { $0 < 0x80 }
    }
    package var description: String { value }
    /// Whether it is the other, or lies below it. Of forms of one name (A-labels, U-labels) nothing is known here.
    package func isWithin(_ other: Domain) -> Bool { self == other || value.hasSuffix(".\(other.value)") }
    package static func < (a: Domain, b: Domain) -> Bool { a.value < b.value }

    private static func isLabelOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), 0x80...0xFF: true
        // Names such as _dmarc carry no mail, but hosts with an underscore do send it.
        case UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0xA0 || scalar.properties.isWhitespace || scalar.properties.generalCategory == .format
            || scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .unassigned
    }

    // dcontent without white space; what it says of the network is not checked here.
    private static func isLiteral(_ text: String) -> Bool {
        guard text.hasSuffix("]"), (3...255).contains(text.utf8.count) else { return false }
        return text.dropFirst().dropLast().utf8.allSatisfy { octet in
            (0x21...0x7E).contains(octet) && octet != UInt8(ascii: "[") && octet != UInt8(ascii: "]") && octet != UInt8(ascii: "\\")
        }
    }
}
