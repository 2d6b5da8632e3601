/// An e-mail address as SMTP and message headers mean it: a local part with its quoting taken off, and a domain
/// (RFC 5321 §4.1.2 Mailbox, RFC 6531 §3.3).
///
/// The local part is at most 64 octets for ASCII (RFC 5321 §4.5.3.1.1; up to 255 are accepted, as others do), NFC, and holds no
/// CR, LF, NUL or other control character: an address can be written into a command or a header line as it is. It may be empty, which is written
/// `""@example.org`.
package struct Address: Hashable, Sendable {
    package let localPart: String
    package let domain: Domain

    package init?(localPart: String, domain: Domain) {
        if localPart.utf8.count <= 255, localPart.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            self.localPart = localPart
            self.domain = domain
            return
        }
        let local = localPart.normalizedC
        guard local.utf8.count <= 255, local.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { return nil }
        self.localPart = local
        self.domain = domain
    }

    /// From `local@domain`, unquoted, split at the last "@"; both must be there.
    package init?(_ text: String) {
        guard let at = text.lastIndex(of: "@"), at > text.startIndex, let domain = Domain(text[text.index(after: at)...]) else { return nil }
        self.init(localPart: String(text[..<at]), domain: domain)
    }

    /// An account's own: a user name is a local part as it is.
    package init(_ name: AccountName) {
        localPart = name.user.spelling
        domain = name.domain
    }

    package var isASCII: Bool { domain.isASCII && localPart.utf8.allSatisfy { $0 < 0x80 } }

    /// As a command or a header writes it: the local part quoted where it is no dot-string.
    package var written: String { (isDotString ? localPart : quoted) + "@" + domain.value }

    /// Whether the local part needs no quotes: Dot-string of RFC 5321 §4.1.2.
    package var isDotString: Bool {
        let atoms = localPart.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return atoms.allSatisfy { !$0.isEmpty && $0.allSatisfy(Address.isAtomOctet) }
    }

    private var quoted: String {
        var text = "\""
        for character in localPart {
            if character == "\"" || character == "\\" { text.append("\\") }
            text.append(character)
        }
        return text + "\""
    }

    // RFC 5322 §3.2.3 atext, and UTF-8 (RFC 6532 §3.2).
    private static func isAtomOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...0xFF:
            true
        default:
            Address.marks.contains(octet)
        }
    }
    private static let marks = Set("!#$%&'*+-/=?^_`{|}~".utf8)
}

extension Address: CustomStringConvertible {
    package var description: String { written }
}
