package import Logging
package import MailModel
package import Storage

/// The reports that others have sent us on our domains, for as many days as they are kept.
///
/// - A report that comes again, by its reporter and Report-ID, is known.
/// - There is room for so much (`Limits`). Beyond that those go first that nobody has proved to come from whom they say; then those of a reporter that has more than a
///   tenth of the room; then all others: the oldest first, by the time at which they came. So neither a flood of invented ones nor one reporter who proves who he is takes
///   the room of the others.
package actor ReceivedReports {
    package enum Outcome: Hashable, Sendable {
        case kept
        /// It was here before.
        case known
        /// It is on a day that is too long ago, or to come.
        case outOfTime
    }

    package struct Limits: Hashable, Sendable {
        package var most = 20_000
        package var mostOctets = 32 << 20

        package init() {}
    }

    private let store: any KeyValueStore
    private let clock: Timestamp.Clock
    private let keptDays: Int
    private let limits: Limits
    private let log: Logger

    private struct Entry {
        /// By the last two labels of its domain, for who has a name has as many below it as he likes; nil: nobody has proved who it is.
        let reporter: Substring?
        let received: Int64
        let cost: Int
    }
    /// What is kept, by key; nil: not looked at yet.
    private var entries: [String: Entry]?
    /// Of all of them.
    private var used = 0

    package init(store: any KeyValueStore, keptDays: Int, limits: Limits = Limits(), clock: @escaping Timestamp.Clock, log: Logger) {
        self.store = store
        self.keptDays = keptDays
        self.limits = limits
        self.clock = clock
        self.log = log
    }

    /// Durable on return. Throws what the store does.
    package func add(_ report: ReceivedReport) async throws -> Outcome {
        guard report.date >= oldest, report.date <= ReportDay.date(Timestamp(rawValue: clock().rawValue + 2 * 86_400)) else { return .outOfTime }
        let key = report.key
        if try look()[key] != nil { return .known }
        let value = try StoredJSON.encode(report)
        let entry = entry(report, value.count)
        try await makeRoom(for: entry.cost)
        do { try await store.change([KeyValueChange(.receivedReports, key, value, expecting: .absence)]) } catch StorageFault.nameTaken { return .known }
        note(key, entry)
        return .kept
    }

    private var oldest: String { ReportDay.date(Timestamp(rawValue: clock().rawValue - Int64(keptDays) * 86_400)) }

    private func look() throws -> [String: Entry] {
        if let entries { return entries }
        let found = try store.values(in: .receivedReports).map { key, octets in
            // try?: what cannot be read is worth no more than what nobody has proved.
            guard let report = try? StoredJSON.decode(ReceivedReport.self, octets) else {
                return (key, Entry(reporter: nil, received: 0, cost: cost(octets.count)))
            }
            return (key, entry(report, octets.count))
        }
        let entries = Dictionary(found) { first, _ in first }
        self.entries = entries
        used = entries.values.reduce(0) { $0 + $1.cost }
        return entries
    }

    private func entry(_ report: ReceivedReport, _ octets: Int) -> Entry {
        let reporter = report.isAuthenticated == true ? (report.provedBy ?? "").split(separator: ".").suffix(2).joined(separator: ".")[...] : nil
        return Entry(reporter: reporter, received: report.received, cost: cost(octets))
    }

    /// One report costs what it takes, and at least what keeps them from being more than `most`.
    private func cost(_ octets: Int) -> Int { max(octets, limits.mostOctets / max(limits.most, 1)) }

    private func note(_ key: String, _ entry: Entry?) {
        used += (entry?.cost ?? 0) - (entries?[key]?.cost ?? 0)
        entries?[key] = entry
    }

    /// Takes a tenth away where there is too much.
    private func makeRoom(for size: Int) async throws {
        guard used + size > limits.mostOctets else { return }
        var shares: [Substring: Int] = [:]
        var order: [(key: String, rank: Int, entry: Entry)] = []
        // The newest first, for they are what a reporter's share goes to.
        for (key, entry) in try look().sorted(by: { ($0.value.received, $0.key) > ($1.value.received, $1.key) }) {
            guard let reporter = entry.reporter else {
                order.append((key, 0, entry))
                continue
            }
            shares[reporter, default: 0] += entry.cost
            order.append((key, shares[reporter, default: 0] > limits.mostOctets / 10 ? 1 : 2, entry))
        }
        order.sort { ($0.rank, $0.entry.received, $0.key) < ($1.rank, $1.entry.received, $1.key) }
        var left = used
        let gone = order.prefix { one in
            guard left + size > limits.mostOctets * 9 / 10 else { return false }
            left -= one.entry.cost
            return true
        }
        log.warning("Reports of others on our domains are too many, and some go", metadata: ["removed": "\(gone.count)"])
        try await remove(gone.map(\.key))
    }

    private func remove(_ keys: [String]) async throws {
        for start in stride(from: 0, to: keys.count, by: 200) {
            let some = keys[start..<min(start + 200, keys.count)]
            try await store.change(some.map { KeyValueChange(.receivedReports, $0, nil) })
            for key in some { note(key, nil) }
        }
    }

    /// Removes what is older than it is kept. Throws what the store does.
    package func prune() async throws {
        let oldest = oldest
        try await remove(look().keys.filter { $0.prefix(10) < oldest }.sorted())
    }

    /// By day, domain and reporter, from a day on (`2026-11-29`). One that cannot be read is left out. Throws what the store does.
    package nonisolated static func all(in store: any KeyValueStore, _ kind: ReportDay.Kind, of domain: Domain?, from date: String) throws -> [ReceivedReport] {
        try store.values(in: .receivedReports).sorted { $0.key < $1.key }.compactMap { key, octets in
            guard key.prefix(10) >= date[...] else { return nil }
            // try?: one that a later version wrote hides no others.
            guard let report = try? StoredJSON.decode(ReceivedReport.self, octets), report.kind == kind.rawValue,
                domain == nil || report.domain == domain?.value
            else { return nil }
            return report
        }
    }
}
