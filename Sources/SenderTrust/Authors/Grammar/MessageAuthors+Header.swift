import Glibc
import MailModel
import MessageFormat
package import NIOCore

extension MessageAuthors {
    /// Octets of a From field that are read: some hundred addresses.
    package static let longestField = 16 << 10
    /// Addresses of a From field that are read.
    package static let mostAddresses = 100

    /// Of a raw header as it was received, up to the empty line or the end. What could be read in two ways is `unclear`. Linear, but for a search of the field for
    /// each of at most `mostAddresses` addresses.
    package init(_ header: ByteBuffer) {
        self = MessageAuthors.read(header)
    }

    private static func read(_ header: ByteBuffer) -> MessageAuthors {
        let limits = MessageLimits.standard
        guard header.readableBytes <= limits.headerOctets else { return .unclear("the header is longer than any reader looks at") }
        if let fault = lineFault(header) { return .unclear(fault) }
        var found: ByteBuffer?
        var fields = 0
        var hasEnded = false
        var isBeforeFields = true
        for field in HeaderFields(header) {
            fields += 1
            guard fields <= limits.headerFields else { return .unclear("the header has more fields than any reader looks at") }
            let line = header.getSlice(at: header.readerIndex + field.range.lowerBound, length: field.range.count) ?? ByteBuffer()
            // Behind a line that is no field the text begins, for those who get it from us; others may go on.
            if field.name.isEmpty, !(isBeforeFields && isSeparator(line)) { hasEnded = true }
            isBeforeFields = isBeforeFields && field.name.isEmpty
            guard looksLikeFrom(line) else { continue }
            guard field.name.lowercased() == "from", line.getInteger(at: line.readerIndex + 4, as: UInt8.self) == UInt8(ascii: ":") else {
                return .unclear("a line is nearly a From field")
            }
            if hasEnded { return .unclear("a From field comes behind a line that is no field") }
            guard found == nil else { return .unclear("several From fields") }
            found = field.rawValue
        }
        guard let found else { return .none }
        return authors(found)
    }

    /// What ends a line for some and not for others (RFC 5321 §2.3.8), and what ends a text for some.
    private static func lineFault(_ header: ByteBuffer) -> String? {
        header.withUnsafeReadableBytes { octets in
            var last: UInt8 = 0
            for octet in octets {
                if octet == 0 { return "NUL in the header" }
                if (octet == 0x0A) != (last == 0x0D) { return "a line of the header ends with CR or LF alone" }
                last = octet
            }
            // Half of a line end may stand at the end of what was kept.
            return nil
        }
    }

    /// `From a@b Mon …`, one line before the header (RFC 4155), which is kept as a field of another name.
    private static func isSeparator(_ line: ByteBuffer) -> Bool {
        let octets = line.readableBytesView
        let feed = octets.firstIndex(of: 0x0A).map { octets.index(after: $0) } ?? octets.endIndex
        return feed == octets.endIndex && octets.drop { $0 == UInt8(ascii: ">") }.starts(with: "From ".utf8)
    }

    /// Whether some reader might take it for a From field: that name, once blanks, line ends, controls and what is not ASCII are left out.
    private static func looksLikeFrom(_ line: ByteBuffer) -> Bool {
        line.withUnsafeReadableBytes { octets in
            let name: StaticString = "from"
            var length = 0
            for octet in octets {
                if octet <= 0x20 || octet >= 0x7F { continue }
                if octet == UInt8(ascii: ":") { return length == 4 }
                guard length < 4, name.utf8Start[length] == OctetSet.lowercased(octet) else { return false }
                length += 1
            }
            return false
        }
    }

