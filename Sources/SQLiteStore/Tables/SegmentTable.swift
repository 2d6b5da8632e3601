/// How far each segment of bodies is indexed: what lies behind it was never promised to anybody.
struct SegmentTable: Table {
    static let place = TableList.place(of: SegmentTable.self)

    struct Changes: StagedChanges {
        /// Of segments that are indexed further than they were.
        var indexed: [Int64: Int64] = [:]
    }

    static func write(_ changes: Changes, _ transaction: Transaction) throws {
        for (segment, end) in changes.indexed {
            try transaction.write(
                "INSERT INTO segment VALUES (?,?,0) ON CONFLICT (id) DO UPDATE SET indexed=max(indexed, excluded.indexed)", .int(segment), .int(end))
        }
    }
}

extension Staged {
    /// How far segments are indexed, where that is further than it was.
    var indexed: [Int64: Int64] {
        _read { yield self[SegmentTable.self].indexed }
        _modify { yield &self[SegmentTable.self].indexed }
    }
}
