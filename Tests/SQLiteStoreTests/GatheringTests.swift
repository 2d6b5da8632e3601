import Glibc
import Testing

@testable import SQLiteStore

@Suite("The WAL is written in few calls, and says the same")
struct GatheringTests {
    private let fixture: Fixture
    private let path: String

    init() throws {
        fixture = try Fixture()
        path = fixture.folder + "/index.db"
    }

    private func open() throws -> Connection {
        let connection = try fixture.connect()
        try connection.execute("CREATE TABLE IF NOT EXISTS text (id INTEGER PRIMARY KEY, octets BLOB)")
        return connection
    }

    /// Rows of 3,000 octets, each of its own number.
    private func write(_ range: Range<Int>, with connection: Connection) throws {
        for id in range {
            let octet = UInt8(truncatingIfNeeded: id)
            try connection.run("INSERT OR REPLACE INTO text VALUES (?,?)", .int(Int64(id)), .blob([UInt8](repeating: octet, count: 3_000)))
        }
    }

    private func check(_ ids: Set<Int>, with connection: Connection) throws {
        let statement = try connection.prepare("SELECT id, octets FROM text")
        var found: Set<Int> = []
        while try statement.step() {
            let id = Int(statement.int(0))
            #expect(statement.blob(1) == [UInt8](repeating: UInt8(truncatingIfNeeded: id), count: 3_000))
            found.insert(id)
        }
        statement.reset()
        #expect(found == ids)
        let integrity = try connection.prepare("PRAGMA integrity_check")
        #expect(try integrity.step())
        #expect(integrity.text(0) == "ok")
        integrity.reset()
    }

    @Test("transactions smaller and larger than the gathered piece, seen by others once they are committed, and after the connection is gone")
    func commits() throws {
        let writer = try open()
        let reader = try fixture.connect(.reader)
        try check([], with: reader)
        var all: Set<Int> = []
        for (round, size) in [1, 5, 28, 29, 30, 31, 400, 1].enumerated() {
            let range = round * 1_000..<round * 1_000 + size
            try writer.execute("BEGIN IMMEDIATE")
            try write(range, with: writer)
            try check(all, with: reader)
            try writer.execute("COMMIT")
            all.formUnion(range)
            try check(all, with: reader)
        }
        writer.close()
        reader.close()
        try check(all, with: try open())
    }

    @Test("what a transaction spills is read back by itself alone, and a rollback leaves nothing of it")
    func spills() throws {
        let writer = try open()
        try writer.execute("PRAGMA cache_size=20")
        let reader = try fixture.connect(.reader)
        try write(0..<10, with: writer)
        try writer.execute("BEGIN IMMEDIATE")
        try write(5..<500, with: writer)
        try check(Set(0..<500), with: writer)
        try check(Set(0..<10), with: reader)
        try writer.execute("ROLLBACK")
        try check(Set(0..<10), with: writer)
        try write(10..<12, with: writer)
        try check(Set(0..<12), with: reader)
        writer.close()
        try check(Set(0..<12), with: try open())
    }

    @Test("what another process finds after a crash ends with a commit")
    func crash() throws {
        let writer = try open()
        try write(0..<50, with: writer)
        try writer.execute("BEGIN IMMEDIATE")
        try write(50..<300, with: writer)
        // As the disk is in the middle of the transaction.
        let other = try Fixture()
        let copy = other.folder + "/index.db"
        for suffix in ["", "-wal"] {
            let fd = try Disk.open(path + suffix, O_RDONLY)
            defer { close(fd) }
            let octets = try Disk.read(Int(Disk.size(of: fd)), from: fd, at: 0, path: path)
            let out = try Disk.open(copy + suffix, O_RDWR | O_CREAT)
            defer { close(out) }
            try octets.withUnsafeReadableBytes { try Disk.writeAll($0, to: out, at: 0, path: copy) }
        }
        try check(Set(0..<50), with: try other.connect())
        try writer.execute("COMMIT")
        try check(Set(0..<300), with: writer)
    }
}
