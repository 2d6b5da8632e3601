import Glibc
import Logging
import MailModel
import Storage

/// Brings an index of an earlier schema to today's, at start, before anybody uses it.
///
/// What is changed is always a copy, which takes the index's place in one step when it is whole and durable; a start that is interrupted begins again. The index
/// as it was is kept beside it as `index.db.schema-N` until `martlet store confirm`, or until an account is removed, for it holds that account's key.
struct Migration {
    private let folder: String
    private let file: IndexFile
    private let log: Logger
    private var working: String { file.path + ".migrating" }
    private var sealed: String { file.path + ".sealing" }

    static let keptPrefix = IndexFile.name + ".schema-"

    init(_ folder: String, _ file: IndexFile, _ log: Logger) {
        self.folder = folder
        self.file = file
        self.log = log
    }

    /// The index, made where there is none, of today's schema. `generation`: the highest schema that the master key's file has seen; an older index is one
    /// that was put back, and is refused unless `acceptsOlder`.
    func open(_ state: IndexState, generation: Int, acceptsOlder: Bool) throws -> Connection {
        for path in [working, sealed] { for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) } }
        guard state != .new else { return try make() }
        let connection = try state == .sealed ? file.connect(.writer) : Connection(path: file.path, mode: .writer)
        do {
            let found = Int(clamping: try connection.number("PRAGMA user_version") ?? 0)
            try Migration.check(found, generation, acceptsOlder)
            guard (found > Schema.lastPlain) == (state == .sealed) else {
                throw StorageFault.corrupt("the index says that it is of schema \(found), which has \(state == .sealed ? "no" : "") sealed pages")
            }
            if found == Schema.version { return connection }
            try migrate(connection, from: found)
        } catch {
            connection.close()
            throw error
        }
        connection.close()
        // Pages of the file that it was read from are kept still.
        file.vfs.forgetPages()
        return try file.connect(.writer)
    }

    private static func check(_ found: Int, _ generation: Int, _ acceptsOlder: Bool) throws {
        guard found <= Schema.version else {
            throw StorageFault.unavailable("the data folder was written by a newer version (schema \(found), this program knows \(Schema.version))")
        }
        guard found >= generation || acceptsOlder else {
            throw StorageFault.corrupt(
                "the index is of schema \(found), but this folder was of schema \(generation) already: an older index was put in its place. "
                    + "If that is what you want, `martlet store confirm --older-index`")
        }
    }

    private func make() throws -> Connection {
        let connection = try file.connect(.writer)
        try Disk.syncFolder(folder)
        try Schema.make(connection)
        return connection
    }

    private func migrate(_ old: Connection, from found: Int) throws {
        try old.checkpoint(truncate: true)
        try requireRoom()
        log.notice("The index is brought from schema \(found) to \(Schema.version)")
        let vfs = try IndexVFS(file.tags)
        if found <= Schema.lastPlain { try seal(old, from: found, vfs) } else { try Disk.copy(file.path, to: sealed) }
        let fresh = try Connection(path: sealed, mode: .writer, vfs: vfs)
        defer { fresh.close() }
        try fresh.execute("BEGIN IMMEDIATE")
        for step in Schema.sealedSteps[max(0, found - Schema.firstSealed)...] { try fresh.execute(step) }
        try fresh.execute("PRAGMA user_version=\(Schema.version)")
        try fresh.execute("COMMIT")
        try fresh.checkpoint(truncate: true)
        try Migration.compare(old, fresh)
        fresh.close()
        try replace(schema: found)
        log.notice("The index is of schema \(Schema.version) now; the one of before is kept until `martlet store confirm`")
    }

    /// From pages without trailers to pages with them.
    private func seal(_ old: Connection, from found: Int, _ vfs: IndexVFS) throws {
        var source = old
        if found < Schema.lastPlain {
            try Disk.copy(file.path, to: working)
            source = try Connection(path: working, mode: .writer)
            try source.execute("BEGIN IMMEDIATE")
            for step in Schema.steps[found...] { try source.execute(step) }
            try source.execute("COMMIT")
        }
        try source.vacuum(into: sealed, vfs)
        guard source !== old else { return }
        source.close()
        for suffix in ["", "-wal", "-shm"] { unlink(working + suffix) }
    }

    /// The tables that no step touches have as many rows as before. One that is damaged, so that its rows cannot be counted, is as it was.
    private static func compare(_ old: Connection, _ new: Connection) throws {
        for table in ["account", "mailbox", "message", "subscription", "change"] {
            let count = "SELECT count(*) FROM \(table)"
            let before: Int64?
            do { before = try old.number(count) } catch StorageFault.corrupt { continue }
            guard try before == new.number(count) else { throw StorageFault.corrupt("table \(table) would lose rows in the migration") }
        }
    }

    private func requireRoom() throws {
        var facts = stat()
        guard stat(file.path, &facts) == 0 else { throw Disk.fault("open", file.path) }
        let needed = Int64(facts.st_size) * 2 + 16 << 20
        let free = Disk.free(at: folder)
        guard free >= needed else {
            throw StorageFault.unavailable(
                "the index must be brought to schema \(Schema.version), for which \(needed) octets of disk must be free; \(free) are")
        }
    }

    /// Keeps the old file under another name, then puts the new one in its place.
    private func replace(schema: Int) throws {
        let kept = try freeName("\(folder)/\(Migration.keptPrefix)\(schema)")
        if let kept, link(file.path, kept) != 0 { throw Disk.fault("link", kept) }
        try Disk.syncFolder(folder)
        let fd = try Disk.open(sealed, O_RDONLY)
        defer { close(fd) }
        guard fsync(fd) == 0 else { throw Disk.fault("fsync", sealed) }
        guard rename(sealed, file.path) == 0 else { throw Disk.fault("rename", sealed) }
        for suffix in ["-wal", "-shm"] {
            unlink(file.path + suffix)
            unlink(sealed + suffix)
        }
        try Disk.syncFolder(folder)
    }

    /// Nil when an interrupted start has kept this very file already.
    private func freeName(_ path: String) throws -> String? {
        var own = stat()
        guard stat(file.path, &own) == 0 else { throw Disk.fault("open", file.path) }
        for number in 1...1_000 {
            let name = number == 1 ? path : "\(path).\(number)"
            var there = stat()
            guard stat(name, &there) == 0 else { return name }
            if there.st_ino == own.st_ino { return nil }
        }
        throw StorageFault.unavailable("\(folder) is full of kept indexes")
    }

    /// Files that are kept from before migrations.
    static func kept(in folder: String) -> [String] { Disk.names(in: folder).filter { $0.hasPrefix(keptPrefix) }.sorted() }
}
