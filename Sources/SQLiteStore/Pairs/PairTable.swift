import Crypto
import NIOCore
import Storage

/// Keys with their values, all of them in memory.
struct PairTable: Table {
    static let place = TableList.place(of: PairTable.self)

    struct Row: Sendable {
        let id: Int64
        let value: [UInt8]
    }

    private(set) var rows: [Keyspace: [String: Row]] = [:]

    struct Changes: StagedChanges {
        /// Nil: it goes.
        var rows: [Keyspace: [String: Row?]] = [:]
    }

    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        let key = master.pairKey
        try connection.scan("keyspace, sealed", of: "pair", by: "id") { row in
            let id = row.int(0)
            let keyspace = UInt8(exactly: row.int(1)).map(Keyspace.init(rawValue:))
            do {
                guard let keyspace else { throw StorageFault.corrupt("its keyspace: \(row.int(1))") }
                let pair = try Pair.open(row.blob(2), id: id, in: keyspace, under: key)
                tables[PairTable.self].rows[keyspace, default: [:]][pair.key] = Row(id: id, value: pair.value)
            } catch {
                tables.damage.pairs.insert(keyspace)
                tables.damage.note("the value \(id): \(error)")
            }
        } missed: { ids, error in
            tables.damage.pairs.insert(nil)
            tables.damage.note("values \(ids.lowerBound) and up: \(error)")
        }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (keyspace, rows) in changes.rows {
            for (key, row) in rows { tables[PairTable.self].rows[keyspace, default: [:]][key] = row }
        }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.rows.isEmpty }

    /// Reads every row again: what is in memory says nothing of the disk.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        let key = store.master.pairKey
        let faults = try await store.readers.run { reader in
            var faults: [String] = []
            let rows = try reader.connection.prepare("SELECT id, keyspace, sealed FROM pair ORDER BY id")
            defer { rows.reset() }
            while try rows.step() {
                let keyspace = Keyspace(rawValue: UInt8(truncatingIfNeeded: rows.int(1)))
                do { _ = try Pair.open(rows.blob(2), id: rows.int(0), in: keyspace, under: key) } catch { faults.append("value \(rows.int(0)): \(error)") }
            }
            return faults
        }
        for fault in faults { check.report.note(fault) }
    }
}

extension MasterKey {
    /// Derived (HKDF-SHA256, RFC 5869), so that nothing else must be kept.
    var pairKey: SymmetricKey { HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array("martlet pair".utf8), outputByteCount: 32) }
}

/// A key and its value, as they lie in a row: how many octets the key has, the key, the value.
struct Pair: Hashable, Sendable {
    let key: String
    let value: [UInt8]

    func seal(id: Int64, in keyspace: Keyspace, under key: SymmetricKey) throws -> [UInt8] {
        var out = ByteBuffer()
        write(to: &out)
        return try Seal.seal(Array(out.readableBytesView), under: key, as: Pair.label(id, keyspace))
    }

    static func open(_ sealed: [UInt8], id: Int64, in keyspace: Keyspace, under key: SymmetricKey) throws -> Pair {
        var plain = ByteBuffer(bytes: try Seal.open(sealed, under: key, as: label(id, keyspace)))
        guard let pair = Pair(&plain), plain.readableBytes == 0 else { throw StorageFault.corrupt("it is no pair") }
        return pair
    }

    private static func label(_ id: Int64, _ keyspace: Keyspace) -> Label { Label(kind: .pair, id: id, account: Int64(keyspace.rawValue)) }

    func write(to out: inout ByteBuffer) {
        out.writeCompact(key)
        out.writeCompact(value)
    }

    init?(_ bytes: inout ByteBuffer) {
        guard let key = bytes.readCompactText(), let value = bytes.readCompactOctets() else { return nil }
        self.init(key: key, value: value)
    }

    init(key: String, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

extension Transaction {
    fileprivate func row(of key: String, in keyspace: Keyspace) -> PairTable.Row? {
        if let staged = staged[PairTable.self].rows[keyspace]?[key] { return staged }
        return catalog.read { $0[PairTable.self].rows[keyspace]?[key] }
    }

    func change(_ changes: [KeyValueChange], under key: SymmetricKey) throws {
        try changes.check { keyspace, key in
            if let row = row(of: key, in: keyspace) { return row.value }
            guard catalog.read({ !$0.damage.lacksPairs(in: keyspace) }) else { throw IndexDamage.missingPairs }
            return nil
        }
        for change in changes {
            let old = row(of: change.key, in: change.keyspace)
            guard old?.value != change.value else { continue }
            if let old { try write("DELETE FROM pair WHERE id=?", .int(old.id)) }
            var row: PairTable.Row?
            if let value = change.value {
                // The id is sealed with the value: it is drawn first.
                try write("INSERT INTO pair (keyspace, sealed) VALUES (?, x'')", .int(Int64(change.keyspace.rawValue)))
                let id = try insertedID()
                let sealed = try Pair(key: change.key, value: value).seal(id: id, in: change.keyspace, under: key)
                try write("UPDATE pair SET sealed=? WHERE id=?", .blob(sealed), .int(id))
                row = PairTable.Row(id: id, value: value)
            }
            staged[PairTable.self].rows[change.keyspace, default: [:]].updateValue(row, forKey: change.key)
        }
    }
}
