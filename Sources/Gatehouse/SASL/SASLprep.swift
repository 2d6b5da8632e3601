import Foundation

/// How clients of SCRAM write a password before they hash it (RFC 4013).
enum SASLprep {
    /// The prepared form: other spaces as ASCII's, what maps to nothing left out, normal form KC. What RFC 4013 §2.3 prohibits is not looked for: a client
    /// that does cannot log in by SCRAM with such a password, and others are not kept from it. ASCII stays as it is.
    static func prepared(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var mapped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !mapsToNothing(scalar.value) {
            mapped.append(isSpace(scalar.value) ? " " : scalar)
        }
        return String(mapped).precomposedStringWithCompatibilityMapping
    }

    /// RFC 3454 B.1.
    private static func mapsToNothing(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF: true
        default: false
        }
    }

    /// RFC 3454 C.1.2, but U+200B, which maps to nothing.
    private static func isSpace(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x00A0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}
