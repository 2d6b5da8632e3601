import Glibc
import MailModel
import Storage

/// Ends claims on bodies within a transaction, and removes the bodies that nobody holds any more.
struct Release {
    private let transaction: Transaction
    private let folder: BodyFolder
    /// Octets of bodies that went, by segment.
    private var dead: [Int64: Int64] = [:]
    private var lastBody: Int64 = 0

    init(_ transaction: Transaction, _ folder: BodyFolder) {
        self.transaction = transaction
        self.folder = folder
    }

    /// One message or entry of the holder's holds the body no more; removes the body when it was the last.
    mutating func letGo(_ body: Int64, _ holder: BodyHolder) throws {
        let (id, number) = (SQLValue.int(body), SQLValue.int(holder.number))
        try transaction.write("DELETE FROM holder WHERE body=? AND account=? AND messages<=1", id, number)
        guard transaction.connection.changes > 0 else {
            return try transaction.write("UPDATE holder SET messages=messages-1 WHERE body=? AND account=?", id, number)
        }
        if case .account(let account) = holder {
            let outlines = transaction.catalog.outlines
            transaction.afterCommit.append { outlines.forget(BodyID(rawValue: body), of: account) }
        }
        guard try transaction.connection.number("SELECT 1 FROM holder WHERE body=? LIMIT 1", id) == nil else {
            guard holder != .queue else { return }
            return try transaction.write("INSERT OR IGNORE INTO former_holder VALUES (?,?)", id, number)
        }
        let place = try transaction.connection.prepare("SELECT segment, length FROM body WHERE id=?")
        try place.bind([id])
        guard try place.step() else { return place.reset() }
        let (segment, length) = (place.int(0), place.int(1))
        place.reset()
        try transaction.write("DELETE FROM body WHERE id=?", id)
        lastBody = max(lastBody, body)
        if segment == 0 {
            let path = folder.file(BodyID(rawValue: body))
            transaction.afterCommit.append { unlink(path) }
        } else {
            dead[segment, default: 0] += length
        }
    }

    /// Writes what was gathered.
    func finish() throws {
        for (segment, octets) in dead { try transaction.write("UPDATE segment SET dead=dead+? WHERE id=?", .int(octets), .int(segment)) }
        // Ids of bodies, which clients may know as EMAILIDs, are not given again.
        guard lastBody > 0 else { return }
        try transaction.write("INSERT INTO meta VALUES ('last-body', ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)", .int(lastBody))
    }
}
