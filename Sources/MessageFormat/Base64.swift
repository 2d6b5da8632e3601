package import NIOCore

/// Base64 as protocols exchange it (RFC 4648 §4): padded, nothing else in it, unused bits zero. What mail holds is read by `TransferDecoder`.
package enum Base64 {
    // base64 = *(4base64-char) [base64-terminal];  base64-terminal = (2base64-char "==") / (3base64-char "=")
    /// Nil for anything else.
    package static func decode(_ text: ByteBuffer) -> [UInt8]? {
        let octets = text.readableBytesView
        guard octets.count % 4 == 0 else { return nil }
        let padding = octets.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var result: [UInt8] = []
        result.reserveCapacity(octets.count / 4 * 3)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for octet in octets.dropLast(padding) {
            guard let value = sextet(octet) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            result.append(UInt8(truncatingIfNeeded: bits >> count))
        }
        guard bits & ((1 << count) - 1) == 0 else { return nil }
        return result
    }

    private static func sextet(_ octet: UInt8) -> UInt32? {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(octet) - 0x41
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(octet) - 0x61 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(octet) - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
