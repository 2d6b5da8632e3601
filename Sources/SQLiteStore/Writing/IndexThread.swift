import Glibc
import Logging
import MailModel
import Storage

/// What the index thread owns: the writing connection, and the ledger of changes that wait to be folded into rows.
final class IndexThread {
    struct Job {
        let perform: (Transaction) throws -> Void
        let finish: (Result<Void, any Error>) -> Void
    }

    private var connection: Connection
    private let file: IndexFile
    private let catalog: Catalog
    private let leases: Leases
    private let folder: BodyFolder
    private let keys: KeyFolder
    private let indexer: Indexer
    private let clock: Timestamp.Clock
    private let log: Logger
    private var epoch = 1
    private let ledger: Ledger
    /// Where later holders of bodies are written. Set once, before anything runs; used while the body thread is idle.
    var segments: SegmentWriter?
    private let foldAfter: Int
    private let largeMailbox: Int
    /// As of when the blocks of mailboxes were written down, and at what time.
    private var described: [MailboxID: (modSeq: ModSeq, at: Timestamp)] = [:]
    private let checkpointer: Checkpointer
    private let metrics: StoreMetrics
    private var lastFrames = 0
    /// How long the WAL is to be before it is tried again to begin it anew.
    private var renewalAt = IndexThread.framesOfWAL
    /// How long before it is cut off: where somebody reads in it for long, each try waits for them.
    private var cutAt = IndexThread.mostFramesOfWAL
    /// Whether the last idle moment folded something and more waits.
    private var isFolding = false
    /// Whether the WAL may hold what was erased.
    private var mustCut = false

    /// Frames of 4 KiB that come into the WAL before they are worth the syncs of a checkpoint.
    private static let worthCopying = 1_024
    /// A WAL of 16 MiB is to begin anew, over blocks that the disk and the system have at hand, as soon as so few frames are not in the database yet
    /// that they are copied here, between two batches.
    private static let framesOfWAL = 4_096
    private static let copiedHere = 512
    /// One of 64 MiB, for it was read all the time or the disk is slow, is copied whole and cut off.
    private static let mostFramesOfWAL = 16_384
    /// A stop folds at most that many steps; the rest is folded after the next start.
    private static let stepsAtClose = 25
    /// Seconds before the blocks of a mailbox that changes are written down again.
    private static let descriptionAge: Int64 = 60

    init(
        connection: Connection, file: IndexFile, catalog: Catalog, leases: Leases, folder: BodyFolder, keys: KeyFolder, clock: @escaping Timestamp.Clock,
        log: Logger,
        ledger: Ledger, foldAfter: Int, largeMailbox: Int, indexer: Indexer, checkpointer: Checkpointer, metrics: StoreMetrics
    ) {
        self.metrics = metrics
        self.checkpointer = checkpointer
        self.largeMailbox = largeMailbox
        self.indexer = indexer
        self.connection = connection
        self.file = file
        self.catalog = catalog
        self.leases = leases
        self.folder = folder
        self.keys = keys
        self.clock = clock
        self.log = log
        self.ledger = ledger
        self.foldAfter = foldAfter
    }

    /// How long to wait for work before looking after what is left over, in milliseconds.
    var patience: Int {
        if isFolding { return 0 }
        return ledger.isEmpty ? 15_000 : foldAfter
    }

    private func begin() -> Transaction { Transaction(connection, catalog: catalog, ledger: ledger, epoch: epoch + 1, now: clock()) }

    /// `arrival` returns once the bodies that the jobs name are durable, or throws.
    func run(_ jobs: [Job], after arrival: () throws -> Void) {
        guard !jobs.isEmpty else { return keepHouse() }
        isFolding = false
        var jobs = jobs
        var (transaction, outcomes) = attempt(jobs)
        // One that met damage halfway takes no other along: they are begun again without it.
        while jobs.count > 1, let last = outcomes.last, case .failure(StorageFault.corrupt(let reason)) = last, transaction.hasFailed {
            log.error("A change was not stored: \(reason)")
            transaction.rollback()
            jobs.remove(at: outcomes.count - 1).finish(last)
            (transaction, outcomes) = attempt(jobs)
        }
        do {
            try arrival()
            try finish(transaction)
        } catch {
            fail(transaction, error)
            outcomes = jobs.indices.map { index in
                if index < outcomes.count, case .failure = outcomes[index] { return outcomes[index] }
                return .failure(error as? StorageFault ?? .unavailable("\(error)"))
            }
        }
        if mustCut { cutWAL() }
        for (job, outcome) in zip(jobs, outcomes) { job.finish(outcome) }
        if ledger.isLong { fold() }
        if transaction.foldsAfterwards { repeat { fold() } while isFolding }
        isFolding = false
        limitWAL()
    }

    /// Runs the jobs in a new transaction, up to one that makes it fail.
    private func attempt(_ jobs: [Job]) -> (Transaction, [Result<Void, any Error>]) {
        let transaction = begin()
        var outcomes: [Result<Void, any Error>] = []
        outcomes.reserveCapacity(jobs.count)
        for job in jobs where !transaction.hasFailed { outcomes.append(Result { try transaction.run(job.perform) }) }
        return (transaction, outcomes)
    }

    func close() {
        keepHouse(isLast: true)
        for _ in 0..<IndexThread.stepsAtClose where isFolding { fold() }
        do {
            try Opening.end(connection)
            try connection.checkpoint(truncate: true)
        } catch {
            log.error("The index was not closed as it should be: \(error)")
        }
        connection.close()
    }

