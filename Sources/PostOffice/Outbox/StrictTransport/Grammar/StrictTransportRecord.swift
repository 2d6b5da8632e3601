package import MailModel

/// By what a domain says that it has a policy (RFC 8461 §3.1): a text at `_mta-sts.DOMAIN`.
package struct StrictTransportRecord: Hashable, Sendable {
    /// Another one means another policy. 1...32 letters and digits.
    package let id: String

    /// Where the record of a domain stands; nil where that is no name that DNS can have.
    package static func name(of domain: Domain) -> Domain? {
        let name = "_mta-sts.\(domain.value)"
        return domain.isASCII && !domain.isLiteral && name.utf8.count <= 253 ? Domain(name) : nil
    }

    /// Of all texts that stand there: the one that begins with the version. Nil where there is none, or another than one, or where it says no `id`.
    package init?(_ texts: [String]) {
        let records = texts.filter(StrictTransportRecord.hasVersion)
        guard records.count == 1, let record = records.first else { return nil }
        self.init(record)
    }

    // sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
    // sts-version     = %s"v=STSv1"
    // sts-field-delim = *WSP ";" *WSP
    // sts-field       = sts-id / sts-extension
    private init?(_ record: String) {
        var fields = record.split(separator: ";", omittingEmptySubsequences: false).dropFirst().map(StrictTransportText.trimmed)
        // What a final delimiter leaves.
        if fields.last?.isEmpty == true { fields.removeLast() }
        var id: String?
        for field in fields {
            guard let (name, value) = StrictTransportText.pair(field, separator: "=") else { return nil }
            if name == "id" {
                // sts-id = %s"id" "=" 1*32(ALPHA / DIGIT)
                guard (1...32).contains(value.utf8.count), value.utf8.allSatisfy(StrictTransportText.isAlphanumeric) else { return nil }
                id = id ?? String(value)
            } else {
                // sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)
                guard StrictTransportText.isExtensionName(name), !value.isEmpty, value.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3D }) else {
                    return nil
                }
            }
        }
        guard let id else { return nil }
        self.id = id
    }

    private static func hasVersion(_ text: String) -> Bool {
        guard text.hasPrefix("v=STSv1") else { return false }
        return StrictTransportText.trimmed(text.dropFirst("v=STSv1".count)).first == ";"
    }
}

/// What the record and the policy have in common.
enum StrictTransportText {
    static func trimmed(_ text: some StringProtocol) -> Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let start = text.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { start.index(after: $0) } ?? start.startIndex
        return Substring(start[..<end])
    }

    /// What stands before and behind the first separator.
    static func pair(_ field: Substring, separator: Character) -> (name: Substring, value: Substring)? {
        guard let place = field.firstIndex(of: separator) else { return nil }
        return (field[..<place], field[field.index(after: place)...])
    }

    // (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
    static func isExtensionName(_ name: Substring) -> Bool {
        let octets = name.utf8
        guard let first = octets.first, octets.count <= 32, isAlphanumeric(first) else { return false }
        return octets.dropFirst().allSatisfy { isAlphanumeric($0) || "_-.".utf8.contains($0) }
    }

    static func isAlphanumeric(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
