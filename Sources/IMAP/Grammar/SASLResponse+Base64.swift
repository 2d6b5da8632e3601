package import NIOCore

/// A line of the client in a SASL exchange (RFC 9051 §6.2.2).
package enum SASLLine: Hashable, Sendable {
    /// "*": the client gives up; answer BAD.
    case cancelled
    case response(SASLResponse)
    /// No base64; answer BAD.
    case malformed

    //     authenticate = ... *(CRLF base64) ; or "*" to cancel
    package init(_ line: ByteBuffer) {
        if line.readableBytes == 1, line.getInteger(at: line.readerIndex, as: UInt8.self) == UInt8(ascii: "*") {
            self = .cancelled
        } else if let response = SASLResponse(base64: line) {
            self = .response(response)
        } else {
            self = .malformed
        }
    }
}

extension SASLResponse {
    //     base64 = *(4base64-char) [base64-terminal]                                 ; RFC 9051 §9
    //     base64-terminal = (2base64-char "==") / (3base64-char "=")
    /// Strict (RFC 4648 §3): nothing but the alphabet, whole groups, padding only at the end, and no bits left over.
    init?(base64 text: ByteBuffer) {
        guard text.readableBytes % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.readableBytes / 4 * 3)
        let view = text.readableBytesView
        let padding = view.suffix(2).reduce(0) { $1 == UInt8(ascii: "=") ? $0 + 1 : 0 }
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for octet in view.dropLast(padding) {
            guard let value = SASLResponse.value(of: octet) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        guard bits & ((1 << held) - 1) == 0 else { return nil }
        self.init(bytes: bytes)
    }

    private static func value(of octet: UInt8) -> UInt32? {
        switch octet {
        case 0x41...0x5A: UInt32(octet) - 0x41
        case 0x61...0x7A: UInt32(octet) - 0x61 + 26
        case 0x30...0x39: UInt32(octet) - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

extension ByteBuffer {
    /// A `+` line with a SASL challenge in base64 (RFC 9051 §7.6). It reserves nothing beyond what it writes.
    package mutating func writeContinuation(base64 challenge: some Collection<UInt8>) {
        writeStaticString("+ ")
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var bits: UInt32 = 0
        var held: UInt32 = 0
        func letter(_ value: UInt32) -> UInt8 { alphabet.withUTF8Buffer { $0[Int(value & 63)] } }
        for octet in challenge {
            bits = (bits << 8 | UInt32(octet)) & 0xFFFF
            held += 8
            while held >= 6 {
                held -= 6
                writeInteger(letter(bits >> held))
            }
        }
        if held > 0 {
            writeInteger(letter(bits << (6 - held)))
            writeRepeatingByte(UInt8(ascii: "="), count: challenge.count % 3 == 1 ? 2 : 1)
        }
        writeStaticString("\r\n")
    }
}
