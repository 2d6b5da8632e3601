package import NIOCore

/// The mailbox names of IMAP4rev1: UTF-7 with `&` for `+` and `,` for `/` (RFC 3501 §5.1.3).
package enum ModifiedUTF7 {
    /// The name that was meant. A shift that cannot be decoded stays as it is, for names that never were modified UTF-7
    /// are about. Linear.
    package static func decode(_ name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "&")) else { return name }
        let octets = Array(name.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            let start = index + 1
            if octets[index] == UInt8(ascii: "&") {
                let end = octets[start...].firstIndex { values[Int($0)] == nil } ?? octets.count
                if end < octets.count, octets[end] == UInt8(ascii: "-"), let text = decoded(octets[start..<end]) {
                    result += end == start ? "&".utf8 : text.utf8
                    index = end + 1
                    continue
                }
            }
            result.append(octets[index])
            index = start
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether every shift is what RFC 3501 §5.1.3 wants: whole UTF-16 of what is not printable ASCII, ended by `-`, and not followed by another that it
    /// could have held. What lies outside of shifts is not judged: old clients send UTF-8 as it is. Linear.
    package static func isWellFormed(_ name: String) -> Bool {
        var rest = Array(name.utf8)[...]
        var isBehindShift = false
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "&") else {
                isBehindShift = false
                continue
            }
            guard let end = rest.firstIndex(of: UInt8(ascii: "-")) else { return false }
            let shifted = rest[..<end]
            rest = rest[(end + 1)...]
            if shifted.isEmpty {
                isBehindShift = false
                continue
            }
            guard !isBehindShift, let text = decoded(shifted), !text.unicodeScalars.contains(where: { (0x20...0x7E).contains($0.value) }) else {
                return false
            }
            isBehindShift = true
        }
        return true
    }

    /// Appends the name as rev1 writes it: ASCII without control characters for names without them. Linear.
    package static func encode(_ name: String, into buffer: inout ByteBuffer) {
        var units: [UInt16] = []
        for scalar in name.unicodeScalars {
            guard (0x20...0x7E).contains(scalar.value) else {
                units.append(contentsOf: UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter)
                continue
            }
            writeShifted(&units, into: &buffer)
            buffer.writeInteger(UInt8(truncatingIfNeeded: scalar.value))
            if scalar == "&" { buffer.writeInteger(UInt8(ascii: "-")) }
        }
        writeShifted(&units, into: &buffer)
    }

    private static func writeShifted(_ units: inout [UInt16], into buffer: inout ByteBuffer) {
        guard !units.isEmpty else { return }
        buffer.writeInteger(UInt8(ascii: "&"))
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for unit in units {
            bits = (bits << 16 | UInt32(unit)) & 0x3F_FFFF
            held += 16
            while held >= 6 {
                held -= 6
                buffer.writeInteger(alphabet[Int(bits >> held & 63)])
            }
        }
        if held > 0 { buffer.writeInteger(alphabet[Int(bits << (6 - held) & 63)]) }
        buffer.writeInteger(UInt8(ascii: "-"))
        units.removeAll(keepingCapacity: true)
    }

    /// Nil unless it is whole UTF-16 with fewer than six zero bits behind it.
    private static func decoded(_ shifted: ArraySlice<UInt8>) -> String? {
        var units: [UInt16] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for octet in shifted {
            guard let value = values[Int(octet)] else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0x3F_FFFF
            held += 6
            if held >= 16 {
                held -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> held))
            }
        }
        guard held < 6, bits & ((1 << held) - 1) == 0 else { return nil }
        return String(validating: units, as: UTF16.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    private static let values: [UInt8?] = {
        var table = [UInt8?](repeating: nil, count: 256)
        for (value, octet) in alphabet.enumerated() { table[Int(octet)] = UInt8(value) }
        return table
    }()
}
