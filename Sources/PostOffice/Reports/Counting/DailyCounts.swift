package import Logging
package import MailModel
package import Storage
import Synchronization

/// Counts by day in UTC and domain.
///
/// - Whoever tells it something never waits. What was counted is written down by `flush`; what a crash takes of it is lost, and nothing is counted twice. What cannot be
///   written down is kept until it can, within the bounds.
/// - It counts `mostDomains` domains a day, in `mostDayOctets` a day and `mostOctets` in all, of which no name gets more than a share (`SharedRoom`). Where these are used
///   up details are left out, then all that does not fit, and the log says so.
/// - It looks at its whole keyspace once. Nobody else writes there while it is used.
package final class DailyCounts<Tally: DailyTally>: Sendable {
    package struct Day: Sendable {
        /// In UTC: `2026-11-29`.
        package let date: String
        package let domain: Domain
        package let tally: Tally

        package init(date: String, domain: Domain, tally: Tally) {
            self.date = date
            self.domain = domain
            self.tally = tally
        }
    }

    package static var mostDomains: Int { Tally.terms.mostDomains }
    package static var keptDays: Int { Tally.terms.keptDays }
    static var mostDayOctets: Int { Tally.terms.mostDayOctets }
    static var mostOctets: Int { Tally.terms.mostOctets }

    private let state = Mutex(DailyState<Tally>())
    private let terms = Tally.terms
    let store: any KeyValueStore
    let log: Logger

    package init(store: any KeyValueStore, log: Logger) {
        self.store = store
        self.log = log
    }

    func count(_ new: Tally, on day: ReportDay) { state.withLock { $0.count(new, on: day) } }

    // MARK: What was counted

    /// What was counted until now, by day and domain. What cannot be read is in the log. Throws what the store does.
    package func days(on date: String? = nil, of domain: Domain? = nil) async throws -> [Day] {
        await flush()
        return try store.values(in: terms.keyspace).sorted { $0.key < $1.key }.compactMap { key, octets in
            guard let day = terms.day(key), date == nil || day.date == date, domain == nil || day.domain == domain else { return nil }
            guard let tally = Tally(octets) else {
                complain(of: key)
                return nil
            }
            return Day(date: day.date, domain: day.domain, tally: tally)
        }
    }

    /// Which are counted on a day (`2026-11-29`), as far as it is written down. Throws what the store does.
    package func domains(on date: String) throws -> [Domain] {
        try look()
        return state.withLock { $0.kept?.sizes(on: date) ?? [:] }.keys.map(\.domain).sorted()
    }

    /// What was written down of it; nil: nothing. Throws `UnreadableTally`, and what the store does.
    package func tally(of day: ReportDay) throws -> Tally? {
        let key = terms.key(day)
        guard let octets = try store.value(of: key, in: terms.keyspace) else { return nil }
        guard let tally = Tally(octets) else { throw UnreadableTally(key: key) }
        return tally
    }

    private func complain(of key: String) {
        log.error("A count cannot be read; it stays as it is, and is not added to", metadata: ["of": "\(terms.subject)", "key": "\(LogText.quoted(key))"])
    }

    /// Finds out what is written down, where that is not known. Throws what the store does.
    private func look() throws {
        guard state.withLock({ $0.kept == nil }) else { return }
        let values = try store.values(in: terms.keyspace)
        var kept = KeptTallies(terms)
        for (key, octets) in values { terms.day(key).map { kept.set(key.utf8.count + octets.count, for: $0) } }
        state.withLock { [kept] state in if state.kept == nil { state.kept = kept } }
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
        let (pending, leftOut) = state.withLock { $0.takePending() }
        if leftOut > 0 { complain(leftOut) }
        let days = Array(pending)
        var failed: [ReportDay: Tally] = [:]
        var reason: (any Error)?
        for start in stride(from: 0, to: days.count, by: terms.batch) {
            let batch = days[start..<min(start + terms.batch, days.count)]
            do { try await write(batch) } catch {
                // The others may do better.
                reason = error
                for (day, tally) in batch { failed[day] = tally }
            }
        }
        guard let reason else { return }
        state.withLock { $0.putBack(failed) }
        log.warning(
            "\(terms.subject.prefix(1).uppercased() + terms.subject.dropFirst()) was not written down, and is kept for the next time: \(reason)",
            metadata: ["domains": "\(failed.count)"])
    }

    /// All of it, or none. Throws what the store does.
    private func write(_ batch: ArraySlice<(key: ReportDay, value: Tally)>) async throws {
        try look()
        var changes: [KeyValueChange] = []
        var before: [(day: ReportDay, size: Int?)] = []
        var leftOut = 0
        do {
            for (day, new) in batch {
                let key = terms.key(day)
                let old: Tally
                do { old = try tally(of: day) ?? Tally() } catch is UnreadableTally {
                    complain(of: key)
                    continue
                }
                let size = state.withLock { $0.kept?.size(of: day) }
                let sum = new.forms.lazy.map { old.adding($0) }.map { (tally: $0, octets: $0.octets) }.first { sum in
                    state.withLock { $0.kept?.reserve(key.utf8.count + sum.octets.count, for: day) == true }
                }
                guard let sum else {
                    leftOut += 1
                    continue
                }
                before.append((day, size))
                leftOut += sum.tally.leftOut - old.leftOut
                changes.append(KeyValueChange(terms.keyspace, key, sum.octets))
            }
            try await store.change(changes)
        } catch {
            state.withLock { state in for one in before { state.kept?.set(one.size, for: one.day) } }
            throw error
        }
        if leftOut > 0 { complain(leftOut) }
    }

    private func complain(_ leftOut: Int) {
        log.warning("Some is not counted: it is too much for a day", metadata: ["of": "\(terms.subject)", "count": "\(leftOut)"])
    }

    /// Removes what is older than it is kept, and what else the keyspace has of those days. Throws what the store does.
    package func prune(_ now: Timestamp) async throws {
        let oldest = ReportDay.date(Timestamp(rawValue: now.rawValue - Int64(terms.keptDays) * 86_400))
        // Once a day.
        guard state.withLock({ $0.prunedTo != oldest }) else { return }
        let old = try store.values(in: terms.keyspace).keys.filter { $0.prefix(10) < oldest }.sorted()
        for start in stride(from: 0, to: old.count, by: terms.batch) {
            let keys = old[start..<min(start + terms.batch, old.count)]
            try await store.change(keys.map { KeyValueChange(terms.keyspace, $0, nil) })
            state.withLock { state in
                for key in keys { terms.day(key).map { state.kept?.set(nil, for: $0) } }
            }
        }
        state.withLock { $0.prunedTo = oldest }
    }
}
