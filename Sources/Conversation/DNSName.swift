package import MailModel

/// A name that DNS can be asked for: labels of any octets (RFC 1035 §3.1, RFC 2181 §11), which host names are a part of. SPF's macros make such as
/// `foo:bar/baz.example.com` (RFC 7208 §7.3).
///
/// One label or more, of 1...63 octets each, 253 in all with the dots between them (RFC 1035 §2.3.4). Small and capital letters of ASCII are the same
/// (RFC 4343): held as small ones.
package struct DNSName: Hashable, Sendable, CustomStringConvertible {
    /// As master files write it (RFC 1035 §5.1), without the final dot: `\.` and `\\` for what would be read otherwise, `\000` to `\255` for what is no
    /// printable ASCII. A host's name is itself.
    package let value: String

    private static let mostLabel = 63
    /// 255 in an answer, where each label has its length before it and the root its own.
    private static let most = 253

    /// Nil: an address literal, a name that is not in ASCII, or one that is too long.
    package init?(_ domain: Domain) {
        // Its labels are within the limits already, and nothing of them is escaped.
        guard domain.value.utf8.count <= DNSName.most, domain.isASCII, !domain.isLiteral else { return nil }
        value = domain.value
    }

    /// Nil where a label is empty or too long, where there is none, or where they are too long together.
    package init?(labels: some Sequence<some Collection<UInt8>>) {
        var text: [UInt8] = []
        var count = -1
        for label in labels {
            guard (1...DNSName.mostLabel).contains(label.count) else { return nil }
            count += label.count + 1
            guard count <= DNSName.most else { return nil }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for octet in label { DNSName.write(octet, to: &text) }
        }
        guard count > 0 else { return nil }
        value = String(decoding: text, as: UTF8.self)
    }

    /// Octets with dots between the labels, nothing of them escaped; a final dot is dropped. Nil as `init(labels:)`.
    package init?(dotted octets: some Collection<UInt8>) {
        var labels = octets.split(separator: UInt8(ascii: "."), maxSplits: DNSName.most, omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        self.init(labels: labels)
    }

    /// As an answer has it (RFC 1035 §3.1), written out, from the first octet to the last. Nil for the root, too, and for what is no name.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count <= DNSName.most + 2 else { return nil }
        var labels: [ArraySlice<UInt8>] = []
        var rest = Array(octets)[...]
        while let length = rest.popFirst(), length > 0 {
            guard length <= DNSName.mostLabel, rest.count > Int(length) else { return nil }
            labels.append(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
        }
        guard rest.isEmpty, octets.contains(0) else { return nil }
        self.init(labels: labels)
    }

    /// Nil where it is no name of a host.
    package var domain: Domain? { value.hasPrefix("[") ? nil : Domain(value) }

    /// Whether it is that name, or one below it.
    package func isWithin(_ other: DNSName) -> Bool {
        guard value != other.value else { return true }
        guard value.hasSuffix("." + other.value) else { return false }
        // Of a dot that is escaped the label goes on.
        return value.utf8.dropLast(other.value.utf8.count + 1).reversed().prefix { $0 == UInt8(ascii: "\\") }.count.isMultiple(of: 2)
    }

    /// With dots between the labels, nothing of them escaped; what is not UTF-8 becomes U+FFFD.
    package var dotted: String {
        guard value.utf8.contains(UInt8(ascii: "\\")) else { return value }
        var octets: [UInt8] = []
        var rest = Array(value.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "\\"), let next = rest.first else {
                octets.append(octet)
                continue
            }
            let isNumber = (0x30...0x39).contains(next)
            let escaped = rest.prefix(isNumber ? 3 : 1)
            octets.append(isNumber ? escaped.reduce(0) { $0 &* 10 &+ ($1 &- 0x30) } : next)
            rest = rest.dropFirst(escaped.count)
        }
        return String(decoding: octets, as: UTF8.self)
    }

    package var description: String { value }

    private static func write(_ octet: UInt8, to text: inout [UInt8]) {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): text.append(octet | 0x20)
        case UInt8(ascii: "."), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), octet]
        case 0x21...0x7E: text.append(octet)
        default: text += [UInt8(ascii: "\\"), 0x30 + octet / 100, 0x30 + octet / 10 % 10, 0x30 + octet % 10]
        }
    }
}
