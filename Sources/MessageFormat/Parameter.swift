/// A parameter of a Content-Type or Content-Disposition field (RFC 2045 §5.1). The name is in lower case and ends with
/// `*` when the value is still encoded by RFC 2231 §4: `charset'language'percent-encoded`.
package struct Parameter: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    static let usASCII = Parameter(name: "charset", value: "us-ascii")
}

extension [Parameter] {
    /// A parameter's value as a person would read it: RFC 2231 first, otherwise the plain one, in which RFC 2047 words
    /// are decoded although RFC 2047 §5 forbids them there, for many mailers write file names so.
    package func value(_ name: String) -> String? {
        let extended = name + "*"
        if let found = first(where: { $0.name == extended }), let text = ExtendedValue.decode(found.value) {
            return text
        }
        guard let plain = first(where: { $0.name == name })?.value else { return nil }
        return plain.utf8.contains(UInt8(ascii: "?")) ? EncodedWord.decode(plain) : plain
    }
}

/// RFC 2231 §4: `charset'language'text` with octets as %XX.
package enum ExtendedValue {
    /// Nil when the two quotes are missing or the charset is unknown.
    package static func decode(_ value: String) -> String? {
        let fields = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        let octets = percentDecoded(Array(fields[2].utf8))
        let charset = fields[0].isEmpty ? "utf-8" : String(fields[0])
        return octets.withUnsafeBytes { Charset.decode($0, label: charset) }.map(HeaderText.cleaned)
    }

    static func percentDecoded(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            if octets[index] == UInt8(ascii: "%"), index + 2 < octets.count,
                let high = Hex.value(octets[index + 1]), let low = Hex.value(octets[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(octets[index])
                index += 1
            }
        }
        return result
    }

    /// Octets of a plain segment that stands between encoded ones, so that the whole can be decoded as one.
    static func percentEncoded(_ text: String) -> String {
        var result = ""
        for octet in text.utf8 {
            if octet != UInt8(ascii: "%"), octet != UInt8(ascii: "'"), octet > 0x20, octet < 0x7F {
                result.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                result += "%" + Hex.text(octet)
            }
        }
        return result
    }
}

/// Hexadecimal digits.
enum Hex {
    static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    static func text(_ octet: UInt8) -> String {
        String(Character(Unicode.Scalar(digit(octet >> 4)))) + String(Character(Unicode.Scalar(digit(octet & 15))))
    }
}
