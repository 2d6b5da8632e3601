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
/// `list` has each word once, behind a line feed, in order of arrival; a word's number is its place in that order. `slots` is a hash table with open
/// addressing that finds the number of a word. A posting says that a body has a word, and in which zones; each posting points to the one before it of the
/// same word, so that a query reads only the postings of its own words.
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
    /// For each posting the one before of its word, or `none`.
    private var earlier: [UInt32] = []
    private static let none = UInt32.max
    private var known: Set<BodyID> = []
    /// Twice as many as words, at least.
    private var slots = [Slot](repeating: .empty, count: 4_096)
    private var firstPosting = 0
    /// So that nobody can send words that clash.
    private let seed = UInt64.random(in: .min ... .max)

    /// All that adding a known word to a body reads or writes, in sixteen octets: one cache line a word. The tables of many accounts are more than the
    /// processor's caches hold.
    private struct Slot {
        let hash: UInt64
        /// Of the word, and whether it is short.
        let word: UInt32
        /// The word's newest posting.
        var newest = YoungWords.none

        static let empty = Slot(hash: 0, word: .max)
        static let short: UInt32 = 1 << 31
        var isEmpty: Bool { word == .max }
        var isShort: Bool { word & Slot.short != 0 }
        var number: Int { Int(word & ~Slot.short) }
    }

    /// A word of so many octets or fewer is its own hash, so that equal hashes mean equal words and `list` need not be read.
    private static let longestOfOwnHash = 7

    var isEmpty: Bool { bodies.isEmpty }
    /// In octets, about.
    var weight: Int { list.count + starts.count * 44 + postings.count * 12 + bodies.count * 40 }

    func contains(_ body: BodyID) -> Bool { known.contains(body) }

    /// Adds a body with its texts, and what stands before it; nothing when it is there already.
    mutating func add(_ body: BodyID, _ texts: IndexedTexts, head: IndexedText? = nil) {
        guard begin(body) else { return }
        if let head, !head.octets.isEmpty { add(head) }
        switch texts {
        case .texts(let texts): for text in texts { add(text) }
        case .words(let words): add(words)
        }
    }

    /// False when it is there already. `add` is of the last one.
    mutating func begin(_ body: BodyID) -> Bool {
        guard known.insert(body).inserted else { return false }
        bodies.append(body)
        traits.append(0)
        firstPosting = postings.count
        return true
    }

    mutating func add(_ text: IndexedText) {
        let hasLong = text.octets.withUnsafeBytes { octets in
            SearchWords.forEach(in: octets) { add(octets, $0, text.zones) }
        }
        if hasLong { traits[bodies.count - 1] |= text.zones == .header ? BodyTrait.longInHeader : BodyTrait.longInBody }
    }

    /// The words of one body, gathered apart.
    private mutating func add(_ gathered: YoungWords) {
        traits[bodies.count - 1] |= gathered.traits.first ?? 0
        gathered.list.withUnsafeBytes { list in
            for posting in gathered.postings {
                let word = Int(posting >> 32)
                let start = Int(gathered.starts[word])
                let end = word + 1 < gathered.starts.count ? Int(gathered.starts[word + 1]) : list.count
                add(list, start..<end - 1, SearchZones(rawValue: UInt8(posting & 3)))
            }
        }
    }

    private mutating func add(_ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ zones: SearchZones) {
        let ordinal = bodies.count - 1
        guard postings.count - firstPosting < YoungWords.mostWordsOfBody else {
            traits[ordinal] |= BodyTrait.opaque
            return
        }
        let slot = slot(of: text, range)
        let last = Int(slots[slot].newest)
        if last >= firstPosting, last < postings.count {
            postings[last] |= UInt64(zones.rawValue)
        } else {
            earlier.append(slots[slot].newest)
            slots[slot].newest = UInt32(truncatingIfNeeded: postings.count)
            postings.append(UInt64(slots[slot].number) << 32 | UInt64(ordinal) << 2 | UInt64(zones.rawValue))
        }
    }

    /// Calls `visit` with each posting of that word: the ordinal of the body, and the zones.
    func forEachPosting(of word: Int, _ visit: (Int, UInt8) -> Void) {
        let end = word + 1 < starts.count ? Int(starts[word + 1]) : list.count
        var next = list.withUnsafeBytes { list in
            slots[place(of: list, Int(starts[word])..<end - 1, hash: hash(list, Int(starts[word])..<end - 1))].newest
        }
        while next != YoungWords.none {
            let posting = postings[Int(next)]
            visit(Int(posting & 0xFFFF_FFFF) >> 2, UInt8(posting & 3))
            next = earlier[Int(next)]
        }
    }

    /// Where the word is, or would be.
    @inline(__always)
    private func place(of text: UnsafeRawBufferPointer, _ range: Range<Int>, hash: UInt64) -> Int {
        let isShort = range.count <= YoungWords.longestOfOwnHash
        var place = first(for: hash)
        while !slots[place].isEmpty {
            let slot = slots[place]
            if slot.hash == hash, slot.isShort == isShort, isShort || isWord(slot.number, UnsafeRawBufferPointer(rebasing: text[range])) { return place }
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private mutating func slot(of text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        let hash = hash(text, range)
        let place = place(of: text, range, hash: hash)
        guard slots[place].isEmpty else { return place }
        let isShort = range.count <= YoungWords.longestOfOwnHash
        let number = UInt32(starts.count)
        slots[place] = Slot(hash: hash, word: isShort ? number | Slot.short : number)
        starts.append(UInt32(list.count))
        list.append(contentsOf: text[range])
        list.append(0x0A)
        guard starts.count * 2 > slots.count else { return place }
        grow()
        return self.slot(of: text, range)
    }

    private func first(for hash: UInt64) -> Int { Int(truncatingIfNeeded: hash ^ hash >> 29) & (slots.count - 1) }

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
        let old = slots
        slots = [Slot](repeating: .empty, count: old.count * 2)
        for slot in old where !slot.isEmpty {
            var place = first(for: slot.hash)
            while !slots[place].isEmpty { place = (place + 1) & (slots.count - 1) }
            slots[place] = slot
        }
    }

    /// Eight octets at a time; what lies behind the word's end is masked out. Words of up to seven octets, none of them 0, are told apart by it.
    private func hash(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64 {
        var hash = seed ^ UInt64(range.count)
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            hash = (hash ^ text.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash >> 32
            index += 8
        }
        var rest: UInt64 = 0
        let left = range.upperBound - index
        if left > 0, index + 8 <= text.count {
            let octets = UInt64(littleEndian: text.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            rest = octets & ((1 << UInt64(8 * left)) - 1)
        } else {
            for offset in 0..<left { rest |= UInt64(text[index + offset]) << UInt64(8 * offset) }
        }
        return (hash ^ rest) &* 0xC4CE_B9FE_1A85_EC53
    }
}

/// What of a body is indexed.
enum IndexedTexts {
    case texts([IndexedText])
    /// Of a large body: its texts never were in memory together.
    case words(YoungWords)
}

/// One of a body's texts, folded, or a part of one.
struct IndexedText: Sendable {
    let zones: SearchZones
    let octets: [UInt8]
}
