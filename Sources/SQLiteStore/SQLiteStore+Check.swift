import MailModel
import Storage

/// What `store check` found.
package struct StoreReport: Sendable, Encodable {
    package var accounts = 0
    package var mailboxes = 0
    package var messages = 0
    package var bodies = 0
    /// Octets of all bodies, unsealed.
    package var octets: Int64 = 0
    /// Records of bodies that the index does not know of; `store recover` tells what they are.
    package var unknownRecords = 0
    /// One line each, at most `mostFaults`.
    package var faults: [String] = []
    /// What should be known and is no damage; one line each.
    package var notes: [String] = []
    package var isSound: Bool { faults.isEmpty }

    package static let mostFaults = 1_000

    mutating func note(_ fault: String) { if faults.count < StoreReport.mostFaults { faults.append(fault) } }
}

extension SQLiteStore {
    static let bodiesInStep = 100

    /// Opens every body and outline, and counts every mailbox anew. Reads only; it may run beside deliveries.
    package func check() async throws -> StoreReport { try await check(from: BodyID(rawValue: 0)) { _, _ in } }

    func check(from: BodyID, _ stepped: @escaping @Sendable (StoreReport, BodyID?) async throws -> Void) async throws -> StoreReport {
        var check = StoreCheck(from: from, stepped: stepped)
        for fault in opening.faults + catalog.read({ $0.damage.lines }) { check.report.note(fault) }
        check.report.unknownRecords = opening.unknownRecords
        check.report.notes = opening.notes
        for name in AsideFolder(in: path).names {
            if AsideFolder.tellsOfLoss(name) {
                check.report.note("aside/\(name): the WAL was damaged or missing at a start; see `martlet store recover`")
            } else {
                check.report.notes.append("aside/\(name) was set aside at a start")
            }
        }
        for name in Migration.kept(in: path) { check.report.notes.append("\(name) is kept from before a migration; `martlet store confirm` removes it") }
        for fault in try await files.run({ [file] in try PageScan(file).faults }) { check.report.note(fault) }
        for kind in TableList.kinds { try await kind.check(self, &check) }
        return check.report
    }
}

/// A check under way.
struct StoreCheck {
    var report = StoreReport()
    /// Bodies up to it are passed over.
    let from: BodyID
    /// Called after each mailbox and each `SQLiteStore.bodiesInStep` bodies, with what was found so far and the last of the bodies.
    let stepped: @Sendable (StoreReport, BodyID?) async throws -> Void
}
