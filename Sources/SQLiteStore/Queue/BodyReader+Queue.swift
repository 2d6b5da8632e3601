import MailModel
import NIOCore
import Storage

extension HolderShare {
    /// `corrupt` when there is none of that number.
    func draft(_ id: QueueID) throws -> QueueDraft {
        guard case .queue(let drafts) = self else { throw StorageFault.corrupt("queue entry \(id.rawValue): what it says") }
        // They are numbered in their order.
        let number = Int(id.number)
        if drafts.indices.contains(number), drafts[number].number == id.number { return drafts[number].draft }
        guard let found = drafts.first(where: { $0.number == id.number }) else { throw StorageFault.corrupt("queue entry \(id.rawValue): what it says") }
        return found.draft
    }
}

extension BodyReader {
    private static let entries =
        "SELECT queue.id, queue.hold, holder.sealed_key, body.size, queue.recovered, body.segment, body.position FROM queue "
        + "LEFT JOIN holder ON holder.body=queue.id>>16 AND holder.account=0 LEFT JOIN body ON body.id=queue.id>>16 "

    /// What one row says, and what its share does.
    private struct Found {
        let id: QueueID
        let draft: QueueDraft
        let size: Int
        let hold: QueueHold?
    }

    func queue(from: Int64, most: Int) throws -> [QueueEntry] {
        try inOneView {
            let statement = try connection.prepare(BodyReader.entries + "WHERE queue.id>=? ORDER BY queue.id LIMIT ?")
            try statement.bind([.int(from), .int(Int64(max(0, most)))])
            return try entries(statement)
        }
    }

    func queued(_ id: QueueID) throws -> QueueEntry {
        try inOneView {
            let statement = try connection.prepare(BodyReader.entries + "WHERE queue.id=?")
            try statement.bind([.int(id.rawValue)])
            guard let entry = try entries(statement).first else { throw StorageFault.noSuchMessage }
            return entry
        }
    }

    func queued(_ id: QueueID, withText most: Int) throws -> (entry: QueueEntry, text: ByteBuffer?) {
        try inOneView {
            let statement = try connection.prepare(BodyReader.entries + "WHERE queue.id=?")
            try statement.bind([.int(id.rawValue)])
            var text: ByteBuffer?
            let entries = try entries(statement) { row, draft, held, size in
                let head = draft.head?.octets ?? []
                guard head.count + size <= most else { return }
                let (segment, position) = (row.int(5), row.int(6))
                do {
                    try BodyPlace.check(id.body.rawValue, segment: segment, position: position, size: Int64(size))
                    text = try open(0..<size, of: id.body, key: held.key, size: size, segment: segment, position: position, behind: head[...])
                } catch {
                    // catch: whoever needs it reads it again, and hears why it cannot be read; or compaction has moved it.
                }
            }
            guard let entry = entries.first else { throw StorageFault.noSuchMessage }
            return (entry, text)
        }
    }

    /// Rows of several tables as of one moment.
    private func inOneView<Value>(_ body: () throws -> Value) throws -> Value {
        try connection.execute("BEGIN")
        // try?: nothing was changed.
        defer { try? connection.execute("COMMIT") }
        return try body()
    }

    /// - parameter look: at each row, its draft, what its holder holds, and the size of its body.
    private func entries(
        _ rows: Statement, _ look: (Statement, QueueDraft, HeldKey, Int) throws -> Void = { _, _, _, _ in }
    ) throws -> [QueueEntry] {
        defer { rows.reset() }
        var found: [Found] = []
        var last: (body: BodyID, held: HeldKey)?
        while try rows.step() {
            let id = QueueID(rawValue: rows.int(0))
            // Entries of one body lie together.
            if last?.body != id.body { last = (id.body, try held(rows, id)) }
            guard let last else { continue }
            let entry = try entry(rows, id, last.held.share)
            found.append(entry)
            try look(rows, entry.draft, last.held, entry.size)
        }
        guard let from = found.first?.id.rawValue, let to = found.last?.id.rawValue else { return [] }
        let progress = try RecipientRow.read(from...to, connection, catalog)
        return try found.map { entry in
            QueueEntry(
                id: entry.id, body: entry.id.body, size: entry.size + (entry.draft.head?.octets.count ?? 0), draft: entry.draft,
                progress: try self.progress(of: entry, progress[entry.id] ?? [:]), hold: entry.hold)
        }
    }

    private func progress(of entry: Found, _ rows: [Int: RecipientProgress]) throws -> [RecipientProgress] {
        let first = RecipientProgress(due: entry.draft.notBefore ?? entry.draft.arrived)
        var progress = [RecipientProgress](repeating: first, count: entry.draft.recipients.count)
        for (number, row) in rows {
            guard progress.indices.contains(number) else { throw StorageFault.corrupt("queue entry \(entry.id.rawValue): it has no recipient \(number)") }
            progress[number] = row
        }
        return progress
    }

    private func held(_ row: Statement, _ id: QueueID) throws -> HeldKey {
        guard !row.isNull(2), !row.isNull(3) else { throw StorageFault.corrupt("queue entry \(id.rawValue): its body is not there") }
        return try row.withBlob(2) { try HeldKey.open($0, id.body, for: .queue, under: catalog.key(of: .queue, for: $0)) }
    }

    private func entry(_ row: Statement, _ id: QueueID, _ share: HolderShare) throws -> Found {
        let size = Int(try row.int(3, within: IndexRange.size, "queue entry \(id.rawValue): the size of its body"))
        var hold: QueueHold?
        if row.int(1) != 0 {
            guard let known = UInt8(exactly: row.int(1)).flatMap(QueueHold.init) else { throw StorageFault.corrupt("queue entry \(id.rawValue): why it waits") }
            hold = known
        } else if row.int(4) != 0 {
            hold = .recovered
        }
        return Found(id: id, draft: try share.draft(id), size: size, hold: hold)
    }
}
