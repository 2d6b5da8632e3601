package import Logging
package import MailModel
package import Storage
import Synchronization

/// Counts how TLS with other servers goes, for each domain and day in UTC, for reports to them (TLS-RPT, RFC 8460) and for administrators.
///
/// - Whoever tells it something never waits. What was counted is written down by `flush`; what a crash takes of it is lost.
/// - It counts `mostDomains` domains a day. What does not fit is left out, and the log says so.
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
        var leftOut = 0
        /// The last call of `flush`.
        var last: Task<Void, Never>?
    }

    package static let mostDomains = 5_000
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
        state.withLock { state in
            guard state.pending[key] != nil || state.pending.count < TLSOutcomes.mostDomains else { return state.leftOut += 1 }
            guard let failure = observation.failure else {
                state.pending[key, default: TLSTally()].addSuccess(policy)
                return
            }
            let source = failure.source ?? observation.source ?? ""
            state.pending[key, default: TLSTally()].add(
                TLSTally.Failure(failure.kind, host: observation.host, address: observation.address ?? "", source: source, reason: failure.reason), policy)
        }
    }

    private func strings(_ observation: TLSObservation) -> [String] {
        switch observation.policy {
        case .tlsa: observation.records.map(\.description)
        // try?: what cannot be read is left out of a report.
        case .sts: (try? store.value(of: observation.domain.value, in: .transportPolicies)).flatMap { KeptPolicy($0) }?.policy.lines ?? []
        case .none: []
        }
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
                state.leftOut = 0
            }
            return (state.pending, state.leftOut)
        }
        if leftOut > 0 { log.warning("TLS with other servers was not counted: too many domains", metadata: ["connections": "\(leftOut)"]) }
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
        var counts: [Substring: Int] = [:]
        var leftOut = 0
        let known = try store.values(in: .transportOutcomes)
        for key in known.keys { counts[key.prefix(10), default: 0] += 1 }
        let changes = pending.compactMap { key, tally -> KeyValueChange? in
            let old = known[key.text]
            guard old != nil || counts[key.date, default: 0] < TLSOutcomes.mostDomains else {
                leftOut += 1
                return nil
            }
            if old == nil { counts[key.date, default: 0] += 1 }
            var sum = old.flatMap { TLSTally($0) } ?? TLSTally()
            sum.add(tally)
            return KeyValueChange(.transportOutcomes, key.text, sum.octets)
        }
        if leftOut > 0 { log.warning("TLS with other servers was not counted: too many domains in a day", metadata: ["domains": "\(leftOut)"]) }
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
