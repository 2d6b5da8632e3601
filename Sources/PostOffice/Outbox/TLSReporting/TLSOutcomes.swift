package import Logging
package import MailModel
package import Storage
import Synchronization

/// Counts how TLS with other servers goes, for each domain and day in UTC, for reports to them (TLS-RPT, RFC 8460) and for administrators.
///
/// - Whoever tells it something never waits. What was counted is written down by `flush`; what a crash takes of it is lost.
/// - It counts `mostDomains` domains a day, in `mostDayOctets`. Where these are used up details are left out, then all that does not fit, and the log says so.
package final class TLSOutcomes: Sendable {
    package struct Day: Hashable, Sendable {
        /// In UTC: `2026-11-29`.
        package let date: String
        package let domain: Domain
        package let tally: TLSTally

        package init(date: String, domain: Domain, tally: TLSTally) {
            self.date = date
            self.domain = domain
            self.tally = tally
        }
    }

    private struct Key: Hashable {
        let date: Substring
        let domain: Domain
        /// Days come in order, and a day's domains.
        var text: String { "\(date) \(domain)" }
    }

    private struct State {
        var pending: [Key: TLSTally] = [:]
        /// Of `pending`, about.
        var size = 0
        var leftOut = 0
        /// The last call of `flush`.
        var last: Task<Void, Never>?
    }

    package static let mostDomains = 5_000
    /// Of one day, be it not written down yet; and of all days.
    static let mostDayOctets = 4 << 20
    static let mostOctets = 32 << 20
    /// Days for which it is kept.
    package static let keptDays = 21
    /// Written down at once.
    private static let batch = 200

    private let state = Mutex(State())
    private let store: any KeyValueStore
    private let log: Logger

    package init(store: any KeyValueStore, log: Logger) {
        self.store = store
        self.log = log
    }

    package func record(_ observation: TLSObservation) {
        let key = Key(date: TLSOutcomes.date(observation.time), domain: observation.domain)
        let policy = TLSTally.Policy(observation.policy, strings: strings(observation))
        var one = TLSTally()
        if let failure = observation.failure {
            let source = failure.source ?? observation.source ?? ""
            one.add(
                TLSTally.Failure(failure.kind, host: observation.host, address: observation.address ?? "", source: source, reason: failure.reason), policy)
        } else {
            one.addSuccess(policy)
        }
        state.withLock { state in
            let known = state.pending[key]
            guard known != nil || state.pending.count < TLSOutcomes.mostDomains else { return state.leftOut += 1 }
            let others = state.size - (known.map { TLSOutcomes.size(key, $0) } ?? 0)
            let tally = TLSOutcomes.sums(known ?? TLSTally(), one).first { others + TLSOutcomes.size(key, $0) <= TLSOutcomes.mostDayOctets }
            guard let tally else { return state.leftOut += 1 }
            state.pending[key] = tally
            state.size = others + TLSOutcomes.size(key, tally)
        }
    }

    private static func size(_ key: Key, _ tally: TLSTally) -> Int { key.domain.value.utf8.count + 100 + tally.size }

    /// With all its details, and without those of what is new.
    private static func sums(_ known: TLSTally, _ new: TLSTally) -> [TLSTally] {
        [new, new.withoutDetails].map { new in
            var sum = known
            sum.add(new)
            return sum
        }
    }

    private func strings(_ observation: TLSObservation) -> [String] {
        switch observation.policy {
        case .tlsa: observation.records.map(\.description)
        case .sts: kept(of: observation.domain)?.policy.lines ?? []
        case .none: []
        }
    }

    /// Without what cannot be read a report is told less, and the log says so.
    private func kept(of domain: Domain) -> KeptPolicy? {
        do { return try store.value(of: domain.value, in: .transportPolicies).flatMap { KeptPolicy($0) } } catch {
            log.warning("A kept policy could not be read, and is left out of the count: \(error)", metadata: ["domain": "\(domain)"])
            return nil
        }
    }

    /// Whose servers were met on a day (`2026-11-29`), as far as it is written down. Throws what the store does.
    package func domains(on date: String) throws -> [Domain] {
        try store.values(in: .transportOutcomes).keys.compactMap { TLSOutcomes.key($0) }.filter { $0.date == date[...] }.map(\.domain).sorted()
    }

    /// What was written down of a domain on a day; nil: nothing. Throws what the store does.
    package func tally(on date: String, of domain: Domain) throws -> TLSTally? {
        try store.value(of: Key(date: date[...], domain: domain).text, in: .transportOutcomes).flatMap { TLSTally($0) }
    }

    /// What was counted until now, by day and domain. Throws what the store does.
    package func days(of domain: Domain? = nil) async throws -> [Day] {
        await flush()
        return try store.values(in: .transportOutcomes).sorted { $0.key < $1.key }.compactMap { key, octets in
            guard let key = TLSOutcomes.key(key), domain == nil || key.domain == domain, let tally = TLSTally(octets) else { return nil }
            return Day(date: String(key.date), domain: key.domain, tally: tally)
        }
    }

    // MARK: Writing down

    /// Writes down what was counted, each time the alarm returns, until its task is cancelled.
    package func keep(alarm: @escaping @Sendable () async -> Void) async {
        while !Task.isCancelled {
            await alarm()
            await flush()
        }
    }

    /// Writes down what was counted until now, behind what another call is writing.
    package func flush() async {
        let turn = state.withLock { state in
            let turn = Task { [last = state.last] in
                await last?.value
                await drain()
            }
            state.last = turn
            return turn
        }
        await turn.value
    }

    private func drain() async {
        let (pending, leftOut) = state.withLock { state in
            defer {
                state.pending = [:]
                state.size = 0
                state.leftOut = 0
            }
            return (state.pending, state.leftOut)
        }
        if leftOut > 0 { log.warning("TLS with other servers was not counted: it is too much", metadata: ["connections": "\(leftOut)"]) }
        guard !pending.isEmpty else { return }
        do {
            let changes = try changes(pending)
            for start in stride(from: 0, to: changes.count, by: TLSOutcomes.batch) {
                try await store.change(Array(changes[start..<min(start + TLSOutcomes.batch, changes.count)]))
            }
        } catch {
            log.warning("How TLS with other servers went was not written down: \(error)", metadata: ["domains": "\(pending.count)"])
        }
    }

    private func changes(_ pending: [Key: TLSTally]) throws -> [KeyValueChange] {
        var (counts, sizes): ([Substring: Int], [Substring: Int]) = ([:], [:])
        var size = 0
        var leftOut = 0
        let known = try store.values(in: .transportOutcomes)
        for (key, octets) in known {
            counts[key.prefix(10), default: 0] += 1
            sizes[key.prefix(10), default: 0] += key.utf8.count + octets.count
            size += key.utf8.count + octets.count
        }
        let changes = pending.compactMap { key, tally -> KeyValueChange? in
            let old = known[key.text]
            let room = min(TLSOutcomes.mostDayOctets - sizes[key.date, default: 0], TLSOutcomes.mostOctets - size)
            let before = old.map { key.text.utf8.count + $0.count } ?? 0
            let sums = TLSOutcomes.sums(old.flatMap { TLSTally($0) } ?? TLSTally(), tally).lazy.map(\.octets)
            guard old != nil || counts[key.date, default: 0] < TLSOutcomes.mostDomains,
                let sum = sums.first(where: { key.text.utf8.count + $0.count - before <= max(room, 0) })
            else {
                leftOut += 1
                return nil
            }
            if old == nil { counts[key.date, default: 0] += 1 }
            let growth = key.text.utf8.count + sum.count - before
            sizes[key.date, default: 0] += growth
            size += growth
            return KeyValueChange(.transportOutcomes, key.text, sum)
        }
        if leftOut > 0 { log.warning("TLS with other servers was not counted: it is too much for a day", metadata: ["domains": "\(leftOut)"]) }
        return changes
    }

    /// Removes what is older than it is kept. Throws what the store does.
    package func prune(_ now: Timestamp) async throws {
        let oldest = TLSOutcomes.date(Timestamp(rawValue: now.rawValue - Int64(TLSOutcomes.keptDays) * 86_400))
        let old = try store.values(in: .transportOutcomes).keys.filter { $0.prefix(10) < oldest }.sorted()
        for start in stride(from: 0, to: old.count, by: TLSOutcomes.batch) {
            try await store.change(old[start..<min(start + TLSOutcomes.batch, old.count)].map { KeyValueChange(.transportOutcomes, $0, nil) })
        }
    }

    private static func date(_ time: Timestamp) -> Substring { time.description.prefix(10) }

    private static func key(_ text: String) -> Key? {
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].count == 10, let domain = Domain(parts[1]) else { return nil }
        return Key(date: parts[0], domain: domain)
    }
}
