import Crypto
import MailModel
import Storage

/// Makes one segment of several, leaving out bodies that are gone; of one: the same without them.
///
/// Reads block by block and writes as it goes: it holds a block of each source, and the numbers of their bodies.
struct SegmentMerge {
    private let file: SearchFile
    private let key: SymmetricKey
    private var sources: [Source] = []
    private let head: SegmentHead

    /// A body left out has this for its new ordinal.
    private static let gone = UInt32.max

    /// A segment that is read word by word.
    private struct Source {
        let segment: SegmentRecord
        let ordinals: [UInt32]
        private var block = -1
        private var words: [UInt8] = []
        private var postings: [UInt8] = []
        private(set) var word = 0..<0
        private var lengths: [Int] = []
        private var number = -1
        private var start = 0

        init(_ segment: SegmentRecord, ordinals: [UInt32]) {
            self.segment = segment
            self.ordinals = ordinals
        }

        /// Goes to the next word; false behind the last.
        mutating func advance(_ file: SearchFile, _ key: SymmetricKey) throws -> Bool {
            if number >= 0, number < lengths.count { start += lengths[number] }
            number += 1
            while number >= lengths.count {
                block += 1
                guard block < segment.blocks else { return false }
                words = try file.words(block, of: segment, key)
                postings = try file.postings(block, of: segment, key)
                try postings.withUnsafeBytes { octets in
                    var reader = NumberReader(octets)
                    let count = Int(clamping: try reader.next())
                    lengths = []
                    for _ in 0..<count { lengths.append(Int(clamping: try reader.next())) }
                    start = reader.index
                }
                number = 0
                word = 0..<0
            }
            let from = word.upperBound + 1
            guard from <= words.count, let end = words[from...].firstIndex(of: 0x0A) else { throw StorageFault.corrupt("search index: a word") }
            word = from..<end
            return true
        }

        func compare(_ other: Source) -> Int {
            words.withUnsafeBytes { own in
                other.words.withUnsafeBytes { others in
                    UnsafeRawBufferPointer(rebasing: own[word]).compare(UnsafeRawBufferPointer(rebasing: others[other.word]))
                }
            }
        }

        func withWord<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
            try words.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[word])) }
        }

        /// Appends the postings of the word under the new ordinals.
        func append(to places: inout [UInt64]) throws {
            let length = lengths[number]
            guard start + length <= postings.count else { throw StorageFault.corrupt("search index: postings") }
            try postings.withUnsafeBytes { octets in
                try Postings.read(UnsafeRawBufferPointer(rebasing: octets[start..<(start + length)])) { ordinal, zones in
                    guard ordinal < ordinals.count, ordinals[ordinal] != SegmentMerge.gone else { return }
                    places.append(UInt64(ordinals[ordinal]) << 2 | UInt64(zones))
                }
            }
        }
    }

    /// Nil when no body is left. `isHeld`: whether the account still has a body.
    init?(_ segments: [SegmentRecord], of file: SearchFile, _ key: SymmetricKey, where isHeld: (BodyID) throws -> Bool) throws {
        self.file = file
        self.key = key
        var kept: [(body: BodyID, source: Int, ordinal: Int)] = []
        var tables: [[UInt32]] = []
        var traits: [[Int: UInt8]] = []
        for (source, segment) in segments.enumerated() {
            let head = try file.head(of: segment, key)
            tables.append([UInt32](repeating: SegmentMerge.gone, count: head.bodies.count))
            traits.append(Dictionary(head.traits.map { ($0.ordinal, $0.bits) }) { $0 | $1 })
            for (ordinal, body) in head.bodies.enumerated() where try isHeld(body) { kept.append((body, source, ordinal)) }
        }
        guard !kept.isEmpty else { return nil }
        kept.sort { $0.body.rawValue < $1.body.rawValue }
        var bodies = ContiguousArray<BodyID>()
        var newTraits: [SegmentHead.Trait] = []
        for item in kept {
            // A body that two segments have is taken from the first.
            if bodies.last == item.body { continue }
            tables[item.source][item.ordinal] = UInt32(bodies.count)
            if let bits = traits[item.source][item.ordinal] { newTraits.append(SegmentHead.Trait(ordinal: bodies.count, bits: bits)) }
            bodies.append(item.body)
        }
        head = SegmentHead(bodies: bodies, traits: newTraits)
        sources = zip(segments, tables).map { Source($0, ordinals: $1) }
    }

    mutating func run(_ account: AccountID, also change: () throws -> Void = {}) throws -> SegmentRecord {
        let builder = try SegmentBuilder(file, account, head, key)
        do {
            let old = sources.map(\.segment.id)
            var left: [Source] = []
            for var source in sources where try source.advance(file, key) { left.append(source) }
            var places: [UInt64] = []
            while !left.isEmpty {
                var least = [0]
                for index in left.indices.dropFirst() {
                    let order = left[index].compare(left[least[0]])
                    if order < 0 { least = [index] } else if order == 0 { least.append(index) }
                }
                places.removeAll(keepingCapacity: true)
                for index in least { try left[index].append(to: &places) }
                if least.count > 1 { places.sort() }
                if !places.isEmpty { try left[least[0]].withWord { try builder.add($0, places[...]) } }
                for index in least.reversed() where try !left[index].advance(file, key) { left.remove(at: index) }
            }
            return try builder.finish(replacing: old, also: change)
        } catch {
            builder.abandon()
            throw error
        }
    }
}
