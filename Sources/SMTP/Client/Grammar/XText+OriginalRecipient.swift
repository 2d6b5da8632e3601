import MessageFormat

extension XText {
    static func isValid(_ text: some StringProtocol) -> Bool { decode(text) != nil }

    // original-recipient-address = addr-type ";" xtext                                                                             (RFC 3461 §4.2)
    static func isOriginalRecipient(_ text: String) -> Bool {
        guard text.utf8.count <= 500, let semicolon = text.firstIndex(of: ";"), semicolon != text.startIndex else { return false }
        let isAtom = text[..<semicolon].utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
        }
        return isAtom && isValid(text[text.index(after: semicolon)...])
    }
}
