import Crypto
import FoundationEssentials
import Glibc
import Logging
import MailModel
import Storage

/// What is known of a segment without its key: an immutable part of an account's index.
struct SegmentRecord: Hashable, Sendable {
    let id: Int64
    let account: AccountID
    /// Bodies.
    let count: Int
    let lowest: BodyID
    let highest: BodyID
    let blocks: Int
}

/// `search.db`: segments of words, sealed. It holds nothing that cannot be made anew from the bodies, so its commits are not synced, and a file that
/// is damaged or from elsewhere is thrown away.
///
/// Readable in it: which accounts have segments, of how many bodies, of what size. Words and where they are lie sealed under keys derived from the accounts'.
final class SearchFile {
    let connection: Connection
    static let version: Int64 = 1

    private static let schema = """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE segment (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account INTEGER NOT NULL,
            bodies INTEGER NOT NULL,
            lowest INTEGER NOT NULL,
            highest INTEGER NOT NULL,
            blocks INTEGER NOT NULL,
            -- 0 while it is being written.
            ready INTEGER NOT NULL,
            head BLOB NOT NULL);
        -- id: segment << 24 | number.
        CREATE TABLE block (id INTEGER PRIMARY KEY, words BLOB NOT NULL, postings BLOB NOT NULL);
        """

    private init(_ connection: Connection) { self.connection = connection }

    /// For the indexer. `lastBody`: the highest id that a body can have; a file that knows higher ones belongs to another index.
    static func open(_ path: String, lastBody: Int64, log: Logger) throws -> SearchFile {
        do {
            return try openOnce(path, lastBody)
        } catch {
            return try makeAnew(path, lastBody: lastBody, because: error, log: log)
        }
    }

    /// Throws away what is there.
    static func makeAnew(_ path: String, lastBody: Int64, because fault: any Error, log: Logger) throws -> SearchFile {
        log.warning("The search index is made anew: \(fault)")
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
        do {
            return try openOnce(path, lastBody)
        } catch {
            // Such as a full disk: the mail is served, and texts are scanned.
            log.error("There is no search index: \(error)")
            return try openOnce(":memory:", lastBody)
        }
    }

    private static func openOnce(_ path: String, _ lastBody: Int64) throws -> SearchFile {
        let connection = try Connection(path: path, mode: .writer)
        try connection.execute("PRAGMA synchronous=NORMAL")
        try connection.execute("PRAGMA wal_autocheckpoint=1000")
        try connection.execute("PRAGMA cache_size=-4096")
        // What is deleted is overwritten: words of removed messages leave the disk.
        try connection.execute("PRAGMA secure_delete=ON")
        let found = try connection.number("PRAGMA user_version") ?? 0
        if found == 0 {
            try connection.execute("BEGIN IMMEDIATE")
            try connection.execute(schema)
            try connection.execute("PRAGMA user_version=\(version)")
            try connection.execute("COMMIT")
        } else if found != version {
            throw StorageFault.unavailable("it is of version \(found)")
        }
        guard try connection.number("SELECT max(highest) FROM segment") ?? 0 <= lastBody else {
            throw StorageFault.corrupt("it knows bodies that the store does not")
        }
        try connection.execute("DELETE FROM block WHERE id>>24 IN (SELECT id FROM segment WHERE ready=0)")
        try connection.execute("DELETE FROM segment WHERE ready=0")
        let file = SearchFile(connection)
        // Read now, for what cannot be read is thrown away now.
        _ = try file.segments()
        for key in ["mark", "purged"] {
            guard let number = try file.number(key) else { continue }
            guard IndexRange.octets.contains(number) || key == "mark" && number < 0 && number > -IndexRange.octets.upperBound else {
                throw StorageFault.corrupt("\(key): \(number)")
            }
        }
        return file
    }

    /// For queries.
    static func reader(_ path: String) throws -> SearchFile {
        let file = SearchFile(try Connection(path: path, mode: .reader))
        try file.connection.execute("PRAGMA cache_size=-1024")
        return file
    }

    func segments() throws -> [SegmentRecord] {
        let rows = try connection.prepare("SELECT id, account, bodies, lowest, highest, blocks FROM segment WHERE ready=1 ORDER BY lowest, id")
        defer { rows.reset() }
        var found: [SegmentRecord] = []
        while try rows.step() {
            for (column, range) in [IndexRange.segment, IndexRange.id, IndexRange.size, IndexRange.id, IndexRange.id, IndexRange.block].enumerated() {
                _ = try rows.int(Int32(column), within: range, "segment of words \(rows.int(0)), column \(column)")
            }
            found.append(
                SegmentRecord(
                    id: rows.int(0), account: AccountID(rawValue: rows.int(1)), count: Int(rows.int(2)), lowest: BodyID(rawValue: rows.int(3)),
                    highest: BodyID(rawValue: rows.int(4)), blocks: Int(rows.int(5))))
        }
        return found
    }

    /// `noSuchMessage` when the segment is there no more: it was merged meanwhile.
    func head(of segment: SegmentRecord, _ key: SymmetricKey) throws -> SegmentHead {
        let rows = try connection.prepare("SELECT head FROM segment WHERE id=?")
        try rows.bind([.int(segment.id)])
        defer { rows.reset() }
        guard try rows.step() else { throw StorageFault.noSuchMessage }
        return try SegmentHead(decoding: Array(try Seal.open(rows.blob(0), under: key, as: segment.label(.searchHead))))
    }

    func words(_ block: Int, of segment: SegmentRecord, _ key: SymmetricKey) throws -> [UInt8] {
        try part("words", block, segment, key, .searchWords)
    }

    func postings(_ block: Int, of segment: SegmentRecord, _ key: SymmetricKey) throws -> [UInt8] {
        try part("postings", block, segment, key, .searchPostings)
    }

    private func part(_ column: String, _ block: Int, _ segment: SegmentRecord, _ key: SymmetricKey, _ kind: Label.Kind) throws -> [UInt8] {
        let rows = try connection.prepare("SELECT \(column) FROM block WHERE id=?")
        try rows.bind([.int(segment.id << 24 | Int64(block))])
        defer { rows.reset() }
        guard try rows.step() else { throw StorageFault.noSuchMessage }
        return Array(try Seal.open(rows.blob(0), under: key, as: segment.label(kind, block)))
    }

    /// Within a transaction of the caller's.
    func remove(_ segment: Int64) throws {
        try connection.run("DELETE FROM block WHERE id>=? AND id<?", .int(segment << 24), .int((segment + 1) << 24))
        try connection.run("DELETE FROM segment WHERE id=?", .int(segment))
    }

    func number(_ key: String) throws -> Int64? { try connection.number("SELECT value FROM meta WHERE key=?", .text(key)) }

    func set(_ key: String, _ value: Int64) throws {
        try connection.run("INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value", .text(key), .int(value))
    }
}

extension SegmentRecord {
    func label(_ kind: Label.Kind, _ block: Int = 0) -> Label {
        Label(kind: kind, id: id, account: account.rawValue, chunk: UInt64(block))
    }
}
