import NIOCore
import Storage

/// Everything in a keyspace, as the sealed catalogue says it. Sealed under the master key.
struct CataloguePairs: Hashable, Sendable {
    var pairs: [Pair] = []

    init(_ values: [String: [UInt8]]) { pairs = values.map { Pair(key: $0, value: $1) }.sorted { $0.key < $1.key } }

    func encode() -> ByteBuffer {
        var out = ByteBuffer()
        out.writeCompact(UInt64(pairs.count))
        for pair in pairs { pair.write(to: &out) }
        return out
    }

    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let count = bytes.readCount() else { return nil }
        for _ in 0..<count {
            guard let pair = Pair(&bytes) else { return nil }
            pairs.append(pair)
        }
    }
}

extension Recovery {
    /// In an index that is made anew.
    func restorePairs(_ connection: Connection) throws {
        guard let catalogue else { return }
        let key = master.pairKey
        for (keyspace, pairs) in catalogue.pairs(under: key) {
            for pair in pairs.pairs {
                try connection.run("INSERT INTO pair (keyspace, sealed) VALUES (?, x'')", .int(Int64(keyspace.rawValue)))
                let id = try connection.number("SELECT last_insert_rowid()") ?? 0
                try connection.run("UPDATE pair SET sealed=? WHERE id=?", .blob(try pair.seal(id: id, in: keyspace, under: key)), .int(id))
            }
        }
    }
}
