/// Counts by name, of the names that count most: names that peers choose, as many as they like, in room that is bounded (space-saving, Metwally, Agrawal, El Abbadi 2005).
///
/// - A name that has more than its share of all, one part in `most`, is in it.
/// - Its count is what it has, and at most `excess` more.
/// - With every `window` that ends all counts are halved, so that what was long ago is forgotten.
package struct TopList: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package let name: String
        package fileprivate(set) var count: Int
        /// What it has of the count of a name whose place it took.
        package fileprivate(set) var excess: Int
    }

    /// Octets of a name that are kept.
    private static let longest = 320

    private let most: Int
    private let window: Duration
    private var began: ContinuousClock.Instant?
    private var entries: [Entry] = []

    /// - parameter most: names, 1 at least; an addition looks at each of them.
    package init(most: Int = 100, window: Duration) {
        self.most = max(1, most)
        self.window = window
    }

    package mutating func add(_ name: String, at now: ContinuousClock.Instant) {
        fade(now)
        let name = name.utf8.count <= TopList.longest ? name : String(decoding: name.utf8.prefix(TopList.longest), as: UTF8.self)
        if let place = entries.firstIndex(where: { $0.name == name }) {
            entries[place].count += 1
        } else if entries.count < most {
            entries.append(Entry(name: name, count: 1, excess: 0))
        } else if let place = entries.indices.min(by: { entries[$0].count < entries[$1].count }) {
            let least = entries[place].count
            entries[place] = Entry(name: name, count: least + 1, excess: least)
        }
    }

    /// Those that count most first, and in order of name.
    package func ranked(at now: ContinuousClock.Instant) -> [Entry] {
        var list = self
        list.fade(now)
        return list.entries.sorted { $0.count == $1.count ? $0.name < $1.name : $0.count > $1.count }
    }

    /// As of the last addition.
    package var counts: [String: Int] { Dictionary(entries.map { ($0.name, $0.count) }, uniquingKeysWith: +) }

    private mutating func fade(_ now: ContinuousClock.Instant) {
        guard let start = began, window > .zero else {
            began = began ?? now
            return
        }
        let passed = start.duration(to: now)
        guard passed >= window else { return }
        let windows = Int(min(passed / window, 62))
        began = windows < 62 ? start.advanced(by: window * windows) : now
        for place in entries.indices {
            entries[place].count >>= windows
            entries[place].excess >>= windows
        }
        entries.removeAll { $0.count == 0 }
    }
}
