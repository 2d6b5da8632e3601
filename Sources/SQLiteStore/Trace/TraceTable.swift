import MailModel
import NIOCore
import Storage

/// Records of what happened to messages. Nothing of them is kept in memory.
struct TraceTable: Table {
    static let place = TableList.place(of: TraceTable.self)

    private static let recordsInStep = 1_000

    /// Opens every record.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        let keys = store.traceKeys
        var record: Int64? = 0
        while let from = record {
            do {
                let page = try await store.readers.run { try $0.checkTraces(from: from, most: recordsInStep, keys) }
                for fault in page.faults { check.report.note(fault) }
                record = page.next
            } catch let fault as StorageFault where fault != .closed {
                check.report.note("traces from \(from): \(fault)")
                record = nil
            }
        }
    }
}

extension BodyReader {
    fileprivate func checkTraces(from: Int64, most: Int, _ keys: TraceKeys) throws -> (faults: [String], next: Int64?) {
        let rows = try connection.prepare("SELECT id, trail, sealed FROM trace WHERE id>=? ORDER BY id LIMIT ?")
        try rows.bind([.int(from), .int(Int64(most))])
        defer { rows.reset() }
        var (faults, last, count): ([String], Int64, Int) = ([], from, 0)
        while try rows.step() {
            (last, count) = (rows.int(0), count + 1)
            do { _ = try TraceRecord.open(rows, 2, rows.int(1), keys) } catch { faults.append("trace \(last): \(error)") }
        }
        return (faults, count == most ? last + 1 : nil)
    }
}