    /// Of the field's value.
    private static func authors(_ value: ByteBuffer) -> MessageAuthors {
        guard value.readableBytes <= longestField else { return .unclear("From is longer than \(longestField) octets") }
        if value.readableBytesView.contains(where: { ($0 < 0x20 && $0 != 0x09 && $0 != 0x0D && $0 != 0x0A) || $0 == 0x7F }) {
            return .unclear("a control character in From")
        }
        guard let list = AddressList.parseClear(value, limit: mostAddresses) else {
            return onlyDomain(value).map { .one($0) } ?? .unclear("From does not say clearly whose addresses it has")
        }
        var domains: [Domain] = []
        // Addresses come in order, so that each is looked for behind the one before.
        var seen = 0
        for address in list where !address.isGroupStart && !address.isGroupEnd {
            if let fault = fault(of: address) { return .unclear(fault) }
            guard let host = address.host, let domain = Domain(host), let name = domain.isLiteral ? domain : domain.asciiForm else {
                return .unclear("a domain in From is none")
            }
            // Not taken together from pieces that others leave apart, nor read in another charset.
            let local = address.mailbox ?? ""
            guard let end = end(of: "\(local)@\(host)", in: value, from: seen) ?? end(of: "\(local)\"@\(host)", in: value, from: seen) else {
                return .unclear("an address in From is cut by blanks or a comment")
            }
            seen = end
            guard !domains.contains(name) else { continue }
            guard domains.count < mostDomains else { return .unclear("From has more than \(mostDomains) domains") }
            domains.append(name)
        }
        if let only = domains.first { return domains.count == 1 ? .one(only) : .several(domains) }
        return .none
    }

    /// The domain that every reader of a field that is not clear has to find, if any: `Example, Inc. <a@example.com>`. All marks of addresses have it behind
    /// them, and what we find ourselves is it.
    private static func onlyDomain(_ value: ByteBuffer) -> Domain? {
        let hosts = Set(AddressList.parse(value, limit: mostAddresses + 1).compactMap(\.host).filter { !$0.isEmpty }.map { $0.lowercased() })
        guard hosts.count == 1, let host = hosts.first, let domain = Domain(host)?.asciiForm, !domain.isLiteral else { return nil }
        let wanted = Array(host.utf8)
        let isWhole = value.withUnsafeReadableBytes { octets in
            var count = 0
            var start = 0
            while let mark = octets[start...].firstIndex(of: UInt8(ascii: "@")) {
                count += 1
                start = mark + 1
                let end = octets[start...].firstIndex { !domainOctets.contains($0) } ?? octets.endIndex
                // Others may join what blanks part (RFC 5322 §4.4 obs-domain), or look behind a comment.
                let next = octets[end...].first { $0 > 0x20 }
                guard octets[start..<end].elementsEqual(wanted, by: { OctetSet.lowercased($0) == $1 }), next.map({ !".@(".utf8.contains($0) }) ?? true else {
                    return false
                }
                start = end
            }
            return count > 0 && count <= mostAddresses
        }
        // Encoded words may hold more of them.
        return isWhole && !stands("=?", in: value) ? domain : nil
    }

    private static let domainOctets = OctetSet.letters.union(.digits).union(.eightBit).union(OctetSet("-._"))

    /// What would be shown in another way than it is read.
    private static func fault(of address: EnvelopeAddress) -> String? {
        let local = address.mailbox ?? ""
        // A reader that takes the quotes off would find another address in it.
        if local.unicodeScalars.contains(where: endsAddress) { return "a local part in From has marks that end one" }
        // RFC 2047 §5: never within an addr-spec.
        if EncodedWord.decode(local) != local || (local.contains("=?") && local.contains("?=")) { return "an encoded word stands for an address in From" }
        guard let name = address.displayName else { return nil }
        let decoded = EncodedWord.decode(name)
        // Who decodes before reading would find an address in the name.
        if decoded != name, decoded.contains("<") || decoded.contains(">") { return "an encoded word in From hides brackets of an address" }
        return nil
    }

    /// Specials, blanks, controls, and what turns the direction of writing (RFC 5322 §3.2.3).
    private static func endsAddress(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value <= 0x20 || (0x7F...0x9F).contains(scalar.value) || "()<>[]:;@\\,\"".unicodeScalars.contains(scalar)
            || (!scalar.isASCII && scalar.properties.generalCategory == .format)
    }

    private static func stands(_ text: String, in value: ByteBuffer) -> Bool { end(of: text, in: value, from: 0) != nil }

    /// Where a text ends that stands in the value, at `start` or behind it; nil: it does not.
    private static func end(of text: String, in value: ByteBuffer, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        guard let first = wanted.first else { return nil }
        return value.withUnsafeReadableBytes { octets in
            guard let base = octets.baseAddress else { return nil }
            var place = start
            while place + wanted.count <= octets.count, let found = memchr(base + place, Int32(first), octets.count - wanted.count + 1 - place) {
                place = UnsafeRawPointer(found) - base
                if memcmp(found, wanted, wanted.count) == 0 { return place + wanted.count }
                place += 1
            }
            return nil
        }
    }
}
