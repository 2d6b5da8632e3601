import MailModel
import Storage

// Entries come, change and go.
extension Transaction {
    /// What the index has of an entry besides its share.
    private struct Row {
        let key: UInt32
        let recipients: Int
        var waiting: Int
        /// Of schema 6: it does not say how many recipients it has.
        let isOld: Bool
    }

    /// Places bodies, and queues them; all is checked before anything changes. What each became, in their order.
    func place(_ notices: [QueueUpdate.Notice], _ outgoing: [OutgoingBody], at places: [BodyPlace]) throws -> [Dispatched] {
        guard !notices.isEmpty else { return [] }
        guard notices.count == outgoing.count, places.count == outgoing.count else { throw StorageFault.unavailable("a body without a place") }
        for body in outgoing { try checkQueueKey(of: body) }
        let deliveries = try notices.indices.map { try Delivery(notices[$0].body, outgoing[$0], at: places[$0], notices[$0].placements) }
        var placed = try place(deliveries)[...]
        return try zip(notices, outgoing).map { notice, body in
            let own = placed.prefix(notice.placements.count)
            placed = placed.dropFirst(own.count)
            return Dispatched(placed: Array(own), queued: notice.drafts.isEmpty ? [] : try queue(notice.body.id, body.holders, notice.drafts))
        }
    }

    private func checkQueueKey(of body: OutgoingBody) throws {
        guard let holder = body.holders.first(where: { $0.holder == .queue }) else { return }
        guard let id = Seal.keyID(of: holder.wrappedKey), queueKey(id) != nil else { throw QueueKeyDestroyed() }
    }

    /// Makes the queue a holder of the body, which is placed in the same operation.
    private func queue(_ body: BodyID, _ holders: [HolderBlock.Holder], _ drafts: [QueueDraft]) throws -> [QueueID] {
        guard let holder = holders.first(where: { $0.holder == .queue }), let key = Seal.keyID(of: holder.wrappedKey) else {
            throw StorageFault.unavailable("a body without the queue's key")
        }
        try hold(body, holder, count: Int64(drafts.count))
        staged[QueueTable.self].entries[key, default: 0] += drafts.count
        return try drafts.enumerated().map { number, draft in
            let id = QueueID(body, Int64(number))
            let recipients = SQLValue.int(Int64(draft.recipients.count))
            try write(
                "INSERT INTO queue (id, arrived, recovered, hold, key, recipients, waiting) VALUES (?,?,0,?,?,?,?)", .int(id.rawValue),
                .int(draft.arrived.rawValue), .int(Int64(draft.hold?.rawValue ?? 0)), .int(Int64(key)), recipients, recipients)
            return id
        }
    }

    /// Places the notices and makes the change; all is checked before anything changes.
    func update(
        _ update: QueueUpdate, _ outgoing: [OutgoingBody], at places: [BodyPlace], _ folder: BodyFolder, _ keys: KeyFolder
    ) throws -> [Dispatched] {
        let entry = update.entry
        var row = try row(of: entry)
        guard update.recipients.keys.allSatisfy({ (0..<row.recipients).contains($0) }) else { throw StorageFault.notAllowed("an entry has no such recipient") }
        let phases = try update.recipients.keys.reduce(into: [:]) { $0[$1] = try phase(of: $1, entry) }
        let changed = update.recipients.filter { phases[$0.key] == .waiting }.sorted { $0.key < $1.key }
        let told = update.recipients.filter { phases[$0.key] != .waiting && phases[$0.key] == $0.value.phase && $0.value.isTold }.keys
        let settled = changed.count { $0.value.phase != .waiting }
        row.waiting -= settled
        if row.waiting <= 0 { try checkSettled(entry, settled, of: row.recipients) }
        let attempts = try row.waiting > 0 ? changed.map { try RecipientRow.seal($0.value.last, of: entry, $0.key, under: row.key, self) } : []
        let dispatched = try place(update.notices, outgoing, at: places)
        guard row.waiting > 0 else {
            try end(entry, row.key, folder)
            try destroySpentQueueKeys(keys)
            return dispatched
        }
        for ((number, progress), attempt) in zip(changed, attempts) { try RecipientRow.write(progress, attempt, of: entry, number, self) }
        for number in told { try write("UPDATE queue_recipient SET told=1 WHERE entry=? AND number=?", .int(entry.rawValue), .int(Int64(number))) }
        if row.isOld || changed.contains(where: { $0.value.phase != .waiting }) {
            try write(
                "UPDATE queue SET recipients=?, waiting=? WHERE id=?", .int(Int64(row.recipients)), .int(Int64(row.waiting)), .int(entry.rawValue))
        }
        switch update.hold {
        case .keep: break
        case .hold(let hold): try write("UPDATE queue SET hold=?, recovered=0 WHERE id=?", .int(Int64(hold.rawValue)), .int(entry.rawValue))
        case .release: try write("UPDATE queue SET hold=0, recovered=0 WHERE id=?", .int(entry.rawValue))
        }
        return dispatched
    }

