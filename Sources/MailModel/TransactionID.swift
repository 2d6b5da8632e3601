/// What a message is called on its way in: in its trace line, in the log and in the answer to its sender. 1...64 octets, each a letter, a digit,
/// "." or "-".
package struct TransactionID: Hashable, Sendable, CustomStringConvertible {
    package let value: String

    /// Where ids come from; a constructor argument, so that tests know them.
    package typealias Source = @Sendable () -> TransactionID

    package init?(_ value: String) {
        guard (1...64).contains(value.utf8.count), value.utf8.allSatisfy(TransactionID.isAllowed) else { return nil }
        self.value = value
    }

    /// The 128 bits as 26 digits and letters without vowels: no word, and no other has the same bits.
    package init(bits: UInt128) {
        let alphabet: StaticString = "0123456789bcdfghjklmnpqrstvwxyzZ"
        value = alphabet.withUTF8Buffer { alphabet in
            String(unsafeUninitializedCapacity: 26) { text in
                for place in 0..<26 {
                    text[place] = alphabet[Int(truncatingIfNeeded: bits >> UInt128(5 * (25 - place))) & 31]
                }
                return 26
            }
        }
    }

    package var description: String { value }

    private static func isAllowed(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: octet == UInt8(ascii: "-") || octet == UInt8(ascii: ".")
        }
    }
}
