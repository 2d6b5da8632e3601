import Crypto
import FoundationEssentials
import Glibc
package import Logging
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
        let further: FurtherKeywords
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
    var queueKeys: [UInt32: QueueKey] = [:]
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
    let log: Logger
    let generation: Int

    /// UIDs that are passed over in a mailbox that was made anew, for messages that came after the catalogue and were told to clients.
    static let uidGap: UInt32 = 1 << 16
    static let modSeqGap: UInt64 = 1 << 20

    init(_ path: String, _ master: MasterKey, apply: Bool, generation: Int, now: Timestamp, log: Logger, progress: @escaping (String) -> Void) throws {
        self.log = log
        self.generation = generation
        (self.path, self.master, self.apply, self.now, self.progress) = (path, master, apply, now, progress)
        bodies = BodyFolder(existingIn: path)
        keys = KeyFolder(in: path)
        catalogue = try RecoveryCatalogue(path, master)
    }

    func run() throws -> RecoveryReport {
        let workshop = try Workshop(beside: path)
        defer { workshop.remove() }
        for id in keys.accounts() {
            // try?: it is told below.
            guard let file = try keys.read(id), let key = try? file.open(master) else {
                report.note("the key of account \(id.rawValue) in \(keys.file(id)) does not open")
                continue
            }
            // try?: one without a name gets it from the catalogue, or none.
            accountKeys[id] = (key, file.sealedKey, try? file.name(key))
        }
        readQueueKeys()
        report.catalogue = catalogue?.summary.written.description
        let reason = try workshop.reasonToMakeAnew(path, self)
        let target = apply ? path + "/index.db.new" : workshop.path + "/new.db"
        let connection: Connection
        if let reason {
            report.index = catalogue == nil ? .fromKeys : .fromCatalogue
            report.reason = reason
            guard catalogue != nil || !accountKeys.isEmpty else {
                throw StorageFault.unavailable("neither a catalogue nor a key of an account opens: there is nothing to recover from (\(reason))")
            }
            for suffix in ["", "-wal", "-shm"] { unlink(target + suffix) }
            connection = try Connection(path: target, mode: .writer, vfs: try IndexVFS(PageTags(master, log: log)))
            try Schema.make(connection)
        } else if apply {
            connection = try begin()
        } else {
            connection = try workshop.open(self)
        }
        defer { connection.close() }
        try Loading.checkKey(connection, master)
        try restore(connection, isNew: reason != nil)
        if apply, reason == nil { try Opening.end(connection) }
        try connection.checkpoint(truncate: true)
        connection.close()
        if apply { try finish(madeAnew: reason != nil, target) }
        report.accounts = lines.sorted { $0.key < $1.key }.map(\.value)
        report.isApplied = apply
        return report
    }

    /// The index as it is, opened as a start does: what is damaged or unknown is set aside, and UIDs that may have been lost are not given again.
    private func begin() throws -> Connection {
        var options = SQLiteStore.Options()
        options.generation = generation
        return try Opening(path, try IndexFile(in: path, master, log: log), { try BodyFolder(in: path) }, options, log).connection
    }

    private func restore(_ connection: Connection, isNew: Bool) throws {
        try findHolders()
        try makeAccounts(connection, isNew: isNew)
        let state = try Loading.state(connection, master)
        for (id, entry) in state.accounts.entries {
            if lines[id] == nil { lines[id] = RecoveryReport.Account(name: entry.record.name.description) }
            if accountKeys[id] == nil { accountKeys[id] = (entry.key, [], entry.record.name) }
        }
        queueKeys.merge(state.queue.keys) { $1 }
        let catalog = Catalog(state, queueKey: master.queueKey)
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
        // A WAL that was lost has told all that it could.
        finished += AsideFolder(in: path).names.filter(AsideFolder.tellsOfLoss).map { aside + "/" + $0 }
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

    /// Nil when the index can be used; otherwise why not. Throws what recovery cannot mend: another key, a newer program, a disk that cannot be read.
    func reasonToMakeAnew(_ folder: String, _ recovery: Recovery) throws -> String? {
        guard access(folder + "/index.db", F_OK) == 0 else { return "there is no index.db" }
        for suffix in ["", "-wal"] where access(folder + "/index.db" + suffix, F_OK) == 0 {
            try Disk.copy(folder + "/index.db" + suffix, to: index + suffix)
        }
        do {
            let tags = try PageTags(recovery.master, log: recovery.log)
            let state: IndexState
            do {
                state = try IndexState.examine(path, tags)
            } catch StorageFault.unavailable(let reason) {
                // Another's key opens no catalogue either.
                guard recovery.catalogue == nil, recovery.accountKeys.isEmpty else { return "index.db is damaged: no page of it is what was stored" }
                throw Hopeless(description: reason)
            }
            guard state != .new else { return "index.db is empty" }
            let connection: Connection
            do {
                connection = try open(recovery)
            } catch StorageFault.unavailable(let reason) {
                throw Hopeless(description: reason)
            }
            defer { connection.close() }
            let check = try connection.prepare("PRAGMA quick_check(1)")
            guard try check.step(), check.text(0) == "ok" else { return "index.db is damaged: \(check.text(0))" }
            check.reset()
            do {
                try Loading.checkKey(connection, recovery.master)
            } catch {
                guard recovery.catalogue == nil, recovery.accountKeys.isEmpty else { return "index.db is damaged: \(error)" }
                throw Hopeless(description: "the master key is not the one this store was made with")
            }
            let loaded = try Loading.state(connection, recovery.master)
            if let line = loaded.damage.lines.first { return "index.db is damaged: \(line)" }
            let isKnown = recovery.catalogue?.accounts.isEmpty == false || !recovery.accountKeys.isEmpty
            return loaded.accounts.isEmpty && isKnown ? "index.db knows no accounts" : nil
        } catch let fault as Hopeless {
            throw StorageFault.unavailable(fault.description)
        } catch {
            return "index.db cannot be read: \(error)"
        }
    }

    /// The copy, brought to today's schema.
    func open(_ recovery: Recovery) throws -> Connection {
        let file = try IndexFile(in: path, recovery.master, log: recovery.log)
        return try Migration(path, file, recovery.log).open(try IndexState.examine(path, file.tags), generation: recovery.generation, acceptsOlder: false)
    }

    private struct Hopeless: Error { let description: String }
}

extension BodyFolder {
    /// The folders as they are, which may not be there.
    init(existingIn folder: String) {
        segments = folder + "/segments"
        large = folder + "/large"
    }
}

extension SQLiteStore {
    /// Brings back what can be in a data folder that nobody has open; with `apply` false it only says what it would do, and changes nothing. `generation`: as in `Options`. Blocks.
    package static func recover(
        _ path: String, masterKey: MasterKey, apply: Bool, generation: Int = 0, now: Timestamp, log: Logger, progress: @escaping (String) -> Void
    ) throws -> RecoveryReport {
        try Recovery(path, masterKey, apply: apply, generation: generation, now: now, log: log, progress: progress).run()
    }
}
