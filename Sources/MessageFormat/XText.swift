/// How SMTP's parameters carry texts that a parameter could not (RFC 3461 §4): what is no printable ASCII, "+" and "=" as `+2B`.
package enum XText {
    // xtext = *( xchar / hexchar );  xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
    // hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
    /// The octets; nil for anything else.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var octets: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let octet = rest.next() {
            switch octet {
            case UInt8(ascii: "+"):
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
                octets.append(high << 4 | low)
            case UInt8(ascii: "="): return nil
            case 0x21...0x7E: octets.append(octet)
            default: return nil
            }
        }
        return octets
    }

    /// The same, where it must be printable ASCII, as ENVID and ORCPT must (RFC 3461 §4.2, §4.4): blanks too, and no control character.
    package static func printable(_ text: some StringProtocol) -> String? {
        guard let octets = decode(text), octets.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        return String(decoding: octets, as: UTF8.self)
    }

    package static func encode(_ text: some StringProtocol) -> String {
        var encoded = ""
        for octet in text.utf8 {
            if (0x21...0x7E).contains(octet), octet != UInt8(ascii: "+"), octet != UInt8(ascii: "=") {
                encoded.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                encoded += "+" + Hex.text(octet)
            }
        }
        return encoded
    }

    private static func digit(_ octet: UInt8) -> UInt8? { (0x61...0x66).contains(octet) ? nil : Hex.value(octet) }
}

/// An address that is not ASCII where only ASCII may stand (RFC 6533 §3): `j\x{FC}rgen@example.org`.
package enum UTF8AddressText {
    // utf-8-addr-xtext = 1*(QCHAR / EmbeddedUnicodeChar);  utf-8-addr-unitext = 1*(QUCHAR / EmbeddedUnicodeChar)
    // QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e;  EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"
    /// Either form; nil for anything else, and for what holds a control character.
    package static func decode(_ text: some StringProtocol) -> String? {
        var decoded = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                guard rest.starts(with: "x{".unicodeScalars), let end = rest.firstIndex(of: "}") else { return nil }
                guard let point = hexPoint(rest[..<end].dropFirst(2)) else { return nil }
                decoded.append(point)
                rest = rest[rest.index(after: end)...]
            case "+", "=": return nil
            case "!"..."~": decoded.append(scalar)
            case _ where scalar.value >= 0xA0: decoded.append(scalar)
            default: return nil
            }
        }
        return decoded.isEmpty ? nil : String(decoded)
    }

    /// The first form.
    package static func encode(_ text: some StringProtocol) -> String {
        var encoded = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "+", "=", "\\": encoded += escape(scalar)
            case "!"..."~": encoded.unicodeScalars.append(scalar)
            default: encoded += escape(scalar)
            }
        }
        return encoded
    }

    package static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "\\x{\(digits.utf8.count < 2 ? "0" + digits : digits)}"
    }

    // HEXPOINT: xtext's specials, "\" and what is not ASCII; in two to six upper-case digits, none of them a leading zero but in 01 to 09.
    private static func hexPoint(_ digits: some Collection<Unicode.Scalar>) -> Unicode.Scalar? {
        guard (2...6).contains(digits.count), digits.allSatisfy({ ("0"..."9").contains($0) || ("A"..."F").contains($0) }),
            digits.first != "0" || digits.count == 2, let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { return nil }
        // Of ASCII none but these; a control character is no part of an address, though the ABNF has it.
        return value >= 0xA0 || value == 0x20 || value == 0x2B || value == 0x3D || value == 0x5C ? scalar : nil
    }
}

/// Whom the sender meant, as ORCPT says it (RFC 3461 §4.2): `rfc822;` and xtext, or `utf-8;` and its forms (RFC 6533 §3).
package struct OriginalRecipient: Hashable, Sendable {
    /// In lower case.
    package let type: String
    /// Without its encoding, and without control characters.
    package let address: String

    /// Octets of the parameter's value (RFC 3461 §4.2).
    package static let most = 500

    // original-recipient-address = addr-type ";" xtext
    /// Nil for anything else. Postfix writes `rfc822;` and the octets of UTF-8 in xtext where `utf-8;` is meant, and is understood so.
    package init?(_ text: String) {
        guard text.utf8.count <= OriginalRecipient.most, let semicolon = text.firstIndex(of: ";") else { return nil }
        let kind = text[..<semicolon].lowercased()
        guard !kind.isEmpty, kind.utf8.count <= 64, kind.utf8.allSatisfy(OctetSet.token.contains) else { return nil }
        let rest = text[text.index(after: semicolon)...]
        if let address = kind == "utf-8" ? UTF8AddressText.decode(rest) : XText.printable(rest) {
            guard !address.isEmpty else { return nil }
            (type, self.address) = (kind, address)
        } else {
            guard kind == "rfc822", let octets = XText.decode(rest), let address = String(validating: octets, as: UTF8.self),
                address.unicodeScalars.allSatisfy({ ("!"..."~").contains($0) || $0.value >= 0xA0 })
            else { return nil }
            (type, self.address) = ("utf-8", address)
        }
    }

    /// In ASCII, as a parameter's value has it.
    package var written: String { type == "utf-8" ? "utf-8;\(UTF8AddressText.encode(address))" : "\(type);\(XText.encode(address))" }
}
