/// One line that a transcript expects of the server, without its CRLF.
enum ExpectedLine: Equatable, Sendable {
    case exact([UInt8])
    /// Pieces between the asterisks: the first begins the line, the last ends it.
    case glob([[UInt8]])
    /// Any number of lines.
    case anyLines

    func matches(_ line: [UInt8]) -> Bool {
        switch self {
        case .exact(let bytes): return bytes == line
        case .anyLines: return true
        case .glob(let pieces):
            guard let first = pieces.first, let last = pieces.last, line.starts(with: first) else { return false }
            if pieces.count == 1 { return line == first }
            var rest = line.dropFirst(first.count)
            for piece in pieces.dropFirst().dropLast() {
                guard let found = rest.firstRange(of: piece) else { return false }
                rest = rest[found.upperBound...]
            }
            return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
        }
    }

    /// Nil when `lines` are what is expected, else how many of them are.
    static func firstDifference(_ expected: ArraySlice<ExpectedLine>, _ lines: ArraySlice<[UInt8]>) -> Int? {
        guard let wanted = expected.first else { return lines.isEmpty ? nil : lines.startIndex }
        if wanted == .anyLines {
            var furthest = lines.startIndex
            for start in lines.startIndex...lines.endIndex {
                guard let difference = firstDifference(expected.dropFirst(), lines[start...]) else { return nil }
                furthest = max(furthest, difference)
            }
            return furthest
        }
        guard let line = lines.first, wanted.matches(line) else { return lines.startIndex }
        return firstDifference(expected.dropFirst(), lines.dropFirst())
    }

    /// The lines of what was written; what follows the last CRLF is a line with `no CRLF` behind it, that matches nothing.
    static func lines(of bytes: some Collection<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        for byte in bytes {
            line.append(byte)
            if byte == 10, line.count >= 2, line[line.count - 2] == 13 {
                lines.append(line.dropLast(2))
                line = []
            }
        }
        return line.isEmpty ? lines : lines + [line + Array(" (no CRLF)".utf8)]
    }

    /// Printable ASCII and UTF-8 as they are, control octets escaped.
    static func show(_ line: [UInt8]) -> String {
        String(decoding: line, as: UTF8.self).unicodeScalars.map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7F ? "\\x" + String(scalar.value + 256, radix: 16).dropFirst() : String(scalar)
        }.joined()
    }
}

extension ExpectedLine: CustomStringConvertible {
    var description: String {
        switch self {
        case .exact(let bytes): "S: " + ExpectedLine.show(bytes)
        case .glob(let pieces): "S~ " + pieces.map(ExpectedLine.show).joined(separator: "*")
        case .anyLines: "S*"
        }
    }
}
