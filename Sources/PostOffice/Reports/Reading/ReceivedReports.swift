package import Logging
package import MailModel
package import Storage

/// The reports that others have sent us on our domains, for as many days as they are kept.
///
/// - A report that comes again, by its reporter and Report-ID, is known.
/// - There are `most` of them, in `mostOctets`. Beyond that, of those that nobody has proved to come from whom they say, and then of all, the oldest go. So a flood of
///   invented ones takes no room from those that are proved.
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
    /// Of what is kept; nil: not counted yet.
    private var count: Int?
    private var octets = 0

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
        let (key, value) = (report.key, try StoredJSON.encode(report))
        guard try store.value(of: key, in: .receivedReports) == nil else { return .known }
        try await makeRoom(for: value.count)
        do { try await store.change([KeyValueChange(.receivedReports, key, value, expecting: .absence)]) } catch StorageFault.nameTaken { return .known }
        count = count.map { $0 + 1 }
        octets += value.count
        return .kept
    }

    private var oldest: String { ReportDay.date(Timestamp(rawValue: clock().rawValue - Int64(keptDays) * 86_400)) }

    /// Takes a tenth away where there is too much.
    private func makeRoom(for size: Int) async throws {
        if count == nil {
            let all = try store.values(in: .receivedReports)
            count = all.count
            octets = all.values.reduce(0) { $0 + $1.count }
        }
        guard let known = count, known + 1 > limits.most || octets + size > limits.mostOctets else { return }
        let all = try store.values(in: .receivedReports)
        let order = all.map { (key: $0.key, size: $0.value.count, isProved: ReceivedReports.isProved($0.value)) }
            .sorted { a, b in a.isProved == b.isProved ? a.key < b.key : !a.isProved }
        var (left, room) = (all.count, all.values.reduce(0) { $0 + $1.count })
        var gone: [KeyValueChange] = []
        for one in order where left + 1 > limits.most * 9 / 10 || room + size > limits.mostOctets * 9 / 10 {
            gone.append(KeyValueChange(.receivedReports, one.key, nil))
            left -= 1
            room -= one.size
        }
        log.warning("Reports of others on our domains are too many, and the oldest go", metadata: ["removed": "\(gone.count)"])
        try await remove(gone)
        (count, octets) = (left, room)
    }

    private static func isProved(_ octets: [UInt8]) -> Bool {
        // try?: what cannot be read is worth no more than what nobody has proved.
        (try? StoredJSON.decode(ReceivedReport.self, octets))?.isAuthenticated == true
    }

    private func remove(_ changes: [KeyValueChange]) async throws {
        for start in stride(from: 0, to: changes.count, by: 200) { try await store.change(Array(changes[start..<min(start + 200, changes.count)])) }
    }

    /// Removes what is older than it is kept. Throws what the store does.
    package func prune() async throws {
        let oldest = oldest
        let old = try store.values(in: .receivedReports).keys.filter { $0.prefix(10) < oldest }.sorted()
        guard !old.isEmpty else { return }
        try await remove(old.map { KeyValueChange(.receivedReports, $0, nil) })
        count = nil
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
