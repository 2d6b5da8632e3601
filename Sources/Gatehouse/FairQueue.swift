/// Who waits for the hashing thread, and who is next. Nobody fills it, and nobody waits behind all of another's.
///
/// - Places are taken in turn by sites (`PeerPlace`), each site's own in the order they came; a site that has just come is served before the one
///   that was served last.
/// - Whose network the account knows goes first, but a stranger gets every fourth turn.
/// - When the queue, a site or an account has all its places taken, a newcomer takes the place of whoever holds most of them, if that one then
///   still has as many as the newcomer, or of a stranger, if it is known itself. Who loses its place, and who gets none, is told so.
struct FairQueue<Job> {
    struct Limits {
        /// Places altogether, of a site, and of an account.
        var all: Int
        var site: Int
        var account: Int

        init(all: Int) {
            self.all = all
            site = max(1, all / 3 * 2)
            account = max(1, all / 8)
        }
    }

    enum Rank: Int, Comparable, CaseIterable {
        case stranger
        /// Has logged in from this network lately, or is an administrator.
        case known

        static func < (a: Rank, b: Rank) -> Bool { a.rawValue < b.rawValue }
    }

    struct Origin: Hashable {
        /// Nil for an administrator, who is bounded by the whole queue alone.
        let site: PeerPlace?
        let account: String?
        let rank: Rank

        static var administrator: Origin { Origin(site: nil, account: nil, rank: .known) }
    }

    private struct Entry {
        let job: Job
        let origin: Origin
        /// Turns that had been given when it came.
        let arrival: Int
    }

    private struct Group: Hashable {
        let rank: Rank
        let site: PeerPlace?
    }

    /// The sites of one rank, next first.
    private struct Ring {
        var sites: [PeerPlace?] = []
        /// Whether the last one was the last that was served.
        var endsWithServed = false
    }

    private let limits: Limits
    private var entries: [Entry] = []
    private var rings: [Rank: Ring] = [:]
    private var turns = 0
    /// Turns that the known have had since a stranger's last.
    private var streak = 0
    private static var longestStreak: Int { 3 }

    init(limits: Limits) { self.limits = limits }

    var count: Int { entries.count }

    /// The jobs that lost their places for it; nil when it gets none. Costs as many steps as there are places.
    mutating func push(_ job: Job, from origin: Origin) -> [Job]? {
        var trial = self
        var displaced: [Job] = []
        func makeRoom(_ most: Int, _ isCounted: (Entry) -> Bool) -> Bool {
            guard trial.entries.count(where: isCounted) >= most else { return true }
            guard let victim = trial.victim(for: origin, among: isCounted) else { return false }
            displaced.append(trial.remove(victim).job)
            return true
        }
        guard origin.account == nil || makeRoom(limits.account, { $0.origin.account == origin.account }),
            origin.site == nil || makeRoom(limits.site, { $0.origin.site == origin.site }),
            makeRoom(limits.all, { _ in true })
        else { return nil }
        trial.join(origin)
        trial.entries.append(Entry(job: job, origin: origin, arrival: turns))
        self = trial
        return displaced
    }

    /// The next one, and how many others were served while it waited; nil when nobody waits.
    mutating func pop() -> (job: Job, waited: Int)? {
        guard let rank = nextRank(), var ring = rings[rank], !ring.sites.isEmpty else { return nil }
        let site = ring.sites.removeFirst()
        guard let index = entries.firstIndex(where: { $0.origin.rank == rank && $0.origin.site == site }) else { return nil }
        let entry = entries.remove(at: index)
        ring.endsWithServed = entries.contains { $0.origin.rank == rank && $0.origin.site == site }
        if ring.endsWithServed { ring.sites.append(site) }
        rings[rank] = ring
        streak = rank == .known ? streak + 1 : 0
        turns += 1
        return (entry.job, turns - 1 - entry.arrival)
    }

    private func nextRank() -> Rank? {
        let (hasKnown, hasStrangers) = (!(rings[.known]?.sites.isEmpty ?? true), !(rings[.stranger]?.sites.isEmpty ?? true))
        if hasKnown, !hasStrangers || streak < FairQueue.longestStreak { return .known }
        return hasStrangers ? .stranger : nil
    }

    private mutating func join(_ origin: Origin) {
        var ring = rings[origin.rank] ?? Ring()
        guard !ring.sites.contains(origin.site) else { return }
        ring.sites.insert(origin.site, at: ring.endsWithServed ? ring.sites.count - 1 : ring.sites.count)
        rings[origin.rank] = ring
    }

    /// Whose place `origin` may take: of the lowest rank, of the site that holds most, the newest.
    private func victim(for origin: Origin, among isCounted: (Entry) -> Bool) -> Int? {
        var groups: [Group: (count: Int, newest: Int)] = [:]
        for (index, entry) in entries.enumerated() where entry.origin.site != nil && isCounted(entry) {
            let group = Group(rank: entry.origin.rank, site: entry.origin.site)
            groups[group] = ((groups[group]?.count ?? 0) + 1, index)
        }
        let own = groups[Group(rank: origin.rank, site: origin.site)]?.count ?? 0
        var best: (rank: Rank, count: Int, newest: Int)?
        for (group, held) in groups {
            guard group.rank < origin.rank || (group.rank == origin.rank && held.count >= own + 2) else { continue }
            if let best, (best.rank.rawValue, -best.count, -best.newest) < (group.rank.rawValue, -held.count, -held.newest) { continue }
            best = (group.rank, held.count, held.newest)
        }
        return best?.newest
    }

    private mutating func remove(_ index: Int) -> Entry {
        let entry = entries.remove(at: index)
        let (rank, site) = (entry.origin.rank, entry.origin.site)
        if !entries.contains(where: { $0.origin.rank == rank && $0.origin.site == site }), var ring = rings[rank] {
            if ring.endsWithServed, ring.sites.last == site { ring.endsWithServed = false }
            ring.sites.removeAll { $0 == site }
            rings[rank] = ring
        }
        return entry
    }
}
