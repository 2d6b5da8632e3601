import NIOCore

// Numbers of variable length, seven bits an octet, the lowest first; texts and octets behind their length.
extension ByteBuffer {
    mutating func writeCompact(_ number: UInt64) {
        var number = number
        while number >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: number) | 0x80)
            number >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: number))
    }

    /// Small numbers of either sign are short.
    mutating func writeSigned(_ number: Int64) { writeCompact(UInt64(bitPattern: (number << 1) ^ (number >> 63))) }

    mutating func writeCompact(_ octets: [UInt8]) {
        writeCompact(UInt64(octets.count))
        writeBytes(octets)
    }

    mutating func writeCompact(_ text: String) { writeCompact(Array(text.utf8)) }

    /// Nil when it does not end, or is too large.
    mutating func readCompact() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let octet = readInteger(as: UInt8.self) {
            let part = UInt64(octet & 0x7F)
            guard shift < 63 || part <= 1 else { return nil }
            value |= part << shift
            if octet & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    mutating func readSigned() -> Int64? {
        readCompact().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
    }

    mutating func readCompactOctets() -> [UInt8]? {
        guard let count = readCompact(), count <= UInt64(readableBytes) else { return nil }
        return readBytes(length: Int(count))
    }

    mutating func readCompactText() -> String? { readCompactOctets().map { String(decoding: $0, as: UTF8.self) } }

    /// How many of something follow, each of which takes an octet at least.
    mutating func readCount() -> Int? {
        guard let count = readCompact(), count <= UInt64(readableBytes) else { return nil }
        return Int(count)
    }
}
