import CIndexFile
import CSQLite
import Storage

/// One SQLite connection, used by one thread at a time. Statements are prepared once and kept.
final class Connection {
    private var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]
    /// What the WAL held after this connection's last commit, in frames of a page each.
    private(set) var framesInWAL = 0

    /// SQLITE_IOERR_DATA, as the VFS says it of a page whose trailer is not its own.
    private static let damagedPage = SQLITE_IOERR | 32 << 8

    enum Mode {
        case writer
        case reader
    }

    /// Of a database whose pages are sealed.
    private let vfs: IndexVFS?

    /// `unavailable` when the file cannot be opened. With `vfs` the pages are sealed, and what a commit adds to the WAL is written in one call; a database that
    /// is made is made for that.
    init(path: String, mode: Mode, vfs: IndexVFS? = nil) throws {
        self.vfs = vfs
        let flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | (mode == .reader ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        let code = if let vfs { vfs.withName { sqlite3_open_v2(path, &handle, flags, $0) } } else { sqlite3_open_v2(path, &handle, flags, nil) }
        guard code == SQLITE_OK else {
            let text = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(handle)
            throw StorageFault.unavailable("open \(path): \(text)")
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 10_000)
        if vfs != nil {
            if mode != .reader { try reserveTrailers() }
            // The last connection to close leaves the WAL there, so that one that is not there is known to be missing.
            var persists: Int32 = 1
            sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists)
        }
        switch mode {
        case .writer:
            try execute("PRAGMA journal_mode=WAL")
            // The default NORMAL would not sync the WAL at COMMIT, and a 250 would lie.
            try execute("PRAGMA synchronous=FULL")
            try execute("PRAGMA wal_autocheckpoint=0")
            try execute("PRAGMA foreign_keys=OFF")
            try execute("PRAGMA cache_size=-16384")
            // The connection closes the handle before it goes, and with it the hook.
            sqlite3_wal_hook(
                handle,
                { context, _, _, frames in
                    if let context { Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue().framesInWAL = Int(frames) }
                    return SQLITE_OK
                }, Unmanaged.passUnretained(self).toOpaque())
        case .reader:
            try execute("PRAGMA query_only=ON")
            try execute("PRAGMA cache_size=-4096")
        }
        try execute("PRAGMA temp_store=MEMORY")
    }

    /// Writes all of it into a new database at `path`, whose pages are sealed.
    func vacuum(into path: String, _ vfs: IndexVFS) throws {
        try reserveTrailers()
        let escaped = path.utf8.map { octet in
            octet == UInt8(ascii: "/") || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-") || octet == UInt8(ascii: "_")
                || (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
                ? String(UnicodeScalar(octet)) : "%" + (octet < 16 ? "0" : "") + String(octet, radix: 16)
        }.joined()
        let name = vfs.withName { $0.map { String(cString: $0) } ?? "" }
        let statement = try prepare("VACUUM INTO ?")
        try statement.bind([.text("file:\(escaped)?vfs=\(name)")])
        try statement.run()
    }

    /// Has a database that is made leave room for the trailers of pages.
    private func reserveTrailers() throws {
        // In this order: a page size makes SQLite forget what is reserved.
        try execute("PRAGMA page_size=\(CINDEXFILE_PAGE)")
        var octets = CINDEXFILE_TRAILER
        guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &octets) == SQLITE_OK else { throw fault("reserve") }
    }

    func close() {
        statements.removeAll()
        sqlite3_close_v2(handle)
        handle = nil
    }

    deinit { close() }

    func execute(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw fault(sql) }
    }

    /// The prepared statement, reset and with nothing bound.
    func prepare(_ sql: String) throws -> Statement {
        if let known = statements[sql] {
            known.reset()
            return known
        }
        var raw: OpaquePointer?
        guard sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &raw, nil) == SQLITE_OK, let raw else { throw fault(sql) }
        let statement = Statement(raw, of: self, sql: sql)
        statements[sql] = statement
        return statement
    }

    /// Runs a statement that gives no rows.
    func run(_ sql: String, _ values: SQLValue...) throws {
        let statement = try prepare(sql)
        try statement.bind(values)
        _ = try statement.step()
        statement.reset()
    }

    /// The first column of the first row as a number.
    func number(_ sql: String, _ values: SQLValue...) throws -> Int64? {
        let statement = try prepare(sql)
        try statement.bind(values)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return statement.int(0)
    }

    func fault(_ what: String) -> StorageFault {
        let code = sqlite3_extended_errcode(handle)
        if code & 0xFF == SQLITE_FULL { return .full }
        let text = String(cString: sqlite3_errmsg(handle))
        if code & 0xFF == SQLITE_CORRUPT || code & 0xFF == SQLITE_NOTADB { return .corrupt("SQLite: \(text)") }
        if code == Connection.damagedPage { return .corrupt("a page of the index is not what was stored (\(what.prefix(60)))") }
        return .unavailable("SQLite \(code): \(text) (\(what.prefix(60)))")
    }

    /// Copies WAL pages into the database file; how many frames of the WAL are in it now. `truncate` also empties the WAL, and waits for readers.
    @discardableResult
    func checkpoint(truncate: Bool) throws -> Int {
        let mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        var copied: Int32 = 0
        let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, nil, &copied)
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw fault("checkpoint") }
        if truncate, code == SQLITE_OK { framesInWAL = 0 }
        return max(0, Int(copied))
    }

    var changes: Int { Int(sqlite3_changes(handle)) }
}

