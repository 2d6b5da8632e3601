import MailModel

/// Whom one can write to: an address, or a URI (RFC 9116 §2.5.3).
enum ContactText {
    /// `security@example.org` is `mailto:security@example.org`.
    static func uri(_ text: String) throws(ItemFault) -> String {
        for scheme in ["https://", "mailto:", "tel:"] where text.hasPrefix(scheme) && text.utf8.count > scheme.utf8.count {
            guard text.utf8.count <= 1_000, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw ItemFault("it is no URI") }
            return text
        }
        let address = try AddressText.address(text)
        return "mailto:\(encoded(address.localPart))@\(address.domain)"
    }

    // RFC 6068 §2: what has a meaning in a URI is written as %XX.
    private static func encoded(_ text: String) -> String {
        text.utf8.map { octet in
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"):
                String(Character(Unicode.Scalar(octet)))
            default: "%" + (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
            }
        }.joined()
    }

    static let form = ItemForm("an address or a URI", remedy: "give a list such as [security@example.org, \"https://example.org/security\"]") {
        text throws(ItemFault) in try uri(text)
    }
}

/// Tags of languages (RFC 5646).
enum LanguageText {
    static func tag(_ text: String) throws(ItemFault) -> String {
        let isTag = text.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard isTag, (2...35).contains(text.utf8.count) else { throw ItemFault("it is no tag of RFC 5646") }
        return text
    }

    static let form = ItemForm("a language", remedy: "give a list such as [en, de-AT]") { text throws(ItemFault) in try tag(text) }
}
