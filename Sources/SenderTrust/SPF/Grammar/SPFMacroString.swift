/// Text with macros (RFC 7208 §7.1), as it stands in a record: nothing in it is expanded.
package struct SPFMacroString: Hashable, Sendable {
    enum Letter: UInt8, Hashable, CaseIterable {
        case sender = 0x73  // s
        case localPart = 0x6C  // l
        case senderDomain = 0x6F  // o
        case domain = 0x64  // d
        case address = 0x69  // i
        case validatedName = 0x70  // p
        case version = 0x76  // v
        case helo = 0x68  // h
        case clientAddress = 0x63  // c
        case receiver = 0x72  // r
        case time = 0x74  // t

        /// §7.2: c, r and t mean something in explanations alone.
        var isOfExplanations: Bool { self == .clientAddress || self == .receiver || self == .time }
    }

    struct Macro: Hashable {
        let letter: Letter
        /// A capital letter asks for it (§7.3).
        let isEscapedForURL: Bool
        /// How many of the parts stay, counted from the right; nil: all.
        let kept: Int?
        let isReversed: Bool
        /// Where the value is split; "." where none is named.
        let delimiters: [UInt8]
    }

    enum Part: Hashable {
        case literal([UInt8])
        /// `%%`, `%_`, `%-`
        case fixed([UInt8])
        case macro(Macro)
    }

    /// What a text may hold.
    enum Kind: Hashable {
        /// domain-spec
        case domain
        /// What an unknown modifier says.
        case any
        /// explain-string: blanks, too.
        case explanation
    }

    let parts: [Part]

    /// Of all there may be in a record: more are an error, so that none is larger than what it was read from.
    private static let mostParts = 1_000

    // macro-string   = *( macro-expand / macro-literal )
    // macro-literal  = %x21-%x24 / %x26-%x7E
    // explain-string = *( macro-string / SP )
    init?(_ octets: some Collection<UInt8>, _ kind: Kind) {
        var parts: [Part] = []
        var rest = Array(octets)[...]
        while let octet = rest.first {
            guard parts.count < SPFMacroString.mostParts else { return nil }
            if octet == UInt8(ascii: "%") {
                guard let part = SPFMacroString.expansion(&rest, kind) else { return nil }
                parts.append(part)
                continue
            }
            let literal = rest.prefix { $0 != UInt8(ascii: "%") }
            guard literal.allSatisfy({ (0x21...0x7E).contains($0) || kind == .explanation && $0 == 0x20 }) else { return nil }
            parts.append(.literal(Array(literal)))
            rest = rest.dropFirst(literal.count)
        }
        guard kind != .domain || SPFMacroString.hasDomainEnd(parts) else { return nil }
        self.parts = parts
    }

    /// Of a text record (RFC 7208 §6.2).
    package init?(explanation text: String) { self.init(text.utf8, .explanation) }

    func uses(_ letters: Letter...) -> Bool {
        parts.contains { part in
            if case .macro(let macro) = part { letters.contains(macro.letter) } else { false }
        }
    }

    // macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
    private static func expansion(_ rest: inout ArraySlice<UInt8>, _ kind: Kind) -> Part? {
        rest.removeFirst()
        switch rest.popFirst() {
        case UInt8(ascii: "%"): return .fixed([UInt8(ascii: "%")])
        case UInt8(ascii: "_"): return .fixed([UInt8(ascii: " ")])
        case UInt8(ascii: "-"): return .fixed(Array("%20".utf8))
        case UInt8(ascii: "{"): break
        default: return nil
        }
        // macro-letter = "s" / "l" / "o" / "d" / "i" / "p" / "h" / "c" / "r" / "t" / "v"
        guard let octet = rest.popFirst(), let letter = Letter(rawValue: octet | 0x20), !letter.isOfExplanations || kind != .domain else { return nil }
        // transformers = *DIGIT [ "r" ]
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        // A value has not so many parts, whatever it is.
        let kept = digits.isEmpty ? nil : digits.reduce(0) { min(10_000, $0 * 10 + Int($1 - 0x30)) }
        guard kept != 0 else { return nil }
        let isReversed = rest.first.map { $0 | 0x20 == UInt8(ascii: "r") } ?? false
        if isReversed { rest.removeFirst() }
        // delimiter = "." / "-" / "+" / "," / "/" / "_" / "="
        let delimiters = rest.prefix { ".-+,/_=".utf8.contains($0) }
        rest = rest.dropFirst(delimiters.count)
        guard rest.popFirst() == UInt8(ascii: "}") else { return nil }
        return .macro(
            Macro(letter: letter, isEscapedForURL: octet & 0x20 == 0, kept: kept, isReversed: isReversed, delimiters: Array(Set(delimiters)).sorted()))
    }

    // domain-spec = macro-string domain-end
    // domain-end  = ( "." toplabel [ "." ] ) / macro-expand
    private static func hasDomainEnd(_ parts: [Part]) -> Bool {
        guard let last = parts.last else { return false }
        guard case .literal(var end) = last else { return true }
        if end.last == UInt8(ascii: ".") { end.removeLast() }
        guard let dot = end.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return isTopLabel(end[(dot + 1)...])
    }

    // toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
    private static func isTopLabel(_ label: ArraySlice<UInt8>) -> Bool {
        let hyphen = UInt8(ascii: "-")
        func isAlphanumeric(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet | 0x20) }
        guard let first = label.first, let last = label.last, first != hyphen, last != hyphen else { return false }
        return label.allSatisfy { isAlphanumeric($0) || $0 == hyphen } && !label.allSatisfy { (0x30...0x39).contains($0) }
    }
}
