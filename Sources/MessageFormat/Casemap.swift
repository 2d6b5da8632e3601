import CUnicode

/// The collation i;unicode-casemap (RFC 5051): each character in titlecase, then decomposed, is compared octet by octet as UTF-8.
///
/// A character's form depends on no other, so the form of a text is that of its parts, one behind the other.
package enum Casemap {
    /// What a character is to the parting of words.
    enum Kind: UInt16 {
        case separator = 0
        /// A letter, mark or number.
        case word = 1
        /// Of a script that puts no spaces between words, or a pictograph.
        case spaceless = 2
    }

    package static func folded(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        append(text, to: &out)
        return out
    }

    static func append(_ text: String, to out: inout [UInt8]) {
        var text = text
        text.withUTF8 { fold(UnsafeRawBufferPointer($0), into: &out) }
    }

    /// Appends the form of UTF-8; stops once `out` has `most` octets. Octets that are no UTF-8 become U+FFFD. Linear; one character gives at most 54 octets.
    package static func fold(_ text: UnsafeRawBufferPointer, into out: inout [UInt8], most: Int = .max) {
        var index = 0
        while index < text.count, out.count < most {
            var end = endOfASCII(text, from: index)
            if end - index > most - out.count { end = index + (most - out.count) }
            if end > index { appendASCII(UnsafeRawBufferPointer(rebasing: text[index..<end]), to: &out) }
            index = end
            while index < text.count, text[index] >= 0x80, out.count < most {
                let scalar = scalar(text, at: &index)
                append(scalar, to: &out)
            }
        }
    }

    private static func endOfASCII(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= text.count, text.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 { index += 8 }
        while index < text.count, text[index] < 0x80 { index += 1 }
        return index
    }

    private static func appendASCII(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        let start = out.count
        out.append(contentsOf: text)
        out.withUnsafeMutableBufferPointer { room in
            for index in start..<room.count {
                let octet = room[index]
                room[index] = octet &- (octet &- 0x61 < 26 ? 0x20 : 0)
            }
        }
    }

    /// The character at `index`, which moves behind it; U+FFFD, and one octet on, where there is none.
    static func scalar(_ text: UnsafeRawBufferPointer, at index: inout Int) -> UInt32 {
        let first = UInt32(text[index])
        index += 1
        let length = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0
        guard length > 0, first < 0xF5, index + length <= text.count else { return first < 0x80 ? first : 0xFFFD }
        var value = first & (0x3F >> UInt32(length))
        for offset in 0..<length {
            guard text[index + offset] & 0xC0 == 0x80 else { return 0xFFFD }
            value = value << 6 | UInt32(text[index + offset] & 0x3F)
        }
        guard Unicode.Scalar(value) != nil, value >= (length == 3 ? 0x1_0000 : length == 2 ? 0x800 : 0x80) else { return 0xFFFD }
        index += length
        return value
    }

    private static func append(_ scalar: UInt32, to out: inout [UInt8]) {
        // Hangul syllables (The Unicode Standard §3.12).
        if scalar >= 0xAC00, scalar < 0xD7A4 {
            let syllable = scalar - 0xAC00
            appendUTF8(0x1100 + syllable / 588, to: &out)
            appendUTF8(0x1161 + syllable % 588 / 28, to: &out)
            if syllable % 28 > 0 { appendUTF8(0x11A7 + syllable % 28, to: &out) }
            return
        }
        let form = cunicode_entry(scalar) >> 2
        guard form > 0 else { return appendUTF8(scalar, to: &out) }
        var length = 0
        out.append(contentsOf: UnsafeBufferPointer(start: cunicode_form(form, &length), count: length))
    }

    private static func appendUTF8(_ scalar: UInt32, to out: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(scalar), let octets = Unicode.UTF8.encode(scalar) else { return }
        out.append(contentsOf: octets)
    }

    /// Of a character beyond ASCII.
    static func kind(of scalar: UInt32) -> Kind { Kind(rawValue: cunicode_entry(scalar) & 3) ?? .separator }
}
