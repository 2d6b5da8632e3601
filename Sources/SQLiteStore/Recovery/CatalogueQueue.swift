import NIOCore

/// What was in the outgoing queue: ids alone, for what an entry says lies with its body. Sealed under the queue's key.
struct CatalogueQueue: Hashable, Sendable {
    /// Rising.
    var entries: [Int64] = []

    init() {}

    func encode() -> ByteBuffer {
        var out = ByteBuffer()
        out.writeCompact(UInt64(entries.count))
        var last: Int64 = 0
        for entry in entries {
            out.writeCompact(UInt64(bitPattern: entry &- last))
            last = entry
        }
        return out
    }

    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let count = bytes.readCount() else { return nil }
        var last: Int64 = 0
        for _ in 0..<count {
            guard let step = bytes.readCompact() else { return nil }
            last = last &+ Int64(bitPattern: step)
            entries.append(last)
        }
    }

    /// The next ids from `first` on.
    static func ids(from first: Int64, most: Int, _ connection: Connection) throws -> [Int64] {
        let statement = try connection.prepare("SELECT id FROM queue WHERE id>=? ORDER BY id LIMIT ?")
        try statement.bind([.int(first), .int(Int64(most))])
        defer { statement.reset() }
        var found: [Int64] = []
        while try statement.step() { found.append(statement.int(0)) }
        return found
    }
}
