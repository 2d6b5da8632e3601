/// The canonical forms of RFC 6376 §3.4 over whole texts, as slow and plain as the words of the RFC: what the streaming ones are held against.
package enum PlainCanonical {
    /// The lines between CRLFs; what stands behind the last one too.
    static func lines(_ text: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < text.count {
            if text[index] == 0x0D, index + 1 < text.count, text[index + 1] == 0x0A {
                lines.append([])
                index += 2
            } else {
                lines[lines.count - 1].append(text[index])
                index += 1
            }
        }
        return lines
    }

    /// Blanks made one, none at the end.
    static func reduced(_ line: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for octet in line.map({ $0 == 0x09 ? 0x20 : $0 }) where octet != 0x20 || result.last != 0x20 { result.append(octet) }
        if result.last == 0x20 { result.removeLast() }
        return result
    }

    package static func body(_ text: [UInt8], isRelaxed: Bool) -> [UInt8] {
        var lines = lines(text)
        if isRelaxed { lines = lines.map(reduced) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        if lines.isEmpty { return isRelaxed ? [] : [0x0D, 0x0A] }
        return Array(lines.map { $0 + [0x0D, 0x0A] }.joined())
    }

    /// One field with its name; relaxed, without its line end.
    package static func field(_ text: [UInt8]) -> [UInt8] {
        let unfolded = Array(lines(text).joined())
        let colon = unfolded.firstIndex(of: UInt8(ascii: ":")) ?? unfolded.endIndex
        let name = reduced(String(decoding: unfolded[..<colon], as: UTF8.self).lowercased().utf8.map { $0 })
        let value = reduced(Array(unfolded[colon...].dropFirst()))
        return name + [UInt8(ascii: ":")] + value.drop { $0 == 0x20 }
    }
}
