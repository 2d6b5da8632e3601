import Glibc
import MailModel
import MessageFormat
import Storage

/// Of a body, what else than its words a query must know.
enum BodyTrait {
    /// The header has a run that is too long for a word.
    static let longInHeader: UInt8 = 1
    static let longInBody: UInt8 = 2
    /// It has more different words than are kept: its texts are looked at for whatever is sought.
    static let opaque: UInt8 = 4
}

/// The words of an account's newest bodies, in memory.
///
/// Words stand in `list`, each behind a line feed, in order of arrival, and are found by an open table of their numbers; a posting says that a body
/// has a word, and where.
struct YoungWords {
    /// A body with more different words is opaque: a novel has 15,000.
    static let mostWordsOfBody = 20_000

    private(set) var bodies: ContiguousArray<BodyID> = []
    private(set) var traits: [UInt8] = []
    private(set) var list: [UInt8] = [0x0A]
    /// Where each word begins.
    private(set) var starts: [UInt32] = []
    /// Word << 32 | ordinal of the body << 2 | zones; in order of the bodies.
    private(set) var postings: [UInt64] = []
    private var known: Set<BodyID> = []
    private var hashes: [UInt32] = []
    /// Of each word its newest posting.
    private var newest: [UInt32] = []
    private var slots = [UInt32](repeating: .max, count: 4_096)
    private var firstPosting = 0
    /// So that nobody can send words that clash.
    private let seed = UInt64.random(in: .min ... .max)

    var isEmpty: Bool { bodies.isEmpty }
    /// In octets, about.
    var weight: Int { list.count + starts.count * 20 + postings.count * 8 + bodies.count * 40 }

    func contains(_ body: BodyID) -> Bool { known.contains(body) }

    /// Adds a body with its folded texts; nothing when it is there already.
    mutating func add(_ body: BodyID, _ texts: [IndexedText]) {
        guard known.insert(body).inserted else { return }
        bodies.append(body)
        traits.append(0)
        firstPosting = postings.count
        for text in texts {
            let hasLong = text.octets.withUnsafeBytes { octets in
                SearchWords.forEach(in: octets) { add(octets, $0, text.zones) }
            }
            if hasLong { traits[bodies.count - 1] |= text.zones == .header ? BodyTrait.longInHeader : BodyTrait.longInBody }
        }
    }

    private mutating func add(_ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ zones: SearchZones) {
        let ordinal = bodies.count - 1
        guard postings.count - firstPosting < YoungWords.mostWordsOfBody else {
            traits[ordinal] |= BodyTrait.opaque
            return
        }
        let word = number(of: UnsafeRawBufferPointer(rebasing: text[range]))
        let place = UInt64(ordinal) << 2 | UInt64(zones.rawValue)
        let last = Int(newest[word])
        if last >= firstPosting, last < postings.count {
            postings[last] |= UInt64(zones.rawValue)
        } else {
            newest[word] = UInt32(truncatingIfNeeded: postings.count)
            postings.append(UInt64(word) << 32 | place)
        }
    }

    private mutating func number(of word: UnsafeRawBufferPointer) -> Int {
        let hash = hash(word)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != .max {
            let number = Int(slots[slot])
            if hashes[number] == hash, isWord(number, word) { return number }
            slot = (slot + 1) & (slots.count - 1)
        }
        let number = starts.count
        slots[slot] = UInt32(number)
        starts.append(UInt32(list.count))
        hashes.append(hash)
        newest.append(.max)
        list.append(contentsOf: word)
        list.append(0x0A)
        if starts.count * 2 > slots.count { grow() }
        return number
    }

    private func isWord(_ number: Int, _ word: UnsafeRawBufferPointer) -> Bool {
        let start = Int(starts[number])
        return list.withUnsafeBytes { list in
            guard let octets = list.baseAddress, let sought = word.baseAddress, start + word.count < list.count,
                list[start + word.count] == 0x0A
            else { return false }
            return memcmp(octets + start, sought, word.count) == 0
        }
    }

    private mutating func grow() {
        slots = [UInt32](repeating: .max, count: slots.count * 2)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(hash) & (slots.count - 1)
            while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number)
        }
    }

    private func hash(_ word: UnsafeRawBufferPointer) -> UInt32 {
        var hash = seed ^ UInt64(word.count)
        var index = 0
        while index + 8 <= word.count {
            hash = (hash ^ word.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash >> 32
            index += 8
        }
        var rest: UInt64 = 0
        while index < word.count {
            rest = rest << 8 | UInt64(word[index])
            index += 1
        }
        hash = (hash ^ rest) &* 0xC4CE_B9FE_1A85_EC53
        return UInt32(truncatingIfNeeded: hash ^ hash >> 29)
    }
}

/// One of a body's texts, folded.
struct IndexedText: Sendable {
    let zones: SearchZones
    let octets: [UInt8]
}
