package import NIOCore

/// Base64 as protocols exchange it (RFC 4648 §4): padded, nothing else in it, unused bits zero. What mail holds is read by `TransferDecoder`.
package enum Base64 {
    // base64 = *(4base64-char) [base64-terminal];  base64-terminal = (2base64-char "==") / (3base64-char "=")
    /// Nil for anything else.
    package static func decode(_ text: ByteBuffer) -> [UInt8]? { text.withUnsafeReadableBytes { decode($0) } }

    /// The same.
    package static func decode(_ text: [UInt8]) -> [UInt8]? { text.withUnsafeBytes { decode($0) } }

    private static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard let last = text.last else { return [] }
        let padding = last != UInt8(ascii: "=") ? 0 : text[text.count - 2] == UInt8(ascii: "=") ? 2 : 1
        var isWhole = true
        let octets = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 - padding) { octets, count in
            sextets.withUnsafeBufferPointer { sextets in
                var bits: UInt32 = 0
                var held: UInt32 = 0
                // All that was looked up, so that one look at the end tells whether something was none.
                var seen: UInt8 = 0
                for place in 0..<text.count - padding {
                    let sextet = sextets[Int(text[place])]
                    seen |= sextet
                    bits = bits << 6 | UInt32(sextet)
                    held += 6
                    guard held >= 8 else { continue }
                    held -= 8
                    octets[count] = UInt8(truncatingIfNeeded: bits >> held)
                    count += 1
                }
                isWhole = seen < 64 && bits & ((1 << held) - 1) == 0
            }
        }
        return isWhole ? octets : nil
    }

    /// What each octet stands for; 64 and more: nothing.
    private static let sextets: [UInt8] = (0...UInt8.max).map { octet in
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): octet - 0x41
        case UInt8(ascii: "a")...UInt8(ascii: "z"): octet - 0x61 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: 0xFF
        }
    }
}

extension ByteBuffer {
    /// Writes octets in Base64. It reserves nothing beyond what it writes.
    package mutating func writeBase64(_ octets: some Collection<UInt8>) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var bits: UInt32 = 0
        var held: UInt32 = 0
        func letter(_ value: UInt32) -> UInt8 { alphabet.withUTF8Buffer { $0[Int(value & 63)] } }
        for octet in octets {
            bits = (bits << 8 | UInt32(octet)) & 0xFFFF
            held += 8
            while held >= 6 {
                held -= 6
                writeInteger(letter(bits >> held))
            }
        }
        if held > 0 {
            writeInteger(letter(bits << (6 - held)))
            writeRepeatingByte(UInt8(ascii: "="), count: octets.count % 3 == 1 ? 2 : 1)
        }
    }
}
