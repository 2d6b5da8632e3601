/// The keywords of a mailbox by place: the first 59 places have a bit in `FlagBits`, the others in `FurtherKeywords`.
///
/// A keyword keeps its place while a message has it. One that no message has may be taken out, and its place given to another (`keep`).
package struct KeywordTable: Hashable, Sendable {
    /// Nil: free.
    package private(set) var places: [Keyword?] = []
    private var freePlaces: UInt16 = 0
    /// Octets of all spellings.
    private var octets: UInt32 = 0
    /// Of each keyword its place, once there are many.
    private var index: [Keyword: Int] = [:]

    /// What `FlagBits` and `FurtherKeywords` have bits for.
    package static let capacity = FlagBits.places + FurtherKeywords.mostWords * 64
    /// Octets of a mailbox's keywords in all.
    package static let mostOctets = 64 << 10

    package init() {}

    /// Those of the list for which there is room, in its order.
    package init(_ keywords: [Keyword]) { _ = admit(keywords) }

    /// Places beyond the last are left out, and so is a keyword that was there before.
    package init(places: [Keyword?]) {
        for keyword in places.prefix(KeywordTable.capacity) {
            if let keyword, place(of: keyword) == nil { append(keyword) } else { self.places.append(nil) }
        }
        freePlaces = UInt16(self.places.count { $0 == nil })
    }

    package static func == (a: KeywordTable, b: KeywordTable) -> Bool { a.places == b.places }
    package func hash(into hasher: inout Hasher) { hasher.combine(places) }

    /// In the order of their places.
    package var keywords: [Keyword] { places.compactMap { $0 } }

    /// Whether messages may have keywords beyond those of `FlagBits`. Once they may, it stays so.
    package var hasFurther: Bool { places.count > FlagBits.places }

    /// Whether one more keyword would not fit. A keyword that no message has may be in the way.
    package var isFull: Bool {
        (freePlaces == 0 && places.count >= KeywordTable.capacity) || Int(octets) + Keyword.longest > KeywordTable.mostOctets
    }

    /// Whether one more would not get one of the first places, where it costs nothing.
    package var isFullOfFirst: Bool {
        guard freePlaces > 0 else { return places.count >= FlagBits.places }
        return places.count >= FlagBits.places && !places.prefix(FlagBits.places).contains { $0 == nil }
    }

    /// Nil: there is none.
    package func place(_ place: Int) -> Keyword? { place < places.count ? places[place] : nil }

    package func place(of keyword: Keyword) -> Int? {
        index.isEmpty ? places.firstIndex { $0 == keyword } : index[keyword]
    }

    /// The flags as bits; keywords that are not in the table are left out and given back.
    package func bits(of flags: Flags) -> (bits: FlagBits, further: FurtherKeywords, unknown: [Keyword]) {
        var found = FlagSet(bits: FlagBits(flags.system))
        var unknown: [Keyword] = []
        for keyword in flags.keywords {
            if let place = place(of: keyword) { found.insert(place: place) } else { unknown.append(keyword) }
        }
        return (found.bits, found.further, unknown)
    }

    /// What is in the table of the flags.
    package func set(of flags: Flags) -> FlagSet {
        let found = bits(of: flags)
        return FlagSet(bits: found.bits, further: found.further)
    }

    package func flags(of bits: FlagBits, _ further: FurtherKeywords = FurtherKeywords()) -> Flags {
        var found: [Keyword] = []
        var rest = bits.rawValue >> 5
        while rest != 0 {
            let place = rest.trailingZeroBitCount
            rest &= rest - 1
            if place < places.count, let keyword = places[place] { found.append(keyword) }
        }
        for place in further.places { if place < places.count, let keyword = places[place] { found.append(keyword) } }
        return Flags(system: bits.system, keywords: found)
    }
}

extension KeywordTable {
    /// Adds what is missing; false, and nothing added, when it would not fit.
    package mutating func add(_ new: [Keyword]) -> Bool {
        guard !new.isEmpty else { return true }
        var table = self
        guard table.admit(new).isEmpty else { return false }
        self = table
        return true
    }

    /// Adds what is missing and fits, and gives back the rest. Free places are taken first. `mostFurther`: how many places there may be beyond the first.
    package mutating func admit(_ new: [Keyword], mostFurther: Int = .max) -> [Keyword] {
        let most = min(KeywordTable.capacity, FlagBits.places + min(max(mostFurther, 0), KeywordTable.capacity))
        var rest: [Keyword] = []
        var free = 0
        for keyword in new where place(of: keyword) == nil {
            guard Int(octets) + keyword.spelling.utf8.count <= KeywordTable.mostOctets else {
                rest.append(keyword)
                continue
            }
            if freePlaces > 0, let place = places[free...].firstIndex(where: { $0 == nil }) {
                places[place] = keyword
                free = place + 1
                freePlaces -= 1
                octets += UInt32(keyword.spelling.utf8.count)
                if !index.isEmpty { index[keyword] = place }
            } else if places.count < most {
                append(keyword)
            } else {
                rest.append(keyword)
            }
        }
        return rest
    }

    private mutating func append(_ keyword: Keyword) {
        places.append(keyword)
        octets += UInt32(keyword.spelling.utf8.count)
        if !index.isEmpty {
            index[keyword] = places.count - 1
        } else if places.count > FlagBits.places {
            for (place, keyword) in places.enumerated() { if let keyword { index[keyword] = place } }
        }
    }

    /// Whether a keyword is in nobody's use: `used` says which places are.
    package func hasUnused(_ used: FlagSet) -> Bool { places.indices.contains { places[$0] != nil && !used.contains(place: $0) } }

    /// Takes out every keyword that is neither in use, by its place, nor wanted. Nothing else gets another place.
    package mutating func keep(_ used: FlagSet, and wanted: [Keyword]) {
        let wanted = Set(wanted)
        for (place, keyword) in places.enumerated() {
            guard let keyword, !used.contains(place: place), !wanted.contains(keyword) else { continue }
            places[place] = nil
            freePlaces += 1
            octets -= UInt32(keyword.spelling.utf8.count)
            index[keyword] = nil
        }
        // Further places are kept, so that it is known that there may be rows about them.
        while places.last == .some(nil), places.count <= FlagBits.places {
            places.removeLast()
            freePlaces -= 1
        }
    }

    /// Places where another keyword is than in `old`.
    package func placesReused(since old: KeywordTable) -> FlagSet {
        var found = FlagSet()
        for (place, (before, now)) in zip(old.places, places).enumerated() {
            if let before, let now, before != now { found.insert(place: place) }
        }
        return found
    }
}
