/// `name=value` pairs between semicolons, as signatures and records have them (RFC 6376 §3.2). Costs its length.
package struct TagList: Sendable {
    package struct Tag: Sendable {
        package let name: String
        /// Between `=` and `;`, with all blanks, in octets of the list.
        package let range: Range<Int>
    }

    package let octets: [UInt8]
    /// In order; each name once.
    package let tags: [Tag]

    // tag-list  = tag-spec *( ";" tag-spec ) [ ";" ]
    // tag-spec  = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
    // tag-name  = ALPHA *ALNUMPUNC
    // tag-value = [ tval *( 1*(WSP / FWS) tval ) ]
    // tval      = 1*( %x21-3A / %x3C-7E ), and beyond ASCII (RFC 8616 §4)
    /// Nil for anything else, and where a name is there twice.
    package init?(_ octets: [UInt8]) {
        self.octets = octets
        var tags: [Tag] = []
        var seen: Set<String> = []
        var index = 0
        while true {
            TagList.skipBlanks(octets, &index)
            // What a final semicolon leaves.
            if index == octets.count, !tags.isEmpty { break }
            let start = index
            while index < octets.count, TagList.isNameOctet(octets[index], isFirst: index == start) { index += 1 }
            let name = String(decoding: octets[start..<index], as: UTF8.self)
            TagList.skipBlanks(octets, &index)
            guard !name.isEmpty, index < octets.count, octets[index] == UInt8(ascii: "="), seen.insert(name).inserted else { return nil }
            index += 1
            let value = index
            while index < octets.count, octets[index] != UInt8(ascii: ";") {
                guard TagList.isBlank(octets[index]) || (octets[index] > 0x20 && octets[index] != 0x7F) else { return nil }
                index += 1
            }
            tags.append(Tag(name: name, range: value..<index))
            guard index < octets.count else { break }
            index += 1
        }
        self.tags = tags
    }

    package func range(_ name: String) -> Range<Int>? { tags.first { $0.name == name }?.range }

    /// Without the blanks around it; nil: there is no such tag.
    package func value(_ name: String) -> String? {
        guard let range = range(name) else { return nil }
        return String(decoding: TagList.trimmed(octets[range]), as: UTF8.self)
    }

    /// Without any blanks: numbers, names and what is in base64.
    package func compact(_ name: String) -> [UInt8]? {
        guard let range = range(name) else { return nil }
        var compact: [UInt8] = []
        compact.reserveCapacity(range.count)
        var start = range.lowerBound
        // Piece by piece: most has no blanks.
        while start < range.upperBound {
            let end = octets[start..<range.upperBound].firstIndex(where: TagList.isBlank) ?? range.upperBound
            compact.append(contentsOf: octets[start..<end])
            start = end + 1
        }
        return compact
    }

    /// The parts between colons, without blanks around each (h= of signatures and records, s=, t=); nil: there is no such tag.
    package func parts(_ name: String) -> [String]? {
        guard let range = range(name) else { return nil }
        return octets[range].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
            String(decoding: TagList.trimmed($0), as: UTF8.self)
        }
    }

    private static func trimmed(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = octets.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) } ?? start.startIndex - 1
        return start[start.startIndex..<(end + 1)]
    }

    private static func skipBlanks(_ octets: [UInt8], _ index: inout Int) {
        while index < octets.count, isBlank(octets[index]) { index += 1 }
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A }

    private static func isNameOctet(_ octet: UInt8, isFirst: Bool) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): !isFirst
        default: false
        }
    }
}
