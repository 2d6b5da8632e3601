import MailModel
import Storage

/// Entries of the outgoing queue. They are nobody's but the queue's: they outlive their sender's account.
struct QueueTable: Table {
    static let place = TableList.place(of: QueueTable.self)

    /// That each entry can be read, and that their bodies are held by as many as there are.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        var entry: Int64? = 0
        while let from = entry {
            do {
                let page = try await store.readers.run { try $0.checkQueue(from: from, most: SQLiteStore.bodiesInStep) }
                for fault in page.faults { check.report.note(fault) }
                entry = page.next
            } catch let fault as StorageFault where fault != .closed {
                check.report.note("queue entries from \(from): \(fault)")
                entry = nil
            }
        }
    }
}

extension BodyReader {
    /// What is wrong with entries from `from` on, of which it looks at `most`; and where to go on, nil at the end.
    fileprivate func checkQueue(from: Int64, most: Int) throws -> (faults: [String], next: Int64?) {
        let statement = try connection.prepare(
            "SELECT id, (SELECT messages FROM holder WHERE body=queue.id>>16 AND account=0), "
                + "(SELECT count(*) FROM queue AS own WHERE own.id BETWEEN queue.id>>16<<16 AND queue.id>>16<<16|65535) FROM queue WHERE id>=? ORDER BY id LIMIT ?"
        )
        try statement.bind([.int(from), .int(Int64(most))])
        var ids: [(id: QueueID, held: Int64, there: Int64)] = []
        while try statement.step() { ids.append((QueueID(rawValue: statement.int(0)), statement.int(1), statement.int(2))) }
        statement.reset()
        var faults: [String] = []
        for (id, held, there) in ids {
            do {
                _ = try queued(id)
                if held != there { faults.append("queue entry \(id.rawValue): its body has \(there) entries, and is held by \(held)") }
            } catch StorageFault.noSuchMessage {
                // Let go since the page was read.
            } catch {
                faults.append("\(error)")
            }
        }
        return (faults, ids.count == most ? ids.last.map { $0.id.rawValue + 1 } : nil)
    }
}
