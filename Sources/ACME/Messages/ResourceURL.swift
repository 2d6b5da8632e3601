import MailModel

/// Where a resource of the CA's is: an absolute https URL (RFC 8555 §6.1) without user information or fragment, of at most `longest` octets.
/// It is kept as it was written: the CA compares what is signed with what it gave out.
package struct ResourceURL: Hashable, Sendable, CustomStringConvertible {
    /// A name in lower case or an IP address, without brackets.
    package let host: String
    /// 1...65535; 443 where none is written.
    package let port: Int
    /// With the query; begins with `/`; printable ASCII without blanks.
    package let path: String
    package let description: String

    /// Octets.
    package static let longest = 1_000

    // URI = scheme ":" "//" authority path-abempty [ "?" query ]                 (RFC 3986 §3)
    package init?(_ text: String) {
        guard text.utf8.count <= ResourceURL.longest, text.utf8.allSatisfy(ResourceURL.isAllowed), text.lowercased().hasPrefix("https://") else { return nil }
        let rest = text.dropFirst("https://".count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard let (host, port) = ResourceURL.authority(rest[..<end]) else { return nil }
        (self.host, self.port) = (host, port)
        path = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
        description = text
    }

    /// What may stand in a URL (RFC 3986 §2), but `#` and what user information ends in.
    private static func isAllowed(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~:/?[]!$&'()*+,;=%".utf8.contains(octet)
        }
    }

    private static func authority(_ text: Substring) -> (host: String, port: Int)? {
        var host = text
        var port = 443
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let digits = text[text.index(after: colon)...]
            guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
                (1...65_535).contains(number)
            else { return nil }
            (host, port) = (text[..<colon], number)
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), let address = IPAddress(host.dropFirst().dropLast()), !address.isIPv4 else { return nil }
            return (address.description, port)
        }
        guard let name = Domain(host), !name.isLiteral, name.isASCII else { return nil }
        return (name.value, port)
    }
}

extension ResourceURL: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let url = ResourceURL(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a URL that is not asked")
        }
        self = url
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
