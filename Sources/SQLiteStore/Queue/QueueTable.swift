import Crypto
import MailModel
import Storage

/// Entries of the outgoing queue. They are nobody's but the queue's: they outlive their sender's account. Its keys are kept in memory, and how many entries each
/// of them seals.
struct QueueTable: Table {
    static let place = TableList.place(of: QueueTable.self)

    private(set) var keys: [UInt32: QueueKey] = [:]
    /// By the key's id.
    private var entries: [UInt32: Int] = [:]
    /// Keys that the index has not and their files have.
    private var unindexed: Set<UInt32> = []
    /// False: not all that the index says of keys and entries could be read.
    private var isWhole = true

    struct Changes: StagedChanges {
        /// Nil: destroyed.
        var keys: [UInt32: QueueKey?] = [:]
        /// How many more, or fewer, entries each key seals.
        var entries: [UInt32: Int] = [:]
    }

    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        try connection.scan("made, sealed_key", of: "queue_key", by: "id") { row in
            do {
                let id = UInt32(try row.int(0, within: IndexRange.number32, "its id"))
                tables.queue.keys[id] = try QueueKey(id, made: try row.timestamp(1, "its age"), sealed: row.blob(2), under: master)
            } catch {
                tables.queue.isWhole = false
                tables.damage.note("the queue's key \(row.int(0)): \(error)")
            }
        } missed: { ids, error in
            tables.queue.isWhole = false
            tables.damage.note("the queue's keys \(ids.lowerBound) and up: \(error)")
        }
        do {
            let rows = try connection.prepare("SELECT key, count(*) FROM queue GROUP BY key")
            defer { rows.reset() }
            while try rows.step() { tables.queue.entries[UInt32(truncatingIfNeeded: rows.int(0))] = Int(rows.int(1)) }
        } catch {
            tables.queue.isWhole = false
            tables.damage.note("the queue: \(error)")
        }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, key) in changes.keys { tables.queue.keys[id] = key }
        for (id, count) in changes.entries { tables.queue.entries[id, default: 0] += count }
        for (id, key) in changes.keys where key == nil { tables.queue.entries[id] = nil }
    }

    /// The catalogue says what is in the queue.
    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.entries.isEmpty }

    /// Entries, of all keys.
    var count: Int { entries.values.reduce(0, +) }

    /// One that only its file has opens what it seals, and is left alone.
    mutating func adopt(_ key: QueueKey) {
        keys[key.id] = key
        unindexed.insert(key.id)
    }

    /// What new entries are sealed under; nil: a new key is due.
    func current(_ changes: Changes = Changes(), at now: Timestamp) -> QueueKey? {
        living(changes).filter { $0.isCurrent(at: now) && !unindexed.contains($0.id) }.max { $0.id < $1.id }
    }

    /// Keys of which nothing is in the queue any more, and that no new entry gets.
    func spent(_ changes: Changes = Changes(), at now: Timestamp) -> [QueueKey] {
        guard isWhole else { return [] }
        return indexed(changes).filter { entries[$0.id, default: 0] + changes.entries[$0.id, default: 0] <= 0 && !$0.isCurrent(at: now) }
    }

    /// Those that the index has.
    func indexed(_ changes: Changes) -> [QueueKey] { living(changes).filter { !unindexed.contains($0.id) } }

    private func living(_ changes: Changes) -> [QueueKey] {
        var living = keys
        for (id, key) in changes.keys { living[id] = key }
        return Array(living.values)
    }
}

extension Catalog.State {
    var queue: QueueTable {
        _read { yield self[QueueTable.self] }
        _modify { yield &self[QueueTable.self] }
    }
}

// The keys, as a batch sees them.
extension Transaction {
    /// Nil: there is none of that id, or it is destroyed. 1 is the one that the master key gives.
    func queueKey(_ id: UInt32) -> SymmetricKey? {
        if id == Seal.currentKeyID { return catalog.queueKey }
        if let staged = staged[QueueTable.self].keys[id] { return staged?.key }
        return catalog.read { $0.queue.keys[id]?.key }
    }

    /// What new entries are sealed under: made, with its file, where none is young enough.
    func currentQueueKey(under master: MasterKey, keys: KeyFolder) throws -> QueueKey {
        let changes = staged[QueueTable.self]
        let now = now
        let (current, highest) = catalog.read { ($0.queue.current(changes, at: now), ($0.queue.keys.keys.max() ?? 0)) }
        if let current { return current }
        let given = try connection.number("SELECT seq FROM sqlite_sequence WHERE name='queue_key'") ?? 0
        let last = max(given, Int64(highest), Int64(keys.queueKeys().last ?? 0), Int64(Seal.currentKeyID))
        guard let id = UInt32(exactly: last + 1) else { throw StorageFault.unavailable("no id is left for a key of the queue") }
        let key = try QueueKey(id, made: now, under: master)
        try write("INSERT INTO queue_key VALUES (?,?,?)", .int(Int64(id)), .int(now.rawValue), .blob(key.sealed))
        staged[QueueTable.self].keys[id] = key
        beforeCommit.append { try keys.write(key) }
        // try?: nothing is sealed under it, and its id is not given again.
        afterFailure.append { try? keys.erase(queueKey: id) }
        try destroySpentQueueKeys(keys)
        return key
    }

    /// Has nothing left of keys that seal nothing in the queue any more, once the commit is durable and the WAL cut: as `destroyKey(of:in:)`.
    func destroySpentQueueKeys(_ keys: KeyFolder) throws {
        let changes = staged[QueueTable.self]
        let now = now
        let (spent, indexed) = catalog.read { ($0.queue.spent(changes, at: now), $0.queue.indexed(changes)) }
        guard !spent.isEmpty else { return }
        try write { try connection.execute("PRAGMA secure_delete=ON") }
        erases = true
        // All of them, so that what changes left between the rows is overwritten too.
        try write("DELETE FROM queue_key")
        let gone = Set(spent.map(\.id))
        for key in indexed.sorted(by: { $0.id < $1.id }) where !gone.contains(key.id) {
            try write("INSERT INTO queue_key VALUES (?,?,?)", .int(Int64(key.id)), .int(key.made.rawValue), .blob(key.sealed))
        }
        for key in spent {
            staged[QueueTable.self].keys.updateValue(nil, forKey: key.id)
            beforeCommit.append {
                try keys.erase(queueKey: key.id)
                try KeyErasure.erase(key.sealed, in: keys.parent)
            }
            // try?: the next start writes the file that is missing.
            afterFailure.append { try? keys.write(key) }
        }
    }
}
