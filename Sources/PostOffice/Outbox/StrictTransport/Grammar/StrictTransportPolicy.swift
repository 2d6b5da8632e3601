package import MailModel

/// What a domain wants of those that send to it (RFC 8461 §3.2): the file `/.well-known/mta-sts.txt` of `mta-sts.DOMAIN`.
package struct StrictTransportPolicy: Hashable, Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Mail goes to servers that fit, or not at all.
        case enforce
        /// Mail goes as ever; what does not fit is reported.
        case testing
        /// There is no policy any more.
        case none
    }

    package let mode: Mode
    /// Seconds from when it was fetched: 0...31,557,600.
    package let maxAge: Int64
    /// One at least, unless the mode is `none`.
    package let exchangers: [ExchangerPattern]

    /// Of a file (RFC 8461 §3.2 asks for a limit, and has 64 KiB for an example).
    package static let mostOctets = 64 * 1024
    /// A policy that names more is none: one is kept for each domain that mail goes to.
    package static let mostExchangers = 100
    /// Octets of all their names.
    package static let mostExchangerOctets = 8 * 1024
    package static let longestAge: Int64 = 31_557_600

    /// One of our own. Nil for what nobody may say: an age out of its range, or nobody in any mode but `none`.
    package init?(mode: Mode, exchangers: [ExchangerPattern], maxAge: Int64) {
        guard (0...StrictTransportPolicy.longestAge).contains(maxAge), mode == .none || !exchangers.isEmpty else { return nil }
        self.mode = mode
        self.maxAge = maxAge
        self.exchangers = exchangers
    }

    /// Nil for what is no policy: an error of syntax, a field that is missing, a value out of its range. Fields that are not known are ignored, and so is one
    /// that comes again, `mx` excepted. Empty lines are taken for nothing.
    package init?(_ octets: some BidirectionalCollection<UInt8>) {
        guard octets.count <= StrictTransportPolicy.mostOctets else { return nil }
        var fields: [Substring: Substring] = [:]
        var exchangers: [ExchangerPattern] = []
        var exchangerOctets = 0
        // sts-policy-record = sts-policy-field *WSP *(sts-policy-term sts-policy-field *WSP) [sts-policy-term]
        // sts-policy-term   = LF / CRLF
        for line in octets.split(separator: UInt8(ascii: "\n")) {
            guard let line = String(validating: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self) else { return nil }
            guard !line.isEmpty else { continue }
            guard let (name, value) = StrictTransportPolicy.field(line) else { return nil }
            if name == "mx" {
                guard let pattern = ExchangerPattern(value), exchangers.count < StrictTransportPolicy.mostExchangers else { return nil }
                exchangers.append(pattern)
                exchangerOctets += pattern.description.utf8.count
                guard exchangerOctets <= StrictTransportPolicy.mostExchangerOctets else { return nil }
            } else if fields[name] == nil {
                fields[name] = value
            }
        }
        guard fields["version"] == "STSv1", let mode = fields["mode"].flatMap({ Mode(rawValue: String($0)) }),
            let maxAge = fields["max_age"].flatMap(StrictTransportPolicy.seconds), mode == .none || !exchangers.isEmpty
        else { return nil }
        self.mode = mode
        self.maxAge = maxAge
        self.exchangers = exchangers
    }

    /// Its own fields, one a line, without line ends.
    package var lines: [String] {
        ["version: STSv1", "mode: \(mode.rawValue)"] + exchangers.map { "mx: \($0)" } + ["max_age: \(maxAge)"]
    }

    package func covers(_ host: Domain) -> Bool { exchangers.contains { $0.covers(host) } }

    // sts-policy-field-delim = ":" *WSP
    // sts-policy-ext-value   = sts-policy-vchar [*(%x20 / sts-policy-vchar) sts-policy-vchar]
    // sts-policy-vchar       = %x21-7E / UTF8-2 / UTF8-3 / UTF8-4
    private static func field(_ line: String) -> (name: Substring, value: Substring)? {
        guard let (name, rest) = StrictTransportText.pair(line[...], separator: ":"), StrictTransportText.isExtensionName(name) else { return nil }
        let value = StrictTransportText.trimmed(rest)
        guard !value.isEmpty, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return (name, value)
    }

    // sts-policy-max-age-field-value = 1*10(DIGIT)
    private static func seconds(_ text: Substring) -> Int64? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text).flatMap { $0 <= longestAge ? $0 : nil }
    }
}

/// A host that a policy allows, or `*.` and all hosts with one label more than what is behind it (RFC 8461 §4.1).
package struct ExchangerPattern: Hashable, Sendable, CustomStringConvertible {
    private let name: Domain
    private let isWildcard: Bool

    // sts-policy-mx-field-value = ["*."] Domain
    package init?(_ text: some StringProtocol) {
        isWildcard = text.hasPrefix("*.")
        // A name in letters of all the world means its A-labels.
        guard let name = Domain(isWildcard ? text.dropFirst(2) : text[...])?.asciiForm, !name.isLiteral, name.value.utf8.count <= 253 else { return nil }
        self.name = name
    }

    package var description: String { isWildcard ? "*.\(name)" : name.value }

    /// - parameter host: in ASCII.
    package func covers(_ host: Domain) -> Bool {
        guard isWildcard else { return host == name }
        guard let dot = host.value.firstIndex(of: "."), dot != host.value.startIndex else { return false }
        return host.value[host.value.index(after: dot)...] == name.value[...]
    }
}
