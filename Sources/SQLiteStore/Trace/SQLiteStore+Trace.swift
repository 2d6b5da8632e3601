import Crypto
package import MailModel
import NIOCore
package import Storage

/// Keys for traces, from the master key (HKDF-SHA256, RFC 5869). What is too old is overwritten, so they need none that are destroyed.
struct TraceKeys: Sendable {
    let seal: SymmetricKey
    /// Of transactions' ids and of names, to find records by.
    let hash: KeyedHash

    init(_ master: MasterKey) {
        seal = HKDF<SHA256>.deriveKey(inputKeyMaterial: master.key, info: Array("martlet trace".utf8), outputByteCount: 32)
        hash = KeyedHash(HKDF<SHA256>.deriveKey(inputKeyMaterial: master.key, info: Array("martlet trace names".utf8), outputByteCount: 32))
    }
}

extension SQLiteStore: TraceStore {
    /// Records that one step of pruning removes.
    private static let tracesInStep = 2_000

    package func record(_ events: [TraceEvent]) async throws {
        _ = try known
        guard !events.isEmpty else { return }
        let keys = traceKeys
        let records = TraceRecord.gather(events)
        try await change { transaction in for record in records { try transaction.write(record, keys) } }
    }

    package func events(of transaction: TransactionID) async throws -> [TraceEvent] {
        _ = try known
        let keys = traceKeys
        return try await readers.run { try $0.traces(of: transaction, keys) }
    }

    package func events(named name: String) async throws -> [TraceEvent] {
        _ = try known
        let keys = traceKeys
        return try await readers.run { reader in
            var found: [TraceEvent] = []
            for transaction in try reader.transactions(of: name, keys) where found.count < TraceLimits.answer {
                found += try reader.traces(of: transaction, keys).prefix(TraceLimits.answer - found.count)
            }
            return found
        }
    }

    package func pruneTraces(before time: Timestamp) async throws -> Bool {
        _ = try known
        let step = SQLiteStore.tracesInStep
        return try await change { try $0.pruneTraces(before: time, keeping: TraceLimits.records, most: step) }
    }
}

extension Transaction {
    fileprivate func write(_ record: TraceRecord, _ keys: TraceKeys) throws {
        guard let first = record.events.first else { return }
        let trail = keys.hash(first.transaction.value)
        let sealed = try Seal.seal(record.encode(), under: keys.seal, as: TraceRecord.label(trail), nonce: nonces.next())
        try write(
            "INSERT INTO trace (time, trail, message, sealed) VALUES (?,?,?,?)", .int(first.time.rawValue), .int(trail),
            record.name.map { .int(keys.hash($0)) } ?? .null, .blob(sealed))
    }

    /// Looks at the oldest ones: they were recorded about when they happened.
    fileprivate func pruneTraces(before time: Timestamp, keeping most: Int, most step: Int) throws -> Bool {
        let newest = try connection.number("SELECT max(id) FROM trace") ?? 0
        let rows = try connection.prepare("SELECT id, time FROM trace ORDER BY id LIMIT ?")
        try rows.bind([.int(Int64(step))])
        var old: [Int64] = []
        while try rows.step() { if rows.int(1) < time.rawValue || rows.int(0) <= newest - Int64(most) { old.append(rows.int(0)) } }
        rows.reset()
        guard !old.isEmpty else { return false }
        try write { try connection.execute("PRAGMA secure_delete=ON") }
        erases = true
        for id in old { try write("DELETE FROM trace WHERE id=?", .int(id)) }
        return true
    }
}

extension BodyReader {
    fileprivate func traces(of transaction: TransactionID, _ keys: TraceKeys) throws -> [TraceEvent] {
        let rows = try connection.prepare("SELECT id, sealed FROM trace WHERE trail=? ORDER BY id LIMIT \(TraceLimits.answer)")
        let trail = keys.hash(transaction.value)
        try rows.bind([.int(trail)])
        defer { rows.reset() }
        var events: [TraceEvent] = []
        while try rows.step() {
            // Another's hash may be the same.
            events += try TraceRecord.open(rows, 1, trail, keys).events.filter { $0.transaction == transaction }
        }
        // Sorting keeps those of one time in their order.
        return Array(events.sorted { $0.time < $1.time }.prefix(TraceLimits.answer))
    }

    fileprivate func transactions(of name: String, _ keys: TraceKeys) throws -> [TransactionID] {
        let rows = try connection.prepare("SELECT trail, sealed FROM trace WHERE message=? ORDER BY id LIMIT \(TraceLimits.answer)")
        try rows.bind([.int(keys.hash(name))])
        defer { rows.reset() }
        var found: [TransactionID] = []
        while found.count < TraceLimits.transactions, try rows.step() {
            for event in try TraceRecord.open(rows, 1, rows.int(0), keys).events where event.name == name && !found.contains(event.transaction) {
                found.append(event.transaction)
            }
        }
        return found
    }
}
