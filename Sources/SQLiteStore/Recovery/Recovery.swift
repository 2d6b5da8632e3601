import Crypto
import FoundationEssentials
import Glibc
import Logging
package import MailModel
import MessageFormat
import NIOCore
import Storage

/// Brings back what the index lacks, from the sealed catalogue, the accounts' keys and the records of bodies. Nothing is overwritten: an index that cannot be
/// read is set aside, and everything it gets is one transaction, so that recovery can be cut off at any point and begun again.
///
/// A dry run does the same upon a copy of the index in a folder of its own, and touches nothing.
final class Recovery {
    struct Missing {
        let mailbox: MailboxID
        let account: AccountID
        let row: CatalogueRow
    }

    let path: String
    let master: MasterKey
    let apply: Bool
    let now: Timestamp
    let bodies: BodyFolder
    let keys: KeyFolder
    let catalogue: RecoveryCatalogue?
    var report = RecoveryReport()
    /// Keys of the accounts, whether or not the index has them.
    var accountKeys: [AccountID: (key: SymmetricKey, sealed: [UInt8], name: AccountName?)] = [:]
    var lines: [AccountID: RecoveryReport.Account] = [:]
    /// Later holders, by body.
    var later: [Int64: [HolderBlock.Holder]] = [:]
    /// Accounts that a record names.
    var named: Set<AccountID> = []
    /// Rows of the catalogue that the index lacks, by body.
    var missing: [Int64: [Missing]] = [:]
    var touched: Set<MailboxID> = []
    /// Bodies of the index that more messages hold than it says.
    var regained: Set<Int64> = []
    var modSeqs: [AccountID: ModSeq] = [:]
    var recoveredMailboxes: [AccountID: MailboxID] = [:]
    var restoredUIDs: [MailboxID: NumberSet] = [:]
    var lacksUIDs: [AccountID: Bool] = [:]
    var indexed: [Int64: Int64] = [:]
    var lastBody: Int64 = 0
    /// Files set aside of which everything is in the index now.
    var finished: [String] = []
    let progress: (String) -> Void

    /// UIDs that are passed over in a mailbox that was made anew, for messages that came after the catalogue and were told to clients.
    static let uidGap: UInt32 = 1 << 16
    static let modSeqGap: UInt64 = 1 << 20

    init(_ path: String, _ master: MasterKey, apply: Bool, now: Timestamp, progress: @escaping (String) -> Void) throws {
        (self.path, self.master, self.apply, self.now, self.progress) = (path, master, apply, now, progress)
        bodies = BodyFolder(existingIn: path)
        keys = KeyFolder(in: path)
        catalogue = try RecoveryCatalogue(path, master)
    }

    func run() throws -> RecoveryReport {
        let workshop = try Workshop(beside: path)
        defer { workshop.remove() }
        for id in keys.accounts() {
            guard let file = try keys.read(id), let key = try? file.open(master) else {
                report.note("the key of account \(id.rawValue) in \(keys.file(id)) does not open")
                continue
            }
            accountKeys[id] = (key, file.sealedKey, try? file.name(key))
        }
        report.catalogue = catalogue?.summary.written.description
        let reason = try workshop.reasonToMakeAnew(path, self)
        let target: String
        if let reason {
            report.index = catalogue == nil ? .fromKeys : .fromCatalogue
            report.reason = reason
            guard catalogue != nil || !accountKeys.isEmpty else {
                throw StorageFault.unavailable("neither a catalogue nor a key of an account opens: there is nothing to recover from (\(reason))")
            }
            target = apply ? path + "/index.db.new" : workshop.path + "/new.db"
            for suffix in ["", "-wal", "-shm"] { unlink(target + suffix) }
        } else {
            target = apply ? path + "/index.db" : workshop.index
        }
        let connection = try Connection(path: target, mode: .gathering)
        defer { connection.close() }
        try Schema.migrate(connection)
        try Loading.checkKey(connection, master, isNew: reason != nil)
        try restore(connection, isNew: reason != nil)
        connection.close()
        if apply { try finish(madeAnew: reason != nil, target) }
        report.accounts = lines.sorted { $0.key < $1.key }.map(\.value)
        report.isApplied = apply
        return report
    }

    private func restore(_ connection: Connection, isNew: Bool) throws {
        try findHolders()
        try makeAccounts(connection, isNew: isNew)
        let state = try Loading.state(connection, master)
        for (id, entry) in state.accounts {
            if lines[id] == nil { lines[id] = RecoveryReport.Account(name: entry.record.name.description) }
            if accountKeys[id] == nil { accountKeys[id] = (entry.key, [], entry.record.name) }
        }
        let catalog = Catalog(state)
        let transaction = Transaction(connection, catalog: catalog, ledger: Ledger(try LedgerRecord.load(connection)), epoch: 1, now: now)
        do {
            try countInPlace(transaction)
            try makeFirstMailboxes(transaction)
            try findMissingRows(transaction, isNew: isNew)
            try restoreRowsOfKnownBodies(transaction, isNew: isNew)
            try readRecords(transaction, isNew: isNew)
            for rows in missing.values { for row in rows { lines[row.account]?.lost += 1 } }
            try settle(transaction, isNew: isNew)
            try transaction.commit()
        } catch {
            transaction.rollback()
            throw error
        }
        try connection.checkpoint(truncate: true)
    }

