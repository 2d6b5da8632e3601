extension EncodedWord {
    /// The text for a reader without UTF-8: as it is when it is all ASCII, otherwise wholly in UTF-8 encoded words of
    /// at most 75 octets, whole characters in each, parted by spaces (RFC 2047 §2, §5). Words that are encoded in it
    /// already are not encoded twice. Fit for an unstructured field and, being of the narrow alphabet of RFC 2047 §5
    /// (3), for a phrase.
    package static func encode(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
        let text = decode(text)
        let quotedLength = text.utf8.reduce(0) { $0 + (isPlain($1) ? 1 : 3) }
        let isBased = quotedLength > text.utf8.count * 4 / 3 + 4
        var words: [String] = []
        var chunk: [UInt8] = []
        var length = 0
        for scalar in text.unicodeScalars {
            let octets = scalar.utf8
            let cost = isBased ? octets.count : octets.reduce(0) { $0 + (isPlain($1) ? 1 : 3) }
            if length + cost > (isBased ? mostBased : mostQuoted) {
                words.append(word(chunk, isBased: isBased))
                chunk.removeAll(keepingCapacity: true)
                length = 0
            }
            chunk += octets
            length += cost
        }
        if !chunk.isEmpty { words.append(word(chunk, isBased: isBased)) }
        return words.joined(separator: " ")
    }

    // 75 without "=?utf-8?q?" and "?=".
    private static let mostQuoted = 63
    private static let mostBased = 45

    private static func word(_ octets: [UInt8], isBased: Bool) -> String {
        isBased ? "=?utf-8?b?\(based(octets))?=" : "=?utf-8?q?\(quoted(octets))?="
    }

    // RFC 2047 §5 (3); a space is one octet too, "_".
    private static func isPlain(_ octet: UInt8) -> Bool {
        OctetSet.letters.contains(octet) || OctetSet.digits.contains(octet) || octet == 0x20
            || octet == UInt8(ascii: "!")
            || octet == UInt8(ascii: "*") || octet == UInt8(ascii: "+") || octet == UInt8(ascii: "-")
            || octet == UInt8(ascii: "/")
    }

    private static func quoted(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        for octet in octets {
            if octet == 0x20 {
                text.append(UInt8(ascii: "_"))
            } else if isPlain(octet) {
                text.append(octet)
            } else {
                text += [UInt8(ascii: "="), Hex.digit(octet >> 4), Hex.digit(octet & 15)]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func based(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for digit in 0..<4 {
                let isPadding = digit > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> UInt32(18 - 6 * digit)) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
