import Crypto
import MailModel
import Storage

// Words go from memory to the disk, are merged there, and leave it.
extension Indexer {
    /// Writes the words of accounts that have many, and with too many of all accounts the most.
    func writeFull() throws {
        var weights: [(account: AccountID, weight: Int)] = []
        for account in youngSince.keys {
            let (weight, bodies) = shelf.young(of: account).words.withLock { ($0.weight, $0.bodies.count) }
            if weight > limits.young || bodies > limits.youngBodies { try write(account) } else { weights.append((account, weight)) }
        }
        var total = weights.reduce(0) { $0 + $1.weight }
        guard total > limits.allYoung else { return }
        for item in weights.sorted(by: { $0.weight > $1.weight }) where total > limits.allYoung / 2 {
            try write(item.account)
            total -= item.weight
        }
    }

    func writeOld() throws {
        let now = clock().rawValue
        for (account, since) in youngSince where now - since.rawValue >= limits.youngAge { try write(account) }
    }

    func writeAll() throws { for account in youngSince.keys { try write(account) } }

    private func write(_ account: AccountID) throws {
        guard let entry = catalog.account(account), let young = shelf.words(of: account)?.young else {
            youngSince[account] = nil
            return
        }
        let words = young.words.withLock { $0 }
        guard !words.isEmpty else { return }
        guard hasRoom() else {
            // Of a full disk nothing more is asked; the walk of the day comes back to these bodies.
            if words.weight > limits.young { shelf.put(nil, for: account, insteadOfYoung: true) }
            return
        }
        let key = entry.searchKey
        var begun: SegmentBuilder?
        do {
            let builder = try words.write { head in
                let builder = try SegmentBuilder(file, account, head, key)
                begun = builder
                return builder
            }
            let segment = try builder.finish()
            shelf.put(segment, for: account, insteadOfYoung: true)
            youngSince[account] = nil
        } catch {
            begun?.abandon()
            throw error
        }
        try mark()
    }

    /// One merge at most, so that new mail does not wait long.
    func merge() throws {
        for (account, words) in shelf.all {
            guard let entry = catalog.account(account) else { continue }
            let tiers = Dictionary(grouping: words.segments) { Indexer.tier(of: $0.count) }
            guard let alike = tiers.values.first(where: { $0.count >= limits.alike }) else { continue }
            try rewrite(alike, of: entry)
        }
    }

    /// Segments of one tier differ by less than eight times.
    private static func tier(of count: Int) -> Int {
        var tier = 0
        var rest = count / 64
        while rest > 0 {
            rest /= 8
            tier += 1
        }
        return tier
    }

    private func rewrite(_ segments: [SegmentRecord], of account: AccountEntry) throws {
        let id = account.record.id
        let held = try reader.connection.prepare("SELECT 1 FROM holder WHERE body=? AND account=?")
        defer { held.reset() }
        let merged = try SegmentMerge(segments, of: file, account.searchKey) { body in
            held.reset()
            try held.bind([.int(body.rawValue), .int(id.rawValue)])
            return try held.step()
        }
        held.reset()
        guard var merged else {
            try file.connection.execute("BEGIN IMMEDIATE")
            for segment in segments { try file.remove(segment.id) }
            try file.connection.execute("COMMIT")
            shelf.put(nil, for: id, insteadOf: segments)
            return
        }
        shelf.put(try merged.run(id), for: id, insteadOf: segments)
    }

    /// Rewrites every segment that has words of bodies which are gone; then looks for bodies that were never indexed.
    func purgeIfDue() throws {
        let now = clock()
        guard now.rawValue - lastPurge.rawValue >= limits.purge, hasRoom() else { return }
        lastPurge = now
        try writeAll()
        for (account, words) in shelf.all {
            guard let entry = catalog.account(account) else { continue }
            for segment in words.segments where try hasGone(segment, of: entry) { try rewrite([segment], of: entry) }
        }
        try file.set("purged", now.rawValue)
        try file.connection.checkpoint(truncate: true)
        walk = (0, 0)
    }

    private func hasGone(_ segment: SegmentRecord, of account: AccountEntry) throws -> Bool {
        let held = try reader.connection.prepare("SELECT 1 FROM holder WHERE body=? AND account=?")
        defer { held.reset() }
        for body in try file.head(of: segment, account.searchKey).bodies {
            held.reset()
            try held.bind([.int(body.rawValue), .int(account.record.id.rawValue)])
            guard try held.step() else { return true }
        }
        return false
    }
}