    private func finish(_ transaction: Transaction, withNotes: Bool = false) throws {
        try keepHolders(transaction)
        let begin = metrics.commit.begin()
        if try transaction.commit(withNotes: withNotes) { metrics.commit.end(begin) }
        epoch += 1
        ledger.add(transaction.records, epoch: epoch)
        for id in transaction.withdrawn { ledger.withdraw(id) }
        for action in transaction.afterCommit { action() }
        if transaction.erases { mustCut = true }
        catalog.publish(transaction.staged, epoch: epoch, leases: leases)
        indexer.push(transaction.held)
        indexer.push(transaction.staged.accounts.compactMap { $0.value == nil ? .removed($0.key) : nil })
    }

    /// Bodies that an account holds from now on are to be found in the segments before the index says so.
    private func keepHolders(_ transaction: Transaction) throws {
        guard !transaction.introduced.isEmpty, !transaction.hasFailed, let segments else { return }
        let places = try segments.write(transaction.introduced.map { BodyRecord($0) })
        try segments.sync()
        for place in places {
            transaction.staged.indexed[place.segment] = max(transaction.staged.indexed[place.segment] ?? 0, place.position + place.length)
        }
    }

    /// A commit that failed is never tried again on this connection: what SQLite or the system kept of it is not known.
    private func fail(_ transaction: Transaction, _ error: any Error) {
        log.error("A batch was not stored: \(error)")
        metrics.failures.add()
        transaction.rollback()
        do {
            let fresh = try file.connect(.writer)
            connection.close()
            connection = fresh
            try connection.checkpoint(truncate: true)
        } catch {
            log.error("The index could not be opened anew: \(error)")
        }
    }

    private func keepHouse(isLast: Bool = false) {
        if mustCut { cutWAL() }
        if !ledger.isEmpty {
            fold()
            limitWAL()
        }
        destroySpentKeys()
        let large = mailboxesToDescribe(isLast: isLast)
        guard !large.isEmpty || catalog.read({ tables in TableList.noted.contains { $0.hasNotes(tables) } }) else { return }
        let transaction = begin()
        do {
            for table in large {
                let account = try transaction.account(try transaction.mailbox(table.mailbox).record.account)
                try BlockDirectory(table, asOf: account.modSeq).store(of: table.mailbox, transaction)
            }
            try finish(transaction, withNotes: true)
            for table in large { described[table.mailbox] = (table.highestModSeq, clock()) }
        } catch {
            fail(transaction, error)
        }
    }

    /// Of the queue, where nothing came or went since their day was over.
    private func destroySpentKeys() {
        let now = clock()
        guard catalog.read({ !$0.queue.spent(at: now).isEmpty }) else { return }
        let transaction = begin()
        do {
            try transaction.destroySpentQueueKeys(keys)
            try finish(transaction)
        } catch {
            fail(transaction, error)
        }
        if mustCut { cutWAL() }
    }

    /// Large mailboxes that are open and have changed since their blocks were written down.
    private func mailboxesToDescribe(isLast: Bool) -> [MailboxSnapshot] {
        let open = catalog.read { $0.mailboxes.allOpen }
        let now = clock()
        return open.map(\.snapshot).filter { table in
            guard table.count >= largeMailbox, !table.isDeleted else { return false }
            guard let last = described[table.mailbox] else { return true }
            return last.modSeq != table.highestModSeq && (isLast || now.rawValue - last.at.rawValue >= IndexThread.descriptionAge)
        }
    }

    /// Copies and empties the WAL, so that pages from before an erasure are nowhere; tried again where somebody reads in it for long.
    private func cutWAL() {
        do {
            try connection.checkpoint(truncate: true)
            mustCut = connection.framesInWAL > 0
            if mustCut { log.warning("The WAL is being read, and holds what was removed for some time yet") }
        } catch {
            log.warning("The WAL could not be emptied: \(error)")
        }
    }

    /// A WAL all of which is in the database begins anew with the next commit, unless somebody reads in it at that moment.
    private func limitWAL() {
        let frames = connection.framesInWAL
        if frames < lastFrames {
            checkpointer.forget()
            renewalAt = IndexThread.framesOfWAL
            cutAt = IndexThread.mostFramesOfWAL
        }
        lastFrames = frames
        let left = frames - checkpointer.framesCopied
        do {
            if frames >= cutAt {
                cutAt = frames + IndexThread.framesOfWAL
                try connection.checkpoint(truncate: true)
            } else if checkpointer.isAtWork {
                return
            } else if frames >= renewalAt, left <= IndexThread.copiedHere {
                renewalAt = frames + IndexThread.worthCopying
                try connection.checkpoint(truncate: false)
            } else if left >= IndexThread.worthCopying || frames >= renewalAt {
                checkpointer.begin()
            }
        } catch {
            log.warning("The WAL could not be emptied: \(error)")
        }
    }

    /// Folds some of what waits; on return it is durable or did not happen.
    private func fold() {
        let transaction = begin()
        do {
            let step = try ledger.step(transaction, leases, folder)
            try finish(transaction)
            ledger.adopt(step)
            isFolding = !step.isEmpty && !ledger.isEmpty
        } catch {
            isFolding = false
            fail(transaction, error)
        }
    }
}
