package import Logging
package import MailModel
import Storage
import Synchronization

/// The last scrub, and one that is under way.
package struct ScrubStatus: Sendable, Equatable {
    /// When the last whole one ended.
    package var ended: Timestamp?
    package var bodies = 0
    package var faults = 0
    /// Bodies read so far by the one that is under way.
    package var reading: Int?
}

/// What scrubs found, over all of them.
final class ScrubLog: Sendable {
    private let state = Mutex<(status: ScrubStatus, told: Set<String>)>((ScrubStatus(), []))

    /// Each damage is told once.
    private static let mostTold = 10_000

    var status: ScrubStatus { state.withLock { $0.status } }

    func reads(_ bodies: Int?) { state.withLock { $0.status.reading = bodies } }

    func ended(_ report: StoreReport, at now: Timestamp) {
        state.withLock { state in
            state.status = ScrubStatus(ended: now, bodies: report.bodies, faults: report.faults.count)
            // What was mended and breaks again is told again.
            state.told.formIntersection(report.faults)
        }
    }

    /// Whether nobody was told of it yet.
    func isNews(_ fault: String) -> Bool {
        state.withLock { state in state.told.count < ScrubLog.mostTold && state.told.insert(fault).inserted }
    }
}

extension SQLiteStore {
    package var scrubStatus: ScrubStatus { scrubs.status }

    /// Reads everything once, spread over about `span`: after each step it rests so long that the whole takes that time. Tells each damage once.
    func scrub(within span: Duration, log: Logger, rest: @escaping @Sendable (Duration) async throws -> Void) async throws -> StoreReport {
        let (bodies, from) = try await readers.run { reader in
            let from = try reader.connection.number("SELECT value FROM meta WHERE key='scrubbed'") ?? 0
            return (Int(try reader.connection.number("SELECT count(*) FROM body WHERE id>?", .int(from)) ?? 0), from)
        }
        let steps = 1 + bodies / SQLiteStore.bodiesInStep + (try known.read { $0.mailboxes.count })
        // A fifth is left for the reading itself.
        let pause = span * 4 / (steps * 5)
        scrubs.reads(0)
        defer { scrubs.reads(nil) }
        // A stop does not begin it anew: how far it came is kept.
        let report = try await check(from: BodyID(rawValue: from)) { [self] found, last in
            for fault in found.faults where scrubs.isNews(fault) { log.error("Damaged: \(fault)") }
            scrubs.reads(found.bodies)
            if let last { try await note(scrubbed: last.rawValue) }
            try await rest(pause)
        }
        for fault in report.faults where scrubs.isNews(fault) { log.error("Damaged: \(fault)") }
        try await note(scrubbed: 0)
        scrubs.ended(report, at: clock())
        log.info(
            "Scrubbed",
            metadata: [
                "mailboxes": "\(report.mailboxes)", "messages": "\(report.messages)", "bodies": "\(report.bodies)",
                "problems": "\(report.faults.count)",
            ])
        return report
    }

    private func note(scrubbed body: Int64) async throws {
        try await change { transaction in
            try transaction.write("INSERT INTO meta VALUES ('scrubbed', ?) ON CONFLICT (key) DO UPDATE SET value=excluded.value", .int(body))
        }
    }

    /// Scrubs over and over, each time within `span`, until it is cancelled or the store is closed.
    package func keepScrubbed(within span: Duration, log: Logger) async {
        while true {
            do {
                try await Task.sleep(for: min(span / 10, .seconds(3_600)))
                _ = try await scrub(within: span, log: log) { try await Task.sleep(for: $0) }
            } catch is CancellationError {
                return
            } catch StorageFault.closed {
                return
            } catch {
                log.warning("Not scrubbed: \(error)")
            }
        }
    }
}
