/// What IDNA2008 lets a code point be (RFC 5892 §2, §3), as far as it can be told from the code point alone, by the Unicode tables of the running program.
enum IDNAProperty {
    /// Whether a U-label may hold it: PVALID, CONTEXTJ or CONTEXTO. What programs for people take for another character (UTS 46), or leave out, is none of these.
    static func allows(_ scalar: Unicode.Scalar) -> Bool {
        if let exception = exceptions[scalar.value] { return exception }
        let properties = scalar.properties
        // Unstable (§2.2), IgnorableProperties (§2.3), IgnorableBlocks (§2.4), OldHangulJamo (§2.9)
        if properties.changesWhenNFKCCaseFolded || properties.isDefaultIgnorableCodePoint || properties.isWhitespace || properties.isNoncharacterCodePoint {
            return properties.isJoinControl
        }
        if blocks.contains(where: { $0.contains(scalar.value) }) { return false }
        // LetterDigits (§2.1)
        switch properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .modifierLetter, .decimalNumber, .nonspacingMark, .spacingMark: return true
        default: return scalar.isASCII
        }
    }

    /// Exceptions (§2.6), which come before all else.
    private static let exceptions: [UInt32: Bool] = {
        var exceptions: [UInt32: Bool] = [:]
        for value: UInt32 in [0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007, 0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB] { exceptions[value] = true }
        for value in [UInt32](0x660...0x669) + [UInt32](0x6F0...0x6F9) { exceptions[value] = true }
        for value: UInt32 in [0x640, 0x7FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B] { exceptions[value] = false }
        return exceptions
    }()

    private static let blocks: [ClosedRange<UInt32>] = [
        0x20D0...0x20FF, 0x1D100...0x1D1FF, 0x1D200...0x1D24F, 0x1100...0x11FF, 0xA960...0xA97C, 0xD7B0...0xD7FB,
    ]
}
