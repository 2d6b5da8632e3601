/// Entries by key, no more than there is room for. They lie in shares by a hash that nobody outside can foresee, and no step costs more than one share.
struct BoundedTable<Key: Hashable & Sendable, Entry: Sendable>: Sendable {
    /// Three quarters of 4,096: a dictionary takes the double room beyond that.
    private static var shareCapacity: Int { 3_072 }

    private var shares: [[Key: Entry]]
    private let shareCapacity: Int

    /// So many entries have room. Where they are many, there is a tenth more, as hashes fill no two shares alike.
    init(capacity: Int) {
        let isOne = capacity <= Self.shareCapacity
        shareCapacity = isOne ? max(1, capacity) : Self.shareCapacity
        shares = Array(repeating: [:], count: isOne ? 1 : capacity / 10 * 11 / Self.shareCapacity + 1)
    }

    var count: Int { shares.reduce(0) { $0 + $1.count } }
    var shareCount: Int { shares.count }

    subscript(key: Key) -> Entry? { shares[share(of: key)][key] }

    /// Where there is no room, what `rank` has lowest is forgotten for it, and what has `Int.max` never. What was forgotten; nil when nothing may be: it is not in
    /// the table then.
    mutating func set(_ entry: Entry, at key: Key, rank: (Entry) -> Int) -> [Key]? {
        let share = share(of: key)
        var forgotten: [Key] = []
        if shares[share].count >= shareCapacity, shares[share][key] == nil {
            // An eighth at once, rather than a search at every newcomer.
            let ranked = shares[share].map { (key: $0.key, rank: rank($0.value)) }.sorted { $0.rank < $1.rank }
            guard let first = ranked.first, first.rank < .max else { return nil }
            for old in ranked.prefix(max(1, shareCapacity / 8)) where old.rank < .max {
                shares[share][old.key] = nil
                forgotten.append(old.key)
            }
        }
        shares[share][key] = entry
        return forgotten
    }

    mutating func remove(_ key: Key) { shares[share(of: key)][key] = nil }

    /// One share's entries; with `shareCount` a walk over all of them, between whose steps others have their turn.
    func entries(ofShare share: Int) -> [Key: Entry] { shares.indices.contains(share) ? shares[share] : [:] }

    private func share(of key: Key) -> Int { Int(UInt(bitPattern: key.hashValue) >> 20 % UInt(shares.count)) }
}
