import Glibc
import Logging
import MailModel
import Storage

/// What was amiss when a store was opened, for as long as it is open.
struct OpeningFindings: Sendable {
    /// One line each.
    let faults: [String]
    /// What need not be damage.
    let notes: [String]
    /// Records of bodies that the index does not know.
    let unknownRecords: Int
    /// Segments that have such.
    let segmentsKept: Set<Int64>
}

/// An index that is open, with what its opening found amiss.
struct Opening {
    let connection: Connection
    let audit: BodyAudit
    /// What of the index itself is lost, one line each.
    private(set) var losses: [String] = []
    private var notes: [String] = []

    /// Bodies, UIDs and changes of which a lost part of the WAL may have told: so many are not given again. A WAL is 64 MiB at most.
    private static let gap: Int64 = 1 << 21
    private static let running = "running"

    /// Nothing is changed before it is certain that there is an index, whole enough to be opened, or that none is needed.
    init(_ folder: String, _ file: IndexFile, _ bodies: () throws -> BodyFolder, _ options: SQLiteStore.Options, _ log: Logger) throws {
        let aside = AsideFolder(in: folder)
        let state = try IndexState.examine(folder, file.tags)
        let wal = file.path + "-wal"
        let report = state == .new ? WALReport(verdict: .whole) : try WALReport.inspect(wal, state == .sealed ? file.tags : nil)
        if case .damaged(let what) = report.verdict {
            let name = try aside.copy(IndexFile.name + "-wal", from: folder)
            losses.append("the WAL is damaged (\(what)): changes that were answered are lost; it is kept as aside/\(name); see `martlet store recover`")
        }
        if report.verdict == .torn {
            // Nobody can tell these two apart: one transaction is under way at a time, and of the last there is nothing behind it.
            notes.append("the last transaction in the WAL was not whole at the start: it was being written when the machine stopped, or is damaged")
            log.warning("The last transaction in the WAL is not whole: it was being written when the machine stopped, or is damaged")
        }
        // Whoever has the folder's lock is alone: what the WAL has is read from the WAL and not from what somebody says of it.
        if state == .sealed, unlink(file.path + "-shm") != 0, errno != ENOENT { throw Disk.fault("unlink", file.path + "-shm") }
        connection = try Migration(folder, file, log).open(state, generation: options.generation, acceptsOlder: options.acceptsOlderIndex)
        if report.verdict == .missing, try connection.number("SELECT 1 FROM meta WHERE key=?", .text(Opening.running)) != nil {
            try aside.note(AsideFolder.missingWAL, "The server had been running on this folder, and \(wal) was not there at the next start.")
            losses.append("the WAL is missing: changes that were answered may be lost; see `martlet store recover`")
        }
        for loss in losses { log.error("\(loss)") }
        if !losses.isEmpty, try connection.number("SELECT 1 FROM account LIMIT 1") == nil {
            throw StorageFault.corrupt("the index has no accounts without its WAL, which is lost; \(IndexState.advice)")
        }
        audit = try BodyAudit(connection, try bodies(), aside, log)
        try begin()
    }

    /// What cannot do without what is damaged says what to do.
    static func advised<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch StorageFault.corrupt(let reason) where !reason.contains("martlet store") {
            throw StorageFault.corrupt("the index is damaged where nothing can do without it: \(reason); \(IndexState.advice)")
        }
    }

    /// Notes that the index is in use, in the database itself, so that a WAL that is missing is missed.
    private func begin() throws {
        try connection.execute("BEGIN IMMEDIATE")
        try connection.run("INSERT OR REPLACE INTO meta VALUES (?, 1)", .text(Opening.running))
        if audit.lastBody > 0 || !losses.isEmpty { try raise("last-body", to: audit.lastBody + (losses.isEmpty ? 0 : Opening.gap)) }
        if !losses.isEmpty { try leaveGap() }
        try connection.execute("COMMIT")
        try connection.checkpoint(truncate: false)
    }

    private func raise(_ key: String, to value: Int64) throws {
        let known = try connection.number("SELECT max(id) FROM body") ?? 0
        try connection.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)",
            .text(key), .int(max(value, losses.isEmpty ? value : known &+ Opening.gap)))
    }

    /// What was lost may have given UIDs and ModSeqs that clients have seen: they are not given to anything else (RFC 9051 §2.3.1.1, RFC 7162 §3.1.1).
    private func leaveGap() throws {
        let gap = SQLValue.int(Opening.gap)
        try connection.run("UPDATE account SET mod_seq=mod_seq+?", gap)
        try connection.run(
            "UPDATE mailbox SET uid_next=CASE uid_next WHEN 0 THEN 0 ELSE min(uid_next+?, 4294967295) END, "
                + "mod_seq=coalesce((SELECT account.mod_seq FROM account WHERE account.id=mailbox.account), mod_seq)", gap)
    }

    var findings: OpeningFindings {
        OpeningFindings(faults: losses + audit.faults, notes: notes, unknownRecords: audit.unknownRecords, segmentsKept: audit.segmentsKept)
    }

    /// The index is not in use any more; the last thing that is written to it.
    static func end(_ connection: Connection) throws { try connection.run("DELETE FROM meta WHERE key=?", .text(running)) }
}
