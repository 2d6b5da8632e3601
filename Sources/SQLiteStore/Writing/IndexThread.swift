import Glibc
import Logging
import MailModel
import Storage

/// What the index thread owns: the writing connection, and the bodies that wait to be let go.
final class IndexThread {
    struct Job {
        let perform: (Transaction) throws -> Void
        let finish: (Result<Void, any Error>) -> Void
    }

    private struct Waiting {
        let release: Transaction.Release
        let epoch: Int
    }

    private var connection: Connection
    private let path: String
    private let catalog: Catalog
    private let leases: Leases
    private let folder: BodyFolder
    private let clock: Timestamp.Clock
    private let log: Logger
    private var epoch = 1
    private var waiting: [Waiting]
    private var lastHousekeeping: Timestamp

    /// A WAL over this is copied into the database and emptied, here, between two batches: 64 MiB.
    private static let longestWAL: Int64 = 64 << 20
    private static let releasesAtOnce = 500

    /// `releases`: those that the last run left behind.
    init(
        connection: Connection, path: String, catalog: Catalog, leases: Leases, folder: BodyFolder, clock: @escaping Timestamp.Clock, log: Logger,
        releases: [Transaction.Release]
    ) {
        self.connection = connection
        self.path = path
        self.catalog = catalog
        self.leases = leases
        self.folder = folder
        self.clock = clock
        self.log = log
        waiting = releases.map { Waiting(release: $0, epoch: 0) }
        lastHousekeeping = clock()
    }

    /// How long to wait for work before looking after what is left over, in milliseconds.
    var patience: Int { waiting.isEmpty ? 15_000 : 250 }

    func run(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return keepHouse() }
        let transaction = Transaction(connection, catalog: catalog, now: clock())
        var outcomes: [Result<Void, any Error>] = []
        outcomes.reserveCapacity(jobs.count)
        for job in jobs { outcomes.append(Result { try transaction.run(job.perform) }) }
        do {
            try finish(transaction)
        } catch {
            fail(transaction, error)
            outcomes = outcomes.map { if case .failure = $0 { $0 } else { .failure(error as? StorageFault ?? .unavailable("\(error)")) } }
        }
        for (job, outcome) in zip(jobs, outcomes) { job.finish(outcome) }
        if waiting.count > 10 * IndexThread.releasesAtOnce { letGo() }
        limitWAL()
    }

    func close() {
        keepHouse()
        try? connection.checkpoint(truncate: true)
        connection.close()
    }

    private func finish(_ transaction: Transaction, withNotes: Bool = false) throws {
        try transaction.commit(withNotes: withNotes)
        epoch += 1
        waiting += transaction.releases.map { Waiting(release: $0, epoch: epoch) }
        for action in transaction.afterCommit { action() }
        catalog.publish(transaction.staged, epoch: epoch, leases: leases)
    }

    /// A commit that failed is never tried again on this connection: what SQLite or the system kept of it is not known.
    private func fail(_ transaction: Transaction, _ error: any Error) {
        log.error("A batch was not stored: \(error)")
        transaction.rollback()
        do {
            let fresh = try Connection(path: path, mode: .writer)
            connection.close()
            connection = fresh
            try connection.checkpoint(truncate: true)
        } catch {
            log.error("The index could not be opened anew: \(error)")
        }
    }

    private func keepHouse() {
        if !waiting.isEmpty { letGo() }
        guard catalog.read({ !$0.dirtyFloors.isEmpty || !$0.dirtyLogins.isEmpty }) else { return }
        let transaction = Transaction(connection, catalog: catalog, now: clock())
        do { try finish(transaction, withNotes: true) } catch { fail(transaction, error) }
    }

    private func limitWAL() {
        var facts = stat()
        guard stat(path + "-wal", &facts) == 0, Int64(facts.st_size) > IndexThread.longestWAL else { return }
        do { try connection.checkpoint(truncate: true) } catch { log.warning("The WAL could not be emptied: \(error)") }
    }

    /// Ends the claims of messages that are gone, and removes bodies that nobody holds any more.
    private func letGo() {
        var taken: [Waiting] = []
        var kept: [Waiting] = []
        for item in waiting {
            if taken.count < IndexThread.releasesAtOnce, !leases.isHeld(item.release.mailbox, before: item.epoch) { taken.append(item) } else { kept.append(item) }
        }
        guard !taken.isEmpty else { return }
        let transaction = Transaction(connection, catalog: catalog, now: clock())
        do {
            for item in taken { try transaction.letGo(item.release, folder) }
            try finish(transaction)
            waiting = kept
        } catch {
            fail(transaction, error)
        }
    }
}

extension Transaction {
    fileprivate func letGo(_ release: Release, _ folder: BodyFolder) throws {
        try write("DELETE FROM release WHERE id=?", .int(release.row))
        try write("UPDATE holder SET messages=messages-1 WHERE body=? AND account=?", .int(release.body.rawValue), .int(release.account.rawValue))
        try write("DELETE FROM holder WHERE body=? AND account=? AND messages<=0", .int(release.body.rawValue), .int(release.account.rawValue))
        guard try connection.number("SELECT 1 FROM holder WHERE body=? LIMIT 1", .int(release.body.rawValue)) == nil else { return }
        let statement = try connection.prepare("SELECT segment, length FROM body WHERE id=?")
        try statement.bind([.int(release.body.rawValue)])
        guard try statement.step() else { return statement.reset() }
        let (segment, length) = (statement.int(0), statement.int(1))
        statement.reset()
        try write("DELETE FROM body WHERE id=?", .int(release.body.rawValue))
        // Its id, which clients may know as an EMAILID, is not given again.
        try write("INSERT INTO meta VALUES ('last-body', ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)",
            .int(release.body.rawValue))
        if segment == 0 {
            let path = folder.file(release.body)
            afterCommit.append { unlink(path) }
        } else {
            try write("UPDATE segment SET dead=dead+? WHERE id=?", .int(length), .int(segment))
        }
    }
}
