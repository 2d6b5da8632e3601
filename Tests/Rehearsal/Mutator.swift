package import NIOCore

/// Makes bad input of good: what clients say in transcripts, with something wrong. The same seed makes the same mutants.
///
/// Most mutants keep the lines up to the login as they are, so that what is broken lies behind it.
package struct Mutator {
    /// SplitMix64.
    package struct Chance: RandomNumberGenerator {
        private var state: UInt64

        package init(seed: UInt64) { state = seed }

        package mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private typealias Line = [UInt8]

    /// Of every transcript in which a client speaks.
    private let talks: [[[UInt8]]]
    /// How many of its lines come before the rest makes sense.
    private let introductions: [Int]
    private var chance = Chance(seed: 0)

    /// `opens`: whether a line is the last that a session needs to get going (a login, EHLO).
    package init(_ transcripts: [Transcript], opens: (String) -> Bool) {
        talks = transcripts.map(\.clientLines).filter { !$0.isEmpty }
        introductions = talks.map { lines in
            lines.firstIndex { opens(String(decoding: $0, as: UTF8.self)) }.map { $0 + 1 } ?? 0
        }
    }

    /// What the client of the mutant `seed` sends, in segments.
    package mutating func segments(seed: UInt64) -> [ByteBuffer] {
        chance = Chance(seed: seed)
        guard let talk = talks.indices.randomElement(using: &chance) else { return [] }
        var lines = talks[talk]
        let introduction = roll(10) == 0 ? 0 : introductions[talk]
        let head = Array(lines[..<introduction])
        lines.removeFirst(introduction)
        for _ in 0...roll(4) { mutate(&lines) }
        return cut(head + lines)
    }

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &chance) }

    private mutating func mutate(_ lines: inout [Line]) {
        guard let at = lines.indices.randomElement(using: &chance) else { return lines.append(anotherLine()) }
        switch roll(14) {
        case 0: lines.insert(lines[at], at: at)
        case 1: lines.swapAt(at, roll(lines.count))
        case 2: lines.remove(at: at)
        case 3: lines.removeLast(roll(lines.count))
        case 4: splice(&lines, at)
        case 5: lines.insert(anotherLine(), at: at)
        default: mutate(&lines[at])
        }
    }

    /// From there on another transcript goes on.
    private mutating func splice(_ lines: inout [Line], _ at: Int) {
        guard let other = talks.randomElement(using: &chance) else { return }
        lines = Array(lines[..<at] + other[roll(other.count)...])
    }

    private mutating func anotherLine() -> Line {
        talks.randomElement(using: &chance)?.randomElement(using: &chance) ?? []
    }

    private mutating func mutate(_ line: inout Line) {
        guard let at = line.indices.randomElement(using: &chance) else { return }
        switch roll(9) {
        case 0: for _ in 0...roll(4) { line[roll(line.count)] ^= 1 << UInt8(roll(8)) }
        case 1: line.removeLast(line.count - at)
        case 2: line.insert(contentsOf: line[at...].prefix(1 + roll(20)), at: at)
        case 3: enlarge(&line)
        case 4:
            let depth = [3, 60, 5_000][roll(3)]
            line.insert(
                contentsOf: Array(repeating: UInt8(ascii: "("), count: depth)
                    + Array(repeating: UInt8(ascii: ")"), count: roll(depth + 1)), at: at)
        case 5:
            let odd: [UInt8] = [0, 10, 13, 0x22, 0x5C, 0x7B, 0x7D, 0x25, 0x2A, 0x7F, 0x80, 0xC3, 0xFF]
            line.insert(odd[roll(odd.count)], at: at)
        case 6: line.remove(at: at)
        case 7: line.insert(contentsOf: Array(repeating: line[at], count: [10, 1_000, 100_000][roll(3)]), at: at)
        default: line.insert(contentsOf: "{\([0, 3, 70_000][roll(3)])\(roll(2) == 0 ? "+" : "")}\r\n".utf8, at: at)
        }
    }

    /// A number becomes one that is too great, or not.
    private mutating func enlarge(_ line: inout Line) {
        let isDigit = { (octet: UInt8) in (0x30...0x39).contains(octet) }
        guard let start = line.indices.filter({ isDigit(line[$0]) }).randomElement(using: &chance) else { return }
        let end = line[start...].firstIndex { !isDigit($0) } ?? line.count
        let numbers = [
            "0", "1", "4294967295", "4294967296", "9223372036854775807", "18446744073709551616",
            String(repeating: "9", count: 40),
        ]
        line.replaceSubrange(start..<end, with: Array(numbers[roll(numbers.count)].utf8))
    }

    /// A segment a line, everything in one, or cut anywhere.
    private mutating func cut(_ lines: [Line]) -> [ByteBuffer] {
        switch roll(3) {
        case 0: return lines.map { ByteBuffer(bytes: $0) }
        case 1: return [ByteBuffer(bytes: lines.flatMap(\.self))]
        default:
            var rest = lines.flatMap(\.self)[...]
            var pieces: [ByteBuffer] = []
            while !rest.isEmpty {
                let piece = rest.prefix(1 + roll(max(200, rest.count / 20)))
                rest = rest.dropFirst(piece.count)
                pieces.append(ByteBuffer(bytes: piece))
            }
            return pieces
        }
    }
}

extension Transcript {
    /// All that its clients send, by lines with their ends.
    fileprivate var clientLines: [[UInt8]] {
        var bytes: [UInt8] = []
        for turn in turns { if case .send(let sent) = turn.action { bytes += sent.readableBytesView } }
        var lines: [[UInt8]] = []
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0A {
            lines.append(Array(bytes[start...index]))
            start = index + 1
        }
        if start < bytes.count { lines.append(Array(bytes[start...])) }
        return lines
    }
}
