package import MailModel

/// What macros stand for (RFC 7208 §7.2).
package struct SPFMacroValues: Hashable, Sendable {
    package var localPart: String
    package var senderDomain: String
    /// Whose record it is that has the macro: it changes with `include` and `redirect`.
    package var domain: String
    package var address: IPAddress
    package var helo: String
    /// %{p}
    package var validatedName = "unknown"
    package var receiver = "unknown"
    package var now: Timestamp

    package init(localPart: String, senderDomain: String, domain: String, address: IPAddress, helo: String, now: Timestamp) {
        self.localPart = localPart
        self.senderDomain = senderDomain
        self.domain = domain
        self.address = address
        self.helo = helo
        self.now = now
    }

    func octets(_ letter: SPFMacroString.Letter) -> [UInt8] {
        let text =
            switch letter {
            case .sender: "\(localPart)@\(senderDomain)"
            case .localPart: localPart
            case .senderDomain: senderDomain
            case .domain: domain
            case .address where address.isIPv4: address.description
            case .address: address.octets.map { String($0 >> 4, radix: 16) + "." + String($0 & 15, radix: 16) }.joined(separator: ".")
            case .validatedName: validatedName
            case .version: address.isIPv4 ? "in-addr" : "ip6"
            case .helo: helo
            case .clientAddress: address.description
            case .receiver: receiver
            case .time: "\(now.rawValue)"
            }
        return Array(text.utf8)
    }
}

extension SPFMacroString {
    private static let mostName = 253

    /// What DNS is asked for (§7.3): without a final dot, and of a name with more than 253 octets what labels at its right end fit. It need be no name that
    /// DNS can be asked for.
    ///
    /// What the value does not depend on is not expanded, so that no text makes more than 4 KB or so of it.
    package func name(_ values: SPFMacroValues) -> [UInt8] {
        // With the final dot, and one that shows where a label begins.
        let enough = SPFMacroString.mostName + 2
        var pieces: [[UInt8]] = []
        var count = 0
        for part in parts.reversed() where count < enough {
            let piece = SPFMacroString.octets(part, values)
            pieces.append(piece.count > enough ? Array(piece.suffix(enough)) : piece)
            count += pieces.last?.count ?? 0
        }
        var name = Array(pieces.reversed().joined())
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        guard name.count > SPFMacroString.mostName else { return name }
        let end = name.suffix(SPFMacroString.mostName + 1)
        guard let dot = end.firstIndex(of: UInt8(ascii: ".")) else { return name }
        return Array(end[(dot + 1)...])
    }

    /// What a domain has to say (§6.2). Nil where it is more than `most` octets, or not in printable US-ASCII: what peers have said may be anything.
    package func explanation(_ values: SPFMacroValues, most: Int = 1_000) -> String? {
        var text: [UInt8] = []
        for part in parts {
            text += SPFMacroString.octets(part, values)
            guard text.count <= most else { return nil }
        }
        return text.allSatisfy { (0x20...0x7E).contains($0) } ? String(decoding: text, as: UTF8.self) : nil
    }

    private static func octets(_ part: Part, _ values: SPFMacroValues) -> [UInt8] {
        switch part {
        case .literal(let octets), .fixed(let octets): octets
        case .macro(let macro): macro.octets(values.octets(macro.letter))
        }
    }
}

extension SPFMacroString.Macro {
    fileprivate func octets(_ value: [UInt8]) -> [UInt8] {
        var octets = value
        if kept != nil || isReversed || !delimiters.isEmpty {
            let delimiters = delimiters.isEmpty ? [UInt8(ascii: ".")] : delimiters
            var labels = value.split(omittingEmptySubsequences: false) { delimiters.contains($0) }
            if isReversed { labels.reverse() }
            octets = Array(labels.suffix(kept ?? labels.count).joined(separator: [UInt8(ascii: ".")]))
        }
        return isEscapedForURL ? octets.flatMap(Self.escaped) : octets
    }

    // RFC 3986 §2.1, §2.3
    private static func escaped(_ octet: UInt8) -> [UInt8] {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): return [octet]
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): return [octet]
        default:
            let digits = Array("0123456789ABCDEF".utf8)
            return [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
        }
    }
}
