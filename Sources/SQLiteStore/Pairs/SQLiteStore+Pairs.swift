package import Storage

extension SQLiteStore: KeyValueStore {
    package func values(in keyspace: Keyspace) throws -> [String: [UInt8]] {
        let (found, isWhole) = try known.read { ($0[PairTable.self].rows[keyspace] ?? [:], !$0.damage.lacksPairs(in: keyspace)) }
        guard isWhole else { throw IndexDamage.missingPairs }
        return found.mapValues(\.value)
    }

    package func value(of key: String, in keyspace: Keyspace) throws -> [UInt8]? {
        let (found, isWhole) = try known.read { ($0[PairTable.self].rows[keyspace]?[key], !$0.damage.lacksPairs(in: keyspace)) }
        guard found != nil || isWhole else { throw IndexDamage.missingPairs }
        return found?.value
    }

    package func change(_ changes: [KeyValueChange]) async throws {
        let key = master.pairKey
        _ = try known
        guard !changes.isEmpty else { return }
        try await change { try $0.change(changes, under: key) }
    }
}
