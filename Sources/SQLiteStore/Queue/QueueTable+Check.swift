import MailModel
import Storage

extension QueueTable {
    /// That each key can be had from its file too, that each entry can be read, that their bodies are held by as many as there are, and that rows of recipients
    /// are of entries and counted.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        let (keys, master, catalog) = (store.keys, store.master, store.catalog)
        for fault in try await store.readers.run({ _ in try catalog.faults(of: keys, master) }) { check.report.note(fault) }
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
        do {
            for fault in try await store.readers.run({ try $0.strayRecipients() }) { check.report.note(fault) }
        } catch let fault as StorageFault where fault != .closed {
            check.report.note("recipients of queue entries: \(fault)")
        }
    }
}

extension Catalog {
    fileprivate func faults(of keys: KeyFolder, _ master: MasterKey) throws -> [String] {
        var faults: [String] = []
        for key in read({ $0.queue.indexed(QueueTable.Changes()) }).sorted(by: { $0.id < $1.id }) {
            // try?: one that does not open is damaged.
            let file = try? keys.queueKey(key.id, under: master)
            // It may have been destroyed meanwhile.
            guard file?.sealed != key.sealed, read({ $0.queue.keys[key.id] != nil }) else { continue }
            faults.append("the queue's key \(key.id): \(keys.file(ofQueueKey: key.id)) is missing or damaged")
        }
        return faults
    }
}

extension BodyReader {
    private struct Line {
        let id: QueueID
        let held: Int64
        let there: Int64
        let recipients: Int64
        let waiting: Int64
        let settled: Int64
    }

    /// What is wrong with entries from `from` on, of which it looks at `most`; and where to go on, nil at the end.
    fileprivate func checkQueue(from: Int64, most: Int) throws -> (faults: [String], next: Int64?) {
        let statement = try connection.prepare(
            "SELECT id, (SELECT messages FROM holder WHERE body=queue.id>>16 AND account=0), "
                + "(SELECT count(*) FROM queue AS own WHERE own.id BETWEEN queue.id>>16<<16 AND queue.id>>16<<16|65535), recipients, waiting, "
                + "(SELECT count(*) FROM queue_recipient WHERE entry=queue.id AND phase<>0) FROM queue WHERE id>=? ORDER BY id LIMIT ?")
        try statement.bind([.int(from), .int(Int64(most))])
        var lines: [Line] = []
        while try statement.step() {
            lines.append(
                Line(
                    id: QueueID(rawValue: statement.int(0)), held: statement.int(1), there: statement.int(2), recipients: statement.int(3),
                    waiting: statement.int(4), settled: statement.int(5)))
        }
        statement.reset()
        var faults: [String] = []
        for line in lines {
            do {
                let entry = try queued(line.id)
                if line.held != line.there {
                    faults.append("queue entry \(line.id.rawValue): its body has \(line.there) entries, and is held by \(line.held)")
                }
                let isCounted = line.recipients == Int64(entry.draft.recipients.count) && line.waiting == line.recipients - line.settled && line.waiting > 0
                if !isCounted, line.recipients != 0 || line.settled != 0 {
                    faults.append("queue entry \(line.id.rawValue): its recipients are not as many as it says")
                }
            } catch StorageFault.noSuchMessage {
                // Ended since the page was read.
            } catch {
                faults.append("\(error)")
            }
        }
        return (faults, lines.count == most ? lines.last.map { $0.id.rawValue + 1 } : nil)
    }

    /// Rows of recipients without an entry: some of them.
    fileprivate func strayRecipients() throws -> [String] {
        let statement = try connection.prepare(
            "SELECT DISTINCT entry FROM queue_recipient WHERE NOT EXISTS (SELECT 1 FROM queue WHERE queue.id=queue_recipient.entry) LIMIT 100")
        defer { statement.reset() }
        var faults: [String] = []
        while try statement.step() { faults.append("queue entry \(statement.int(0)): it is not there, and rows of its recipients are") }
        return faults
    }
}
