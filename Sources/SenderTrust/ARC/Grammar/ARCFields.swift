import MailModel

/// The values of the three fields of an ARC set (RFC 8617 §4.1).
package enum ARCFields {
    /// How many sets a chain may have (§4.2.1).
    package static let mostInstances = 50

    /// What a server of the chain says of the chain before it (§4.1.3, cv=).
    package enum ChainStatus: String, Hashable, Sendable, CaseIterable {
        case none, fail, pass
    }

    // i= of ARC-Message-Signature and ARC-Seal: 1*2DIGIT, from 1 to 50. Nil for anything else.
    package static func instance(_ tags: TagList) -> Int? { tags.compact("i").flatMap(instance) }

    private static func instance(_ digits: [UInt8]) -> Int? {
        guard (1...2).contains(digits.count), let value = KeyedSignature.decimal(digits), (1...mostInstances).contains(value) else { return nil }
        return value
    }

    // arc-info = instance [CFWS] ";" authres-payload
    // instance = [CFWS] %s"i" [CFWS] "=" [CFWS] instance-value [CFWS]
    /// Of ARC-Authentication-Results: its instance, and what stands behind it, unfolded. Nil for anything else.
    package static func results(_ value: [UInt8]) -> (instance: Int, results: String)? {
        var rest = value[...]
        skipBlanks(&rest)
        guard rest.popFirst() == UInt8(ascii: "i") else { return nil }
        skipBlanks(&rest)
        guard rest.popFirst() == UInt8(ascii: "=") else { return nil }
        skipBlanks(&rest)
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        skipBlanks(&rest)
        guard let instance = instance(Array(digits)), rest.popFirst() == UInt8(ascii: ";") else { return nil }
        let text = rest.filter { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
        let start = text.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start.startIndex
        return (instance, String(decoding: start[start.startIndex..<end], as: UTF8.self))
    }

    /// CFWS; comments are counted, not followed, so that no depth can hurt.
    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) {
        var depth = 0
        while let octet = rest.first {
            switch octet {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")") where depth > 0: depth -= 1
            case UInt8(ascii: "\\") where depth > 0: rest = rest.dropFirst()
            default: if depth == 0, !isBlank(octet) { return }
            }
            rest = rest.dropFirst()
        }
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A }
}
