package import MailModel

extension DMARCRecord {
    /// URIs of each kind that are kept. Nobody has more than a handful.
    package static let mostReportAddresses = 16

    /// Where the record of a domain stands; nil where that is no name that DNS can have.
    package static func name(of domain: Domain) -> Domain? {
        let name = "_dmarc.\(domain.value)"
        return domain.isASCII && !domain.isLiteral && name.utf8.count <= 253 ? Domain(name) : nil
    }

    /// Of all texts that stand there: the one that begins with the version. Nil where there is none, or another than one (RFC 9989 §4.10, steps 2 and 6).
    package init?(_ texts: [String]) {
        let records = texts.compactMap { DMARCRecord($0) }
        guard records.count == 1, let record = records.first else { return nil }
        self = record
    }

    // dmarc-record  = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep]   (RFC 9989 §4.8)
    // dmarc-version = "v" equals %s"DMARC1"
    // dmarc-tag     = 1*ALPHA equals 1*dmarc-value
    // dmarc-sep     = *WSP ";" *WSP
    // equals        = *WSP "=" *WSP
    /// One text. Nil: it is no record of DMARC. Of a tag that comes twice the first counts; what else is wrong is passed over.
    package init?(_ text: String) {
        var tags = PolicyTags(text)
        // Nothing stands before it.
        guard let first = text.utf8.first, first | 0x20 == UInt8(ascii: "v"), let version = tags.next(), version.name == "v", version.value == "DMARC1" else {
            return nil
        }
        self.init()
        var seen: Set<String> = []
        var policies: [String: Policy?] = [:]
        while let tag = tags.next() {
            guard seen.insert(tag.name).inserted else { continue }
            let word = tag.value.lowercased()
            switch tag.name {
            case "p", "sp", "np": policies[tag.name] = .some(Policy(rawValue: word))
            case "adkim": dkimAlignment = Alignment(rawValue: word) ?? .relaxed
            case "aspf": spfAlignment = Alignment(rawValue: word) ?? .relaxed
            case "psd": suffixMark = SuffixMark(rawValue: word) ?? .unknown
            case "t": isTesting = word == "y"
            case "fo": failureOptions = DMARCRecord.failureOptions(word) ?? "0"
            case "rua": aggregateReports = DMARCRecord.addresses(tag.value)
            case "ruf": failureReports = DMARCRecord.addresses(tag.value)
            default: break
            }
        }
        // RFC 9989 §4.10.1
        guard let valid = policies["p"] ?? nil, !policies.values.contains(nil) else {
            isApplicable = !aggregateReports.isEmpty
            return
        }
        policy = valid
        subdomainPolicy = policies["sp"] ?? nil
        missingDomainPolicy = policies["np"] ?? nil
    }

    // dmarc-fo = "0" / "1" / "d" / "s" / "d:s" / "s:d", and the examples' "0:d"
    private static func failureOptions(_ text: String) -> String? {
        let options = text.split(separator: ":", omittingEmptySubsequences: false)
        return options.count <= 4 && options.allSatisfy { ["0", "1", "d", "s"].contains($0) } ? text : nil
    }

    // dmarc-urilist = dmarc-uri *(*WSP "," *WSP dmarc-uri)
    private static func addresses(_ list: Substring) -> [String] {
        var addresses: [String] = []
        for item in list.utf8.split(separator: UInt8(ascii: ",")) {
            guard addresses.count < mostReportAddresses else { break }
            if let address = reportAddress(PolicyTags.trimmed(Substring(item))) { addresses.append(address) }
        }
        return addresses
    }

    // dmarc-uri = URI [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]   (RFC 7489 §6.4; RFC 9989 has no sizes, and records have them)
    /// As it stands, with its size.
    private static func reportAddress(_ item: Substring) -> String? {
        var uri = item
        if let mark = uri.utf8.lastIndex(of: UInt8(ascii: "!")) {
            var size = uri.utf8[uri.utf8.index(after: mark)...]
            if let unit = size.last, isUnit(unit) { size = size.dropLast() }
            guard !size.isEmpty, size.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            uri = uri[..<mark]
        }
        // scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )              (RFC 3986 §3.1)
        guard let colon = uri.utf8.firstIndex(of: UInt8(ascii: ":")), uri.utf8.index(after: colon) < uri.utf8.endIndex else { return nil }
        let scheme = uri.utf8[..<colon]
        guard let first = scheme.first, PolicyTags.isLetter(first), scheme.allSatisfy({ isSchemeOctet($0) }) else { return nil }
        guard uri.utf8.allSatisfy(isURIOctet) else { return nil }
        return String(item)
    }

    // Octet by octet: to look for each in a text of those that are meant took longer than all the rest of a record.
    private static func isSchemeOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), 0x30...0x39: true
        default: PolicyTags.isLetter(octet)
        }
    }

    private static func isUnit(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "k"), UInt8(ascii: "m"), UInt8(ascii: "g"), UInt8(ascii: "t"): true
        case UInt8(ascii: "K"), UInt8(ascii: "M"), UInt8(ascii: "G"), UInt8(ascii: "T"): true
        default: false
        }
    }

    private static func isURIOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "!"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"), UInt8(ascii: "`"): false
        case UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"): false
        default: (0x21...0x7E).contains(octet)
        }
    }
}

/// The tags of a record of DNS (RFC 6376 §3.2 with the blanks of RFC 9989 §4.8), in order. What is no tag is passed over. One pass, octet by octet: a mark that
/// Unicode combines with a separator hides none.
struct PolicyTags {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    /// The name in lower case, the value without blanks at its ends.
    mutating func next() -> (name: String, value: Substring)? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            let field = rest[..<end]
            rest = end < rest.endIndex ? rest[rest.index(after: end)...] : rest[end...]
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = PolicyTags.trimmed(Substring(field[..<equals]))
            guard !name.isEmpty, name.utf8.allSatisfy(PolicyTags.isLetter) else { continue }
            return (name.lowercased(), PolicyTags.trimmed(Substring(field[field.index(after: equals)...])))
        }
        return nil
    }

    static func trimmed(_ text: Substring) -> Substring {
        let octets = text.utf8
        guard let start = octets.firstIndex(where: { !isBlank($0) }), let last = octets.lastIndex(where: { !isBlank($0) }) else { return "" }
        return text[start...last]
    }

    static func isLetter(_ octet: UInt8) -> Bool { (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet) }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }
}
