/// What DSN's parameters carry (RFC 3461 §4).
enum XText {
    // xtext = *( xchar / hexchar ) ; xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=" ; hexchar = "+" 2(%x30-39 / %x41-46)
    static func isValid(_ text: some StringProtocol) -> Bool {
        var hexadecimal = 0
        for octet in text.utf8 {
            if hexadecimal > 0 {
                guard (0x30...0x39).contains(octet) || (0x41...0x46).contains(octet) else { return false }
                hexadecimal -= 1
            } else if octet == UInt8(ascii: "+") {
                hexadecimal = 2
            } else {
                guard (0x21...0x7E).contains(octet), octet != UInt8(ascii: "=") else { return false }
            }
        }
        return hexadecimal == 0
    }

    // original-recipient-address = addr-type ";" xtext                                                                             (RFC 3461 §4.2)
    static func isOriginalRecipient(_ text: String) -> Bool {
        guard text.utf8.count <= 500, let semicolon = text.firstIndex(of: ";"), semicolon != text.startIndex else { return false }
        let isAtom = text[..<semicolon].utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
        }
        return isAtom && isValid(text[text.index(after: semicolon)...])
    }
}
