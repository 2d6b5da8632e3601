package import MailModel

/// Where a domain wants its reports (RFC 9989 §4.7 `rua`, RFC 8460 §3).
package struct ReportURI: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        case mail(Address)
        /// `https:` and what follows, as it stands: printable ASCII.
        case web(String)
    }

    package let target: Target
    /// Of the report as it is sent (RFC 7489 §6.2); nil: any number.
    package let mostOctets: Int?

    // dmarc-uri = URI [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]          (RFC 7489 §6.4; a "!" within is %21)
    /// Nil for another scheme, and for what is none. Of a `mailto:` (RFC 6068) the one address counts; fields behind a `?` are not looked at.
    package init?(_ text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count <= 1_000, octets.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let parts = octets.split(separator: UInt8(ascii: "!"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let uri = parts.first, let colon = uri.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        if parts.count == 2 {
            guard let size = ReportURI.size(parts[1]) else { return nil }
            mostOctets = size
        } else {
            mostOctets = nil
        }
        switch String(decoding: uri[..<colon], as: UTF8.self).lowercased() {
        case "mailto":
            let path = uri[uri.index(after: colon)...].prefix { $0 != UInt8(ascii: "?") }
            guard let decoded = ReportURI.decoded(path), let address = Address(decoded), !address.domain.isLiteral, !address.localPart.isEmpty else {
                return nil
            }
            target = .mail(address)
        case "https":
            target = .web(String(decoding: uri, as: UTF8.self))
        default: return nil
        }
    }

    /// Those of a list between commas that can be read, in its order.
    static func list(_ text: some StringProtocol, most: Int = 10) -> [ReportURI] {
        text.split(separator: ",", maxSplits: most).prefix(most).compactMap { ReportURI(StrictTransportText.trimmed($0)) }
    }

    private static func size(_ text: ArraySlice<UInt8>) -> Int? {
        let digits = text.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty else { return nil }
        // More than nine digits are more than anything that is sent.
        let number = digits.count > 9 ? Int.max : Int(String(decoding: digits, as: UTF8.self)) ?? Int.max
        let units: [UInt8: Int] = [UInt8(ascii: "k"): 10, UInt8(ascii: "m"): 20, UInt8(ascii: "g"): 30, UInt8(ascii: "t"): 40]
        let rest = text[digits.endIndex...]
        guard let unit = rest.first else { return number }
        guard rest.count == 1, let shift = units[unit | 0x20] else { return nil }
        // At most 2^30 times 2^40 would be more than fits.
        let (product, isOver) = number.multipliedReportingOverflow(by: 1 << shift)
        return isOver ? Int.max : product
    }

    // pct-encoded = "%" HEXDIG HEXDIG          (RFC 3986 §2.1)
    private static func decoded(_ octets: ArraySlice<UInt8>) -> String? {
        var text: [UInt8] = []
        var rest = octets
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                text.append(octet)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else { return nil }
            text.append(high << 4 | low)
        }
        return String(validating: text, as: UTF8.self)
    }

    private static func hexadecimal(_ octet: UInt8) -> UInt8? { Character(Unicode.Scalar(octet)).hexDigitValue.map { UInt8($0) } }
}