enum SQLValue {
    case int(Int64)
    case text(String)
    case blob([UInt8])
    case null
}

/// A prepared statement; parameters are numbered from 1, columns from 0.
final class Statement {
    private let raw: OpaquePointer
    private unowned let connection: Connection
    private let sql: String

    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    fileprivate init(_ raw: OpaquePointer, of connection: Connection, sql: String) {
        self.raw = raw
        self.connection = connection
        self.sql = sql
    }

    deinit { sqlite3_finalize(raw) }

    func reset() {
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
    }

    func bind(_ values: [SQLValue]) throws {
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
    }

    private func bind(_ value: SQLValue, at index: Int32) throws {
        let code: Int32
        switch value {
        case .int(let number): code = sqlite3_bind_int64(raw, index, number)
        case .text(let text): code = sqlite3_bind_text(raw, index, text, Int32(text.utf8.count), Statement.transient)
        case .blob(let bytes):
            code = bytes.isEmpty ? sqlite3_bind_zeroblob(raw, index, 0) : sqlite3_bind_blob(raw, index, bytes, Int32(bytes.count), Statement.transient)
        case .null: code = sqlite3_bind_null(raw, index)
        }
        guard code == SQLITE_OK else { throw connection.fault(sql) }
    }

    /// Binds a parameter of a statement that runs many times; others keep their values.
    func set(_ value: Int64, at index: Int32) { sqlite3_bind_int64(raw, index, value) }

    /// Runs it, with what is bound, for its effect.
    func run() throws {
        guard sqlite3_step(raw) == SQLITE_DONE else {
            let fault = connection.fault(sql)
            sqlite3_reset(raw)
            throw fault
        }
        sqlite3_reset(raw)
    }

    /// Whether there is a (further) row.
    func step() throws -> Bool {
        switch sqlite3_step(raw) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let fault = connection.fault(sql)
            sqlite3_reset(raw)
            throw fault
        }
    }

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(raw, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(raw, column) == SQLITE_NULL }
    func text(_ column: Int32) -> String { sqlite3_column_text(raw, column).map { String(cString: $0) } ?? "" }

    /// The column's octets where SQLite has them, until the next step.
    func withBlob<Value>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        let count = Int(sqlite3_column_bytes(raw, column))
        return try body(UnsafeRawBufferPointer(start: sqlite3_column_blob(raw, column), count: count))
    }

    func blob(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(raw, column))
        guard count > 0, let bytes = sqlite3_column_blob(raw, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
