/// As much of DER (X.690 §8) as is needed to see how large a key is before it is worked with. Each step goes forward, and never past the end.
struct DERReader {
    private var octets: ArraySlice<UInt8>

    init(_ octets: [UInt8]) { self.octets = octets[...] }
    private init(_ octets: ArraySlice<UInt8>) { self.octets = octets }

    /// The content of the next element, if it has this tag; lengths below 64 KiB.
    mutating func element(_ tag: UInt8) -> DERReader? {
        var rest = octets
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var length = Int(first)
        switch first {
        case 0..<0x80: break
        case 0x81:
            guard let next = rest.popFirst() else { return nil }
            length = Int(next)
        case 0x82:
            guard let high = rest.popFirst(), let low = rest.popFirst() else { return nil }
            length = Int(high) << 8 | Int(low)
        default: return nil
        }
        guard rest.count >= length else { return nil }
        octets = rest.dropFirst(length)
        return DERReader(rest.prefix(length))
    }

    /// Whether there is a SEQUENCE, and nothing behind it.
    var isOneSequence: Bool {
        var copy = self
        return copy.element(0x30) != nil && copy.octets.isEmpty
    }

    /// Of the modulus of an RSA public key, in bits: SubjectPublicKeyInfo (RFC 5280 §4.1) or RSAPublicKey (RFC 8017 A.1.1). Nil for anything else.
    static func modulusBits(_ key: [UInt8]) -> Int? {
        var outer = DERReader(key)
        guard var sequence = outer.element(0x30), outer.octets.isEmpty else { return nil }
        if sequence.element(0x30) != nil {
            // What the bits hold begins behind the number of bits that are unused.
            guard var bits = sequence.element(0x03), bits.octets.popFirst() == 0, let inner = bits.element(0x30) else { return nil }
            sequence = inner
        }
        guard let modulus = sequence.element(0x02) else { return nil }
        let significant = modulus.octets.drop { $0 == 0 }
        guard let first = significant.first else { return nil }
        return significant.count * 8 - first.leadingZeroBitCount
    }
}
