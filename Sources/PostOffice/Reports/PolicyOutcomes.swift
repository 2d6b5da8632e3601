package import Logging
package import MailModel
package import SenderTrust
package import Storage
import Synchronization

/// Counts what comes in the names of domains that ask for reports on it, by day in UTC and policy domain (RFC 9990).
///
/// - Whoever tells it something never waits. What was counted is written down by `flush`; what a crash takes of it is lost, and nothing is counted twice.
/// - It counts `mostDomains` domains a day, and of each what `PolicyTally` holds, in `mostDayOctets` a day and `mostOctets` in all. What does not fit is left out,
///   and the log says so.
package final class PolicyOutcomes: Sendable {
    package struct Day: Hashable, Sendable {
        /// In UTC: `2026-11-29`.
        package let date: String
        package let domain: Domain
        package let tally: PolicyTally
    }

    private struct State {
        var pending: [ReportDay: PolicyTally] = [:]
        /// Of `pending`, about.
        var size = 0
        var leftOut = 0
        /// The last call of `flush`.
        var last: Task<Void, Never>?
    }

    package static let mostDomains = 5_000
    static let mostDayOctets = 8 << 20
    static let mostOctets = 24 << 20
    /// Days for which it is kept; reports go on the day after.
    package static let keptDays = 7
    /// Written down at once.
    private static let batch = 50

    private let state = Mutex(State())
    private let store: any KeyValueStore
    private let log: Logger

    package init(store: any KeyValueStore, log: Logger) {
        self.store = store
        self.log = log
    }

    /// - parameter time: when it came.
    ///
    /// Of a domain that asks for no reports, or has no record, nothing is counted.
    package func record(_ observation: DMARCObservation, at time: Timestamp) {
        let published = PolicyTally.Published(observation.verdict)
        guard let domain = observation.verdict.recordDomain, !published.reportURIs.isEmpty else { return }
        let key = ReportDay(date: ReportDay.date(time), domain: domain.asciiForm ?? domain)
        let row = PolicyTally.Row(observation)
        state.withLock { state in
            let isKnown = state.pending[key] != nil
            guard isKnown || state.pending.count < PolicyOutcomes.mostDomains, state.size + row.size <= PolicyOutcomes.mostDayOctets else {
                return state.leftOut += 1
            }
            // Only `tally` has it now, so that adding to it copies nothing.
            var tally = state.pending.removeValue(forKey: key) ?? PolicyTally()
            let before = isKnown ? tally.size : 0
            tally.published = published
            tally.add(row)
            state.size += tally.size - before
            state.pending[key] = tally
        }
    }

    /// What was counted until now, by day and domain. Throws what the store does.
    package func days(of date: String? = nil) async throws -> [Day] {
        await flush()
        return try store.values(in: .policyOutcomes).sorted { $0.key < $1.key }.compactMap { key, octets in
            guard let key = ReportDay(counted: key), date == nil || key.date == date, let tally = PolicyTally(octets) else { return nil }
            return Day(date: key.date, domain: key.domain, tally: tally)
        }
    }

    /// In whose names mail came on a day (`2026-11-29`), as far as it is written down. Throws what the store does.
    package func domains(on date: String) throws -> [Domain] {
        try store.values(in: .policyOutcomes).keys.compactMap { ReportDay(counted: $0) }.filter { $0.date == date }.map(\.domain).sorted()
    }

    /// What was written down of it; nil: nothing. Throws what the store does.
    package func tally(of day: ReportDay) throws -> PolicyTally? { try store.value(of: day.counted, in: .policyOutcomes).flatMap { PolicyTally($0) } }

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
        if leftOut > 0 { log.warning("Mail was not counted for reports on policies: it is too much", metadata: ["messages": "\(leftOut)"]) }
        guard !pending.isEmpty else { return }
        do {
            let changes = try changes(pending)
            for start in stride(from: 0, to: changes.count, by: PolicyOutcomes.batch) {
                try await store.change(Array(changes[start..<min(start + PolicyOutcomes.batch, changes.count)]))
            }
        } catch {
            log.warning("What came in the names of domains with a policy was not written down: \(error)", metadata: ["domains": "\(pending.count)"])
        }
    }

    private func changes(_ pending: [ReportDay: PolicyTally]) throws -> [KeyValueChange] {
        var (counts, sizes): ([String: Int], [String: Int]) = ([:], [:])
        var size = 0
        for (key, octets) in try store.values(in: .policyOutcomes) {
            guard let day = ReportDay(counted: key) else { continue }
            counts[day.date, default: 0] += 1
            sizes[day.date, default: 0] += octets.count
            size += octets.count
        }
        var leftOut = 0
        let changes = try pending.compactMap { day, new -> KeyValueChange? in
            let old = try store.value(of: day.counted, in: .policyOutcomes)
            var tally = old.flatMap { PolicyTally($0) } ?? PolicyTally()
            let missed = tally.leftOut
            tally.add(new)
            leftOut += tally.leftOut - missed
            let octets = tally.octets
            let growth = octets.count - (old?.count ?? 0)
            guard old != nil || counts[day.date, default: 0] < PolicyOutcomes.mostDomains,
                growth <= 0 || sizes[day.date, default: 0] + growth <= PolicyOutcomes.mostDayOctets && size + growth <= PolicyOutcomes.mostOctets
            else {
                leftOut += new.messages
                return nil
            }
            if old == nil { counts[day.date, default: 0] += 1 }
            sizes[day.date, default: 0] += growth
            size += growth
            return KeyValueChange(.policyOutcomes, day.counted, octets)
        }
        if leftOut > 0 { log.warning("Mail was not counted for reports on policies: it is too much for a day", metadata: ["messages": "\(leftOut)"]) }
        return changes
    }

    /// Removes what is older than it is kept, and what was said of reports on it. Throws what the store does.
    package func prune(_ now: Timestamp) async throws {
        let oldest = ReportDay.date(Timestamp(rawValue: now.rawValue - Int64(PolicyOutcomes.keptDays) * 86_400))
        let old = try store.values(in: .policyOutcomes).keys.filter { $0.prefix(10) < oldest }.sorted()
        for start in stride(from: 0, to: old.count, by: PolicyOutcomes.batch) {
            try await store.change(old[start..<min(start + PolicyOutcomes.batch, old.count)].map { KeyValueChange(.policyOutcomes, $0, nil) })
        }
    }
}
