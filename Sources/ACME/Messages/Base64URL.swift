import FoundationEssentials

/// RFC 4648 §5, without padding, as RFC 7515 §2 has it.
enum Base64URL {
    static func encode(_ octets: some Sequence<UInt8>) -> String {
        let text = Data(octets).base64EncodedString()
        var encoded = ""
        encoded.reserveCapacity(text.utf8.count)
        for character in text.unicodeScalars where character != "=" {
            switch character {
            case "+": encoded.unicodeScalars.append("-")
            case "/": encoded.unicodeScalars.append("_")
            default: encoded.unicodeScalars.append(character)
            }
        }
        return encoded
    }

    /// Nil: it is none.
    static func decode(_ text: String) -> [UInt8]? {
        guard isEncoded(text) else { return nil }
        var plain = ""
        for character in text.unicodeScalars {
            switch character {
            case "-": plain.unicodeScalars.append("+")
            case "_": plain.unicodeScalars.append("/")
            default: plain.unicodeScalars.append(character)
            }
        }
        plain += String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: plain).map { Array($0) }
    }

    /// Whether nothing else stands in the text than letters of that alphabet.
    static func isEncoded(_ text: String) -> Bool {
        text.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: octet == UInt8(ascii: "-") || octet == UInt8(ascii: "_")
            }
        }
    }
}
