/// A set of octets that is asked in constant time: what an ABNF class (atext, CHAR, ...) is to a grammar.
package struct OctetSet: Sendable, Hashable {
    @usableFromInline
    package var words: SIMD4<UInt64>

    @inlinable
    package init() { words = .zero }

    package init(_ ranges: ClosedRange<UInt8>...) {
        self.init()
        for range in ranges {
            for octet in range { insert(octet) }
        }
    }

    /// The octets of an ASCII text.
    package init(_ characters: StaticString) {
        self.init()
        characters.withUTF8Buffer { for octet in $0 { insert(octet) } }
    }

    @inlinable
    package mutating func insert(_ octet: UInt8) {
        words[Int(octet >> 6)] |= 1 &<< UInt64(octet & 63)
    }

    @inlinable
    package func contains(_ octet: UInt8) -> Bool {
        words[Int(octet >> 6)] & (1 &<< UInt64(octet & 63)) != 0
    }

    @inlinable
    package func union(_ other: OctetSet) -> OctetSet {
        var result = self
        result.words |= other.words
        return result
    }

    @inlinable
    package func subtracting(_ other: OctetSet) -> OctetSet {
        var result = self
        result.words &= ~other.words
        return result
    }

    /// An ASCII capital as its small letter, every other octet as it is.
    @inlinable
    package static func lowercased(_ octet: UInt8) -> UInt8 {
        octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet
    }

    package static let letters = OctetSet(0x41...0x5A, 0x61...0x7A)
    package static let digits = OctetSet(0x30...0x39)
    package static let eightBit = OctetSet(0x80...0xFF)
    /// RFC 5322 §3.2.3 atext.
    package static let atext = OctetSet.letters.union(.digits).union(OctetSet("!#$%&'*+-/=?^_`{|}~"))
    /// RFC 2045 §5.1 token: printable ASCII without space and tspecials.
    package static let token = OctetSet(0x21...0x7E).subtracting(OctetSet("()<>@,;:\\\"/[]?="))
}
