import MailModel
import Storage

// Bodies from before records carried who holds them.
extension SQLiteStore {
    private static let oldBodiesAtOnce = 256

    /// Writes who holds each old body into the segments, so that folders from before can be recovered too. Once; where it was cut off it goes on.
    /// How many it wrote.
    @discardableResult
    func adoptOldBodies() async throws -> Int {
        var adopted = 0
        while true {
            let page = try await readers.run { try $0.oldBodies(most: SQLiteStore.oldBodiesAtOnce) }
            guard let page else { return adopted }
            adopted += page.blocks.count
            try await change { transaction in
                transaction.introduced += page.blocks
                try transaction.write(
                    "INSERT INTO meta VALUES ('holders-written', ?) ON CONFLICT (key) DO UPDATE SET value=excluded.value", .int(page.last))
            }
        }
    }
}

extension BodyReader {
    /// Of the next old bodies who holds them, and where to go on; nil: there are no more.
    fileprivate func oldBodies(most: Int) throws -> (blocks: [HolderBlock], last: Int64)? {
        let done = try connection.number("SELECT value FROM meta WHERE key='holders-written'") ?? 0
        guard done < Int64.max else { return nil }
        // A record without holders is as long as its header and its chunks.
        let statement = try connection.prepare("SELECT id, length, size FROM body WHERE id>? ORDER BY id LIMIT 4096")
        try statement.bind([.int(done)])
        var (old, last, rows): ([Int64], Int64, Int) = ([], done, 0)
        while old.count < most, try statement.step() {
            let (id, length, size) = (statement.int(0), statement.int(1), statement.int(2))
            (last, rows) = (id, rows + 1)
            guard size >= 0, size <= Int64(Int32.max) else { continue }
            if length == Int64(RecordHeader.octets + BodySeal.sealedSize(of: Int(size))) { old.append(id) }
        }
        statement.reset()
        guard rows > 0 else { return ([], Int64.max) }
        let blocks = try old.map { id in
            HolderBlock(body: BodyID(rawValue: id), arrived: Timestamp(rawValue: 0), holders: try holders(of: BodyID(rawValue: id)))
        }
        return (blocks, last)
    }
}