    /// The old index goes aside, the new one takes its place; files that were set aside and are in the index now are marked.
    private func finish(madeAnew: Bool, _ target: String) throws {
        let aside = path + "/aside"
        if madeAnew {
            try Disk.makeFolder(aside)
            for name in ["index.db", "index.db-wal", "index.db-shm"] where access(path + "/" + name, F_OK) == 0 {
                var (number, free) = (1, aside + "/" + name)
                while access(free, F_OK) == 0 {
                    number += 1
                    free = "\(aside)/\(name).\(number)"
                }
                guard rename(path + "/" + name, free) == 0 else { throw Disk.fault("rename", free) }
            }
            try Disk.syncFolder(aside)
            for suffix in ["-wal", "-shm"] { unlink(target + suffix) }
            guard rename(target, path + "/index.db") == 0 else { throw Disk.fault("rename", target) }
            try Disk.syncFolder(path)
        }
        for file in finished {
            guard rename(file, file + ".recovered") == 0 else { throw Disk.fault("rename", file) }
        }
        if !finished.isEmpty { try Disk.syncFolder(aside) }
    }
}

/// A folder beside the data folder, where a copy of the index is looked at.
private struct Workshop {
    let path: String
    var index: String { path + "/index.db" }

    init(beside folder: String) throws {
        let pattern = folder + ".recover-" + String(repeating: "X", count: 6)
        var template = Array(pattern.utf8CString)
        guard let made = mkdtemp(&template) else { throw Disk.fault("mkdtemp", pattern) }
        path = String(cString: made)
    }

    func remove() {
        for name in Disk.names(in: path) { unlink(path + "/" + name) }
        rmdir(path)
    }

    /// Nil when the index can be used; otherwise why not. Throws what recovery cannot mend: another key, a newer program.
    func reasonToMakeAnew(_ folder: String, _ recovery: Recovery) throws -> String? {
        guard access(folder + "/index.db", F_OK) == 0 else { return "there is no index.db" }
        for suffix in ["", "-wal"] where access(folder + "/index.db" + suffix, F_OK) == 0 {
            try Disk.copy(folder + "/index.db" + suffix, to: index + suffix)
        }
        do {
            let connection = try Connection(path: index, mode: .gathering)
            defer { connection.close() }
            let found = Int(try connection.number("PRAGMA user_version") ?? 0)
            guard found <= Schema.version else {
                throw NewerProgram(description: "the data folder was written by a newer version (schema \(found), this program knows \(Schema.version))")
            }
            guard found > 0 else { return "index.db is empty" }
            let check = try connection.prepare("PRAGMA quick_check(1)")
            guard try check.step(), check.text(0) == "ok" else { return "index.db is damaged: \(check.text(0))" }
            check.reset()
            try Schema.migrate(connection)
            do {
                try Loading.checkKey(connection, recovery.master, isNew: false)
            } catch {
                guard recovery.catalogue == nil, recovery.accountKeys.isEmpty else { return "index.db is damaged: \(error)" }
                throw NewerProgram(description: "the master key is not the one this store was made with")
            }
            let state = try Loading.state(connection, recovery.master)
            let isKnown = recovery.catalogue?.accounts.isEmpty == false || !recovery.accountKeys.isEmpty
            return state.accounts.isEmpty && isKnown ? "index.db knows no accounts" : nil
        } catch let fault as NewerProgram {
            throw StorageFault.unavailable(fault.description)
        } catch {
            return "index.db cannot be read: \(error)"
        }
    }

    private struct NewerProgram: Error { let description: String }
}

extension Disk {
    /// A new file with the octets of another.
    static func copy(_ path: String, to target: String) throws {
        let source = try open(path, O_RDONLY)
        defer { close(source) }
        let fd = try open(target, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(fd) }
        let size = size(of: source)
        var position: Int64 = 0
        while position < size {
            let piece = try read(Int(min(size - position, 1 << 20)), from: source, at: position, path: path)
            try piece.withUnsafeReadableBytes { try writeAll($0, to: fd, at: position, path: target) }
            position += Int64(piece.readableBytes)
        }
        guard fsync(fd) == 0 else { throw fault("fsync", target) }
    }
}

extension BodyFolder {
    /// The folders as they are, which may not be there.
    init(existingIn folder: String) {
        segments = folder + "/segments"
        large = folder + "/large"
    }
}

extension SQLiteStore {
    /// Brings back what can be in a data folder that nobody has open; with `apply` false it only says what it would do, and changes nothing. Blocks.
    package static func recover(
        _ path: String, masterKey: MasterKey, apply: Bool, now: Timestamp, progress: @escaping (String) -> Void
    ) throws -> RecoveryReport {
        try Recovery(path, masterKey, apply: apply, now: now, progress: progress).run()
    }
}
