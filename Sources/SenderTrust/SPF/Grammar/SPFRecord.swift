package import MailModel

/// What a domain says of who may send for it (RFC 7208 §4.6, §12).
package struct SPFRecord: Hashable, Sendable {
    package enum Qualifier: UInt8, Hashable, Sendable, CaseIterable {
        case pass = 0x2B  // +
        case fail = 0x2D  // -
        case softfail = 0x7E  // ~
        case neutral = 0x3F  // ?

        package var result: SPFVerdict.Result {
            switch self {
            case .pass: .pass
            case .fail: .fail
            case .softfail: .softfail
            case .neutral: .neutral
            }
        }
    }

    /// Bits of an address that count: 0...32, 0...128.
    package struct PrefixLengths: Hashable, Sendable {
        package var ipv4 = 32
        package var ipv6 = 128
    }

    package enum Mechanism: Hashable, Sendable {
        case all
        case include(SPFMacroString)
        /// Nil: the domain whose record it is.
        case addresses(SPFMacroString?, PrefixLengths)
        case exchangers(SPFMacroString?, PrefixLengths)
        case pointers(SPFMacroString?)
        case ipv4(IPAddress, length: Int)
        case ipv6(IPAddress, length: Int)
        case exists(SPFMacroString)
    }

    package struct Directive: Hashable, Sendable {
        package let qualifier: Qualifier
        package let mechanism: Mechanism
        /// As the record has it, in printable US-ASCII; of a long one the beginning.
        package let text: String
    }

    package private(set) var directives: [Directive] = []
    package private(set) var redirect: SPFMacroString?
    package private(set) var explanation: SPFMacroString?

    /// Text that is no SPF record: `reason` in one line, of printable US-ASCII.
    package struct Fault: Error, Hashable, Sendable {
        package let reason: String
    }

    private static let mostShown = 200

    /// Whether a text is meant to be one (§4.5): other texts of a domain are nobody's business here.
    package static func isPolicy(_ text: String) -> Bool {
        let octets = text.utf8
        guard octets.prefix(version.count).map({ (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }) == version else { return false }
        return octets.dropFirst(version.count).first.map { $0 == 0x20 } ?? true
    }

    private static let version = Array("v=spf1".utf8)

    // record = version terms *SP
    // terms  = *( 1*SP ( directive / modifier ) )
    package init(_ text: String) throws(Fault) {
        guard SPFRecord.isPolicy(text) else { throw Fault(reason: "it does not begin with v=spf1") }
        for term in Array(text.utf8).dropFirst(SPFRecord.version.count).split(separator: 0x20) {
            guard term.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw Fault(reason: "it is not in printable US-ASCII") }
            if let (name, value) = SPFRecord.modifier(term) {
                try add(name, value, term)
            } else {
                directives.append(try SPFRecord.directive(term))
            }
        }
    }

    // modifier         = redirect / explanation / unknown-modifier
    // redirect         = "redirect" "=" domain-spec
    // explanation      = "exp" "=" domain-spec
    // unknown-modifier = name "=" macro-string
    private mutating func add(_ name: String, _ value: ArraySlice<UInt8>, _ term: ArraySlice<UInt8>) throws(Fault) {
        guard let text = SPFMacroString(value, name == "redirect" || name == "exp" ? .domain : .any) else { throw SPFRecord.fault(term) }
        switch name {
        case "redirect":
            // §6
            guard redirect == nil else { throw Fault(reason: "it has \"redirect\" twice") }
            redirect = text
        case "exp":
            guard explanation == nil else { throw Fault(reason: "it has \"exp\" twice") }
            explanation = text
        default: break
        }
    }

    // name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
    private static func modifier(_ term: ArraySlice<UInt8>) -> (name: String, value: ArraySlice<UInt8>)? {
        let name = term.prefix { $0 != UInt8(ascii: "=") }
        guard name.count < term.count, let first = name.first, isLetter(first), name.allSatisfy({ isLetter($0) || isDigit($0) || "-_.".utf8.contains($0) })
        else { return nil }
        return (String(decoding: name, as: UTF8.self).lowercased(), term.dropFirst(name.count + 1))
    }

    // directive = [ qualifier ] mechanism
    // qualifier = "+" / "-" / "?" / "~"
    private static func directive(_ term: ArraySlice<UInt8>) throws(Fault) -> Directive {
        var rest = term
        let qualifier = rest.first.flatMap(Qualifier.init)
        if qualifier != nil { rest.removeFirst() }
        guard let mechanism = Mechanism(rest) else { throw fault(term) }
        return Directive(qualifier: qualifier ?? .pass, mechanism: mechanism, text: shown(term))
    }

    private static func fault(_ term: ArraySlice<UInt8>) -> Fault { Fault(reason: "\"\(shown(term))\" is no term of SPF's") }

    private static func shown(_ term: ArraySlice<UInt8>) -> String {
        String(decoding: term.prefix(mostShown), as: UTF8.self) + (term.count > mostShown ? "..." : "")
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(octet | 0x20) }
    private static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }
}
