import MailModel

extension SPFRecord.Mechanism {
    // mechanism = ( all / include / a / mx / ptr / ip4 / ip6 / exists )
    // all       = "all"
    // include   = "include" ":" domain-spec
    // a         = "a" [ ":" domain-spec ] [ dual-cidr-length ]
    // mx        = "mx" [ ":" domain-spec ] [ dual-cidr-length ]
    // ptr       = "ptr" [ ":" domain-spec ]
    // ip4       = "ip4" ":" ip4-network [ ip4-cidr-length ]
    // ip6       = "ip6" ":" ip6-network [ ip6-cidr-length ]
    // exists    = "exists" ":" domain-spec
    init?(_ octets: ArraySlice<UInt8>) {
        let name = octets.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
        let argument = octets.dropFirst(name.count)
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "all" where argument.isEmpty: self = .all
        case "include":
            guard let name = Self.name(argument) else { return nil }
            self = .include(name)
        case "exists":
            guard let name = Self.name(argument) else { return nil }
            self = .exists(name)
        case "a":
            guard let (name, lengths) = Self.place(argument) else { return nil }
            self = .addresses(name, lengths)
        case "mx":
            guard let (name, lengths) = Self.place(argument) else { return nil }
            self = .exchangers(name, lengths)
        case "ptr" where argument.isEmpty: self = .pointers(nil)
        case "ptr":
            guard let name = Self.name(argument) else { return nil }
            self = .pointers(name)
        case "ip4":
            guard let (address, length) = Self.network(argument, most: 32) else { return nil }
            self = .ipv4(address, length: length)
        case "ip6":
            guard let (address, length) = Self.network(argument, most: 128) else { return nil }
            self = .ipv6(address, length: length)
        default: return nil
        }
    }

    private static func name(_ argument: ArraySlice<UInt8>) -> SPFMacroString? {
        argument.first == UInt8(ascii: ":") ? SPFMacroString(argument.dropFirst(), .domain) : nil
    }

    // dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]
    /// Names may hold slashes, so that it is read from the end.
    private static func place(_ argument: ArraySlice<UInt8>) -> (SPFMacroString?, SPFRecord.PrefixLengths)? {
        var rest = argument
        var lengths = SPFRecord.PrefixLengths()
        if let (before, digits) = suffix(rest), before.last == UInt8(ascii: "/") {
            guard let length = length(digits, most: 128) else { return nil }
            lengths.ipv6 = length
            rest = before.dropLast()
        }
        if let (before, digits) = suffix(rest) {
            guard let length = length(digits, most: 32) else { return nil }
            lengths.ipv4 = length
            rest = before
        }
        if rest.isEmpty { return (nil, lengths) }
        return name(rest).map { ($0, lengths) }
    }

    /// Digits at the end, behind a slash.
    private static func suffix(_ octets: ArraySlice<UInt8>) -> (before: ArraySlice<UInt8>, digits: ArraySlice<UInt8>)? {
        let digits = octets.suffix(while: { (0x30...0x39).contains($0) })
        let before = octets.dropLast(digits.count)
        return !digits.isEmpty && before.last == UInt8(ascii: "/") ? (before.dropLast(), digits) : nil
    }

    // ip4-cidr-length = "/" ("0" / %x31-39 0*1DIGIT)
    // ip6-cidr-length = "/" ("0" / %x31-39 0*2DIGIT)
    private static func length(_ digits: ArraySlice<UInt8>, most: Int) -> Int? {
        guard (1...3).contains(digits.count), digits.count == 1 || digits.first != 0x30, let length = Int(String(decoding: digits, as: UTF8.self)) else {
            return nil
        }
        return (0...most).contains(length) ? length : nil
    }

    // ip4-network = qnum "." qnum "." qnum "." qnum
    private static func network(_ argument: ArraySlice<UInt8>, most: Int) -> (IPAddress, Int)? {
        guard argument.first == UInt8(ascii: ":") else { return nil }
        let halves = argument.dropFirst().split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let text = halves.first, text.contains(UInt8(ascii: ":")) == (most == 128),
            let address = IPAddress(String(decoding: text, as: UTF8.self))
        else { return nil }
        guard halves.count == 2 else { return (address, most) }
        return length(halves[1], most: most).map { (address, $0) }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func suffix(while isPart: (UInt8) -> Bool) -> ArraySlice {
        var start = endIndex
        while start > startIndex, isPart(self[start - 1]) { start -= 1 }
        return self[start...]
    }
}