    private func row(of entry: QueueID) throws -> Row {
        let statement = try connection.prepare("SELECT key, recipients, waiting FROM queue WHERE id=?")
        try statement.bind([.int(entry.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { throw StorageFault.noSuchMessage }
        let key = UInt32(try statement.int(0, within: IndexRange.number32, "queue entry \(entry.rawValue): its key"))
        let recipients = Int(try statement.int(1, within: IndexRange.number32, "queue entry \(entry.rawValue): its recipients"))
        let waiting = Int(try statement.int(2, within: IndexRange.number32, "queue entry \(entry.rawValue): its recipients"))
        guard recipients == 0 else { return Row(key: key, recipients: recipients, waiting: waiting, isOld: false) }
        let count = try draft(of: entry).recipients.count
        return Row(key: key, recipients: count, waiting: count, isOld: true)
    }

    /// What the entry says of itself, from its share.
    private func draft(of entry: QueueID) throws -> QueueDraft {
        let statement = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=0")
        try statement.bind([.int(entry.body.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { throw StorageFault.corrupt("queue entry \(entry.rawValue): its body is not there") }
        let sealed = statement.blob(0)
        guard let id = Seal.keyID(of: sealed), let key = queueKey(id) else { throw StorageFault.corrupt("queue entry \(entry.rawValue): its key is not there") }
        return try HeldKey.open(sealed, entry.body, for: .queue, under: key).share.draft(entry)
    }

    private func phase(of number: Int, _ entry: QueueID) throws -> RecipientProgress.Phase {
        let found = try connection.number("SELECT phase FROM queue_recipient WHERE entry=? AND number=?", .int(entry.rawValue), .int(Int64(number)))
        guard let found else { return .waiting }
        guard let phase = UInt8(exactly: found).flatMap(RecipientProgress.Phase.init) else {
            throw StorageFault.corrupt("queue entry \(entry.rawValue), recipient \(number): its phase")
        }
        return phase
    }

    /// A wrong count must not end an entry for which somebody waits.
    private func checkSettled(_ entry: QueueID, _ now: Int, of recipients: Int) throws {
        let before = try connection.number("SELECT count(*) FROM queue_recipient WHERE entry=? AND phase<>0", .int(entry.rawValue)) ?? 0
        guard before + Int64(now) == Int64(recipients) else {
            throw StorageFault.corrupt("queue entry \(entry.rawValue): its recipients are not as many as it says")
        }
    }

    private func end(_ entry: QueueID, _ key: UInt32, _ folder: BodyFolder) throws {
        try write("DELETE FROM queue WHERE id=?", .int(entry.rawValue))
        try write("DELETE FROM queue_recipient WHERE entry=?", .int(entry.rawValue))
        var release = Release(self, folder)
        try release.letGo(entry.body.rawValue, .queue)
        try release.finish()
        staged[QueueTable.self].entries[key, default: 0] -= 1
    }
}
