/// Keywords of a message at the places of its mailbox's `KeywordTable` that `FlagBits` has no bits for, from place 59 on.
///
/// A set of 1,024 bits, of which as many words are kept as there are bits in; the empty one takes no memory of its own.
package struct FurtherKeywords: Hashable, Sendable {
    /// Bit 0 of the first is place `FlagBits.places`. The last is not 0.
    package private(set) var words: [UInt64] = []

    package static let mostWords = 16

    package init() {}

    package var isEmpty: Bool { words.isEmpty }

    /// `place`: from `FlagBits.places` on, below `KeywordTable.capacity`.
    package func contains(_ place: Int) -> Bool {
        let bit = place - FlagBits.places
        return bit >= 0 && bit / 64 < words.count && words[bit / 64] & 1 << UInt64(bit % 64) != 0
    }

    package mutating func insert(_ place: Int) {
        let bit = place - FlagBits.places
        guard bit >= 0, bit / 64 < FurtherKeywords.mostWords else { return }
        while words.count <= bit / 64 { words.append(0) }
        words[bit / 64] |= 1 << UInt64(bit % 64)
    }

    /// Rising.
    package var places: [Int] {
        var found: [Int] = []
        for (number, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                found.append(FlagBits.places + number * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return found
    }

    package mutating func formUnion(_ other: FurtherKeywords) {
        guard !isEmpty else { return self = other }
        while words.count < other.words.count { words.append(0) }
        for (number, word) in other.words.enumerated() { words[number] |= word }
    }

    package mutating func subtract(_ other: FurtherKeywords) {
        for number in 0..<min(words.count, other.words.count) { words[number] &= ~other.words[number] }
        while words.last == 0 { words.removeLast() }
    }
}

// On disk: octets, the lowest bits first, the last not 0.
extension FurtherKeywords {
    package var octets: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(words.count * 8)
        for word in words { for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) } }
        while out.last == 0 { out.removeLast() }
        return out
    }

    /// Nil when there are more than a table has places for.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count <= FurtherKeywords.mostWords * 8 else { return nil }
        words = Array(repeating: 0, count: (octets.count + 7) / 8)
        for (index, octet) in octets.enumerated() { words[index / 8] |= UInt64(octet) << UInt64(index % 8 * 8) }
        while words.last == 0 { words.removeLast() }
    }
}

/// All of a message's flags, or of many messages': the word of its row and what does not fit there.
package struct FlagSet: Hashable, Sendable {
    package var bits: FlagBits
    package var further: FurtherKeywords

    package init(bits: FlagBits = FlagBits(rawValue: 0), further: FurtherKeywords = FurtherKeywords()) {
        self.bits = bits
        self.further = further
    }

    package mutating func formUnion(_ other: FlagSet) {
        bits.rawValue |= other.bits.rawValue
        if !other.further.isEmpty { further.formUnion(other.further) }
    }

    /// Of keywords, rising.
    package var places: [Int] {
        (0..<FlagBits.places).filter { bits.rawValue & 1 << UInt64($0 + 5) != 0 } + further.places
    }

    /// Whether a message has the keyword at that place.
    package func contains(place: Int) -> Bool {
        place < FlagBits.places ? bits.rawValue & 1 << UInt64(place + 5) != 0 : further.contains(place)
    }

    package mutating func insert(place: Int) {
        if place < FlagBits.places { bits.rawValue |= 1 << UInt64(place + 5) } else { further.insert(place) }
    }
}

/// What a change of flags does to a message's: the word becomes `word & kept | added`, and the further keywords likewise.
package struct FlagMask: Hashable, Sendable {
    package var kept: UInt64
    package var added: UInt64
    /// Nil: they stay as they are.
    package var further: Further?

    /// `(keywords without removed, or none) with added`.
    package struct Further: Hashable, Sendable {
        package var removesAll: Bool
        package var removed: FurtherKeywords
        package var added: FurtherKeywords

        package init(removesAll: Bool = false, removed: FurtherKeywords = FurtherKeywords(), added: FurtherKeywords = FurtherKeywords()) {
            self.removesAll = removesAll
            self.removed = removed
            self.added = added
        }

        package func applied(to keywords: FurtherKeywords) -> FurtherKeywords {
            var result = removesAll ? FurtherKeywords() : keywords
            result.subtract(removed)
            result.formUnion(added)
            return result
        }
    }

    package init(kept: UInt64, added: UInt64, further: Further? = nil) {
        self.kept = kept
        self.added = added
        self.further = further
    }

    @inlinable package func applied(to bits: FlagBits) -> FlagBits { FlagBits(rawValue: bits.rawValue & kept | added) }
}

extension FlagMask.Further {
    /// An octet, 1 where all are removed; the length of `removed` in one octet; `removed`; `added`.
    package var octets: [UInt8] {
        let removed = removed.octets
        return [removesAll ? 1 : 0, UInt8(removed.count)] + removed + added.octets
    }

    /// Nil when the octets are not what `octets` gives.
    package init?(octets: [UInt8]) {
        guard octets.count >= 2, octets[0] <= 1, octets.count - 2 >= Int(octets[1]) else { return nil }
        guard let removed = FurtherKeywords(octets: octets[2..<2 + Int(octets[1])]),
            let added = FurtherKeywords(octets: octets[(2 + Int(octets[1]))...])
        else { return nil }
        self.init(removesAll: octets[0] == 1, removed: removed, added: added)
    }
}
