package import Storage

extension MemoryStore: KeyValueStore {
    package func values(in keyspace: Keyspace) throws -> [String: [UInt8]] { try look(.pairs) { $0.pairs[keyspace] ?? [:] } }

    package func value(of key: String, in keyspace: Keyspace) throws -> [UInt8]? { try look(.pairs) { $0.pairs[keyspace]?[key] } }

    package func change(_ changes: [KeyValueChange]) async throws {
        try change(.pairs) { state in
            try changes.check { state.pairs[$0]?[$1] }
            for change in changes { state.pairs[change.keyspace, default: [:]][change.key] = change.value }
        }
    }
}
