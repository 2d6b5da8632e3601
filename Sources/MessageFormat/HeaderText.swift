import Glibc

/// Header octets as text.
enum HeaderText {
    /// An unstructured value (RFC 5322 §2.2.1): unfolded by taking out every CR and LF, NUL taken out too, blanks at
    /// both ends cut off.
    static func unfolded(_ octets: UnsafeRawBufferPointer) -> String {
        let trimmed = trimmed(octets)
        guard trimmed.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else { return string(trimmed) }
        let kept = trimmed.filter { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
        return kept.withUnsafeBytes(string)
    }

    /// Of a header: as `eightBit`, but octets beyond ASCII within an encoded word are of that word's charset.
    static func string(_ octets: UnsafeRawBufferPointer) -> String {
        if Charset.isASCII(octets) { return ascii(octets) }
        return EncodedWord.quotingOctets(of: octets)?.withUnsafeBytes(eightBit) ?? eightBit(octets)
    }

    /// UTF-8 where it is valid (RFC 6532 §3.1), otherwise ISO 8859-1: whatever came, something can be shown.
    static func eightBit(_ octets: UnsafeRawBufferPointer) -> String {
        if Charset.isASCII(octets) { return ascii(octets) }
        if let text = String(validating: octets, as: UTF8.self) { return text }
        var text = String.UnicodeScalarView()
        for octet in octets { text.append(Unicode.Scalar(octet)) }
        return String(text)
    }

    static func string(_ octets: [UInt8]) -> String { octets.withUnsafeBytes(string) }

    static func lowercased(_ octets: UnsafeRawBufferPointer) -> String {
        guard Charset.isASCII(octets) else { return string(octets.map(OctetSet.lowercased)) }
        return String(unsafeUninitializedCapacity: octets.count) { room in
            for index in 0..<octets.count { room[index] = OctetSet.lowercased(octets[index]) }
            return octets.count
        }
    }

    /// Of nothing but ASCII. `String(validating:)` costs more for a short text than all its octets.
    static func ascii(_ octets: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: octets.count) { room in
            UnsafeMutableRawBufferPointer(room).copyMemory(from: octets)
            return octets.count
        }
    }

    /// Blanks and line ends at both ends cut off.
    static func trimmed(_ octets: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = octets.count
        while start < end, isBlank(octets[start]) { start += 1 }
        while end > start, isBlank(octets[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: octets[start..<end])
    }

    static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A
    }

    /// Decoded text with what no header text may hold taken out.
    static func cleaned(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\r" && $0 != "\n" && $0 != "\0" }))
    }

    /// Whether octets are this text in any ASCII case; `text` is in lower case.
    static func matches(_ octets: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard octets.count == text.utf8CodeUnitCount, let start = octets.baseAddress else { return false }
        return strncasecmp(
            start.assumingMemoryBound(to: CChar.self),
            UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), octets.count) == 0
    }
}
