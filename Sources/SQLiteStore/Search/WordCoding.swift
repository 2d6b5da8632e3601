import Crypto
import FoundationEssentials
import MailModel
import Storage

// Numbers of variable length, seven bits an octet, lowest first.
extension [UInt8] {
    mutating func append(number: UInt64) {
        var number = number
        while number >= 0x80 {
            append(UInt8(truncatingIfNeeded: number) | 0x80)
            number >>= 7
        }
        append(UInt8(number))
    }
}

/// Reads such numbers; `corrupt` where there is none.
struct NumberReader {
    private let octets: UnsafeRawBufferPointer
    private(set) var index: Int

    init(_ octets: UnsafeRawBufferPointer, at index: Int = 0) {
        self.octets = octets
        self.index = index
    }

    var isAtEnd: Bool { index >= octets.count }

    mutating func next() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < octets.count, shift < 64 {
            let octet = octets[index]
            index += 1
            value |= UInt64(octet & 0x7F) << shift
            if octet & 0x80 == 0 { return value }
            shift += 7
        }
        throw StorageFault.corrupt("search index: a number")
    }
}

/// The bodies of a segment, rising, and the traits of those that have any.
final class SegmentHead: Sendable {
    let bodies: ContiguousArray<BodyID>
    let traits: [Trait]

    struct Trait: Sendable {
        let ordinal: Int
        let bits: UInt8
    }

    init(bodies: ContiguousArray<BodyID>, traits: [Trait]) {
        self.bodies = bodies
        self.traits = traits
    }

    func contains(_ body: BodyID) -> Bool {
        var low = 0
        var high = bodies.count
        while low < high {
            let middle = (low + high) / 2
            if bodies[middle].rawValue < body.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < bodies.count && bodies[low] == body
    }

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.append(number: UInt64(bodies.count))
        var last: Int64 = 0
        for body in bodies {
            out.append(number: UInt64(bitPattern: body.rawValue &- last))
            last = body.rawValue
        }
        for trait in traits {
            out.append(number: UInt64(trait.ordinal))
            out.append(trait.bits)
        }
        return out
    }

    convenience init(decoding octets: [UInt8]) throws {
        var bodies = ContiguousArray<BodyID>()
        var traits: [Trait] = []
        try octets.withUnsafeBytes { octets in
            var reader = NumberReader(octets)
            let count = Int(clamping: try reader.next())
            guard count <= octets.count else { throw StorageFault.corrupt("search index: a head") }
            bodies.reserveCapacity(count)
            var last: Int64 = 0
            for _ in 0..<count {
                last = last &+ Int64(bitPattern: try reader.next())
                bodies.append(BodyID(rawValue: last))
            }
            while !reader.isAtEnd {
                let ordinal = Int(clamping: try reader.next())
                guard ordinal < count else { throw StorageFault.corrupt("search index: a trait") }
                traits.append(Trait(ordinal: ordinal, bits: UInt8(truncatingIfNeeded: try reader.next())))
            }
        }
        self.init(bodies: bodies, traits: traits)
    }
}

/// A block's postings: the length of each word's, then all of them. A posting is the distance to the ordinal before it << 2 | zones.
enum Postings {
    /// Calls `visit` with ordinal and zones of each posting of the words of those numbers, which must rise.
    static func forEach(of words: [Int], in octets: [UInt8], _ visit: (_ word: Int, _ ordinal: Int, _ zones: UInt8) -> Void) throws {
        try octets.withUnsafeBytes { octets in
            var lengths = NumberReader(octets)
            let count = Int(clamping: try lengths.next())
            var table = lengths
            for _ in 0..<count { _ = try table.next() }
            var start = table.index
            var wanted = 0
            for word in 0..<count where wanted < words.count {
                let length = Int(clamping: try lengths.next())
                guard start + length <= octets.count else { throw StorageFault.corrupt("search index: postings") }
                if words[wanted] == word {
                    try read(UnsafeRawBufferPointer(rebasing: octets[start..<(start + length)])) { visit(word, $0, $1) }
                    wanted += 1
                }
                start += length
            }
        }
    }

    static func read(_ octets: UnsafeRawBufferPointer, _ visit: (_ ordinal: Int, _ zones: UInt8) -> Void) throws {
        var reader = NumberReader(octets)
        var ordinal = 0
        while !reader.isAtEnd {
            let number = try reader.next()
            ordinal += Int(clamping: number >> 2)
            visit(ordinal, UInt8(number & 3))
        }
    }

    /// Appends the postings of one word: ordinal << 2 | zones, rising.
    static func write(_ postings: ArraySlice<UInt64>, to out: inout [UInt8]) {
        var last: UInt64 = 0
        for posting in postings {
            out.append(number: (posting >> 2 - last) << 2 | posting & 3)
            last = posting >> 2
        }
    }
}

/// The key under which an account's index lies, derived from the account's.
extension AccountEntry {
    var searchKey: SymmetricKey {
        SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array("martlet search index".utf8), using: key))
    }
}
