import Glibc
package import Logging
package import MailModel
package import MessageFormat
package import NIOCore
package import Storage
import Synchronization
import Threading

/// The embedded store: an index in SQLite (`index.db`), bodies in segment files, everything that comes from a message sealed.
///
/// Invariants: a row of the index points only at bytes that were durable before it; a file holds nothing beyond the last indexed offset after
/// a start; one thread changes the index, in batches that share a commit; what is in memory is published after the commit, never before.
package final class SQLiteStore:
    AccountStore, MailboxStore, BodyStore, RightsStore, QuotaStore, MetadataStore, QueueStore, SearchIndex, ChangeFeed, ClosableStore
{
    package struct Options: Sendable {
        /// Octets that must stay free on the disk; below it no mail comes in.
        package var freeFloor: Int64
        /// What an account may hold that has no limits of its own.
        package var quota = Quota()
        package var readers: Int
        /// What bodies may hold that come in.
        var bodies = BodyBudgets()
        /// How long nobody must ask for anything before changes are folded into rows, in milliseconds.
        package var foldAfter: Int
        /// How many messages a mailbox has that is opened without reading all its rows.
        package var largeMailbox: Int
        /// How many messages are copied in one step of the writer; of more others' work comes in between.
        package var copiedAtOnce = 2_000
        /// How much of accounts' change logs is kept.
        package var changes = ChangesKept()
        /// The highest schema that this folder is known to have had: an older index is refused, for it was put in the newer one's place.
        package var generation = 0
        /// It is taken all the same.
        package var acceptsOlderIndex = false
        package var metrics = StoreMetrics()

        package init(freeFloor: Int64 = 256 << 20, readers: Int = 2, foldAfter: Int = 250, largeMailbox: Int = 4_096) {
            self.freeFloor = freeFloor
            self.readers = readers
            self.foldAfter = foldAfter
            self.largeMailbox = largeMailbox
        }
    }

    let master: MasterKey
    let traceKeys: TraceKeys
    let catalog: Catalog
    private let leases: Leases
    let folder: BodyFolder
    let keys: KeyFolder
    let writer: Writer
    let readers: Readers
    private let distant: DistantRows
    private let largeMailbox: Int
    let copiedAtOnce: Int
    let changesKept: ChangesKept
    let largeCopies = Lane()
    let compactions = Lane()
    let files = BlockingPool(name: "martlet-file", threads: 2, refusal: StorageFault.closed)
    let checkpointer: Checkpointer
    let desk: SearchDesk
    let budgets: BodyBudgets
    private let nextBody: NextBody
    private let underWay = BodiesUnderWay()
    let catalogues: CatalogueKeeper
    let scrubs = ScrubLog()
    let clock: Timestamp.Clock
    private let hasRoom: @Sendable () -> Bool
    private let recentlyOpen = Mutex<[OpenMailbox]>([])
    private let isClosed = Atomic<Bool>(false)
    /// What the opening found amiss.
    let opening: OpeningFindings
    let path: String
    let file: IndexFile

    /// The schema of the index.
    package static var generation: Int { Schema.version }

    /// Rows of tables kept in memory though nobody looks at them, so that the next SELECT finds them: 200,000, of 48 octets each.
    private static let mostIdleRows = 200_000
    private static let mostIdleTables = 64

    /// Opens the store in `path`, an existing folder, and makes it there when it is empty. `unavailable` for a wrong master key or a newer schema.
    package static func open(
        _ path: String, masterKey: MasterKey, options: Options = Options(), clock: @escaping Timestamp.Clock, log: Logger
    ) throws -> SQLiteStore {
        try Opening.advised { try SQLiteStore(path, masterKey, options, clock, log) }
    }

    private init(_ path: String, _ masterKey: MasterKey, _ options: Options, _ clock: @escaping Timestamp.Clock, _ log: Logger) throws {
        master = masterKey
        traceKeys = TraceKeys(masterKey)
        self.path = path
        budgets = options.bodies
        self.clock = clock
        let file = try IndexFile(in: path, masterKey, log: log)
        let opening = try Opening(path, file, { try BodyFolder(in: path) }, options, log)
        let connection = opening.connection
        let bodies = try BodyFolder(in: path)
        self.opening = opening.findings
        self.file = file
        try Loading.checkKey(connection, masterKey)
        var loaded = try Loading.state(connection, masterKey)
        loaded.quotas.standard = options.quota
        let ledger = try Loading.ledger(connection, &loaded)
        for line in loaded.damage.lines { log.error("The index is damaged: \(line)") }
        keys = KeyFolder(in: path)
        try keys.complete(loaded.accounts.entries, connection)
        try keys.complete(&loaded.queue, masterKey)
        let nextBody = NextBody(try Loading.lastBody(connection, bodies) + 1)
        self.nextBody = nextBody

        let catalog = Catalog(loaded, queueKey: masterKey.queueKey)
        let leases = Leases()
        let gauge = RoomGauge(path: path, floor: options.freeFloor)
        hasRoom = { gauge.hasRoom }
        readers = try Readers(count: options.readers) { try BodyReader(file, folder: bodies, catalog: catalog) }
        distant = DistantRows(file)
        largeMailbox = options.largeMailbox
        copiedAtOnce = options.copiedAtOnce
        changesKept = options.changes
        checkpointer = try Checkpointer(file, log: log)
        let indexer = try Indexer(
            path: path + "/search.db", reader: try BodyReader(file, folder: bodies, catalog: catalog), catalog: catalog,
            lastBody: nextBody.value - 1, hasRoom: hasRoom, clock: clock, log: log)
        desk = SearchDesk(indexer, path: path + "/search.db")
        let index = IndexThread(
            connection: connection, file: file, catalog: catalog, leases: leases, folder: bodies, keys: keys, clock: clock, log: log, ledger: ledger,
            foldAfter: options.foldAfter, largeMailbox: options.largeMailbox, indexer: indexer, checkpointer: checkpointer,
            metrics: options.metrics)
        writer = Writer(
            segments: SegmentWriter(folder: bodies, lastID: opening.audit.lastSegment), index: index, hasRoom: hasRoom, metrics: options.metrics)
        catalogues = CatalogueKeeper(path, file, catalog, masterKey, settled: { [underWay] in underWay.settled { nextBody.value } }, clock: clock)
        if catalogues.isFrozen { log.warning("The catalogue stays as it is until `martlet store recover` has been run: it may know what the index lacks") }
        self.catalog = catalog
        self.leases = leases
        folder = bodies
    }

    package func close() async {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        await catalogues.close()
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            // Joining blocks, so a thread of its own does it.
            _ = BlockingThread("martlet-close") { [self] in
                checkpointer.close()
                readers.close()
                files.close()
                writer.close()
                desk.close()
                continuation.resume()
            }
        }
    }

    /// The catalog, until the store is closed.
    var known: Catalog {
        get throws {
            guard !isClosed.load(ordering: .relaxed) else { throw StorageFault.closed }
            return catalog
        }
    }

    /// The segment that takes new bodies, which compaction leaves alone.
    var currentSegment: Int64 { writer.currentSegment }

    /// Folds what waits and nobody looks at any more, as an idle moment does; returns once that is durable or could not be done. For tests.
    package func settle() async throws {
        try await change { $0.foldsAfterwards = true }
        // It is folded behind that answer, and before the next batch.
        try await change { _ in }
    }

    /// Runs an operation in the next batch.
    func change<Value: Sendable>(_ operation: @escaping @Sendable (Transaction) throws -> Value) async throws -> Value {
        try await writer.submit { transaction, _ in try operation(transaction) }
    }
}

// Bodies.
extension SQLiteStore {
    package func receive(expected: Int?) async throws -> any BodySink {
        _ = try known
        guard hasRoom() else { throw StorageFault.full }
        let (id, ticket) = underWay.begin { nextBody.draw() }
        return Sink(id: BodyID(rawValue: id), ticket: ticket, folder: folder, pool: files, budgets: budgets, floor: hasRoom)
    }

    package func outlines(of bodies: [BodyID], for account: AccountID) async throws -> [MessageOutline] {
        try await readers.run { try $0.outlines(of: bodies, for: account) }
    }

    package func encodedOutlines(of bodies: [BodyID], for account: AccountID) async throws -> [EncodedOutline] {
        let catalog = try known
        guard catalog.account(account) != nil else { throw StorageFault.noSuchAccount }
        let (found, missing) = catalog.outlines.find(bodies, for: account)
        if missing.isEmpty { return found }
        return try await readers.run { try $0.encodedOutlines(of: bodies, for: account) }
    }

    package func digests(of bodies: [BodyID], for account: AccountID) async throws -> [BodyDigest] {
        try await readers.run { try $0.digests(of: bodies, for: account) }
    }

    package func read(_ range: Range<Int>?, of body: BodyID, for account: AccountID) async throws -> ByteBuffer {
        try await readers.run { try $0.read(range, of: body, for: account) }
    }

    package func read(_ bodies: [BodyID], for account: AccountID) async throws -> [ByteBuffer] {
        try await readers.run { try $0.read(bodies, for: account) }
    }

    package func place(_ body: StagedBody, _ placements: [Placement]) async throws -> [Placed] {
        try await place([(body, placements)], superseding: nil, queued: {})
    }

    package func place(_ additions: [Addition], superseding: SupersededMessages?, queued: @Sendable () -> Void) async throws -> [Placed] {
        try await place(additions.map { ($0.body, [$0.placement]) }, superseding: superseding, queued: queued)
    }

    private func place(_ bodies: [(StagedBody, [Placement])], superseding: SupersededMessages?, queued: @Sendable () -> Void) async throws -> [Placed] {
        var outgoing: [OutgoingBody] = []
        for (body, placements) in bodies { outgoing.append(try await prepare(body, placements)) }
        let records = outgoing
        let placed = try await writer.submit(bodies: records, queued: queued) { transaction, places in
            guard places.count == bodies.count else { throw StorageFault.unavailable("a body without a place") }
            let deliveries = try bodies.indices.map { try Transaction.Delivery(bodies[$0].0, records[$0], at: places[$0], bodies[$0].1) }
            return try transaction.place(deliveries, superseding: superseding)
        }
        for record in records { record.staged?.ticket.end() }
        return placed
    }
}

// Mailboxes.
extension SQLiteStore {
    package func mailboxes(of account: AccountID) async throws -> [MailboxRecord] {
        let (records, isWhole) = try known.read { state in
            ((state.mailboxes.names[account] ?? [:]).values.compactMap { state.mailboxes[$0]?.record }, !state.damage.lacksMailboxes(of: account))
        }
        // A client that mirrors the account would take the missing ones for deleted.
        guard isWhole else { throw IndexDamage.missingMailboxes }
        return records.sorted { $0.name < $1.name }
    }

    package func mailbox(named name: MailboxName, of account: AccountID) async throws -> MailboxRecord? {
        let (found, isWhole) = try known.read { state in
            (state.mailboxes.names[account]?[name].flatMap { state.mailboxes[$0]?.record }, !state.damage.lacksMailboxes(of: account))
        }
        guard found != nil || isWhole else { throw IndexDamage.missingMailboxes }
        return found
    }

    package func mailboxCount(of account: AccountID) async throws -> Int {
        let (count, isWhole) = try known.read { ($0.mailboxes.names[account]?.count ?? 0, !$0.damage.lacksMailboxes(of: account)) }
        guard isWhole else { throw IndexDamage.missingMailboxes }
        return count
    }

    package func status(of mailbox: MailboxID) async throws -> MailboxStatus {
        let found = try known.read { state in state.mailboxes[mailbox].map { ($0, state.mailboxes.recentFloor(of: mailbox)) } }
        guard let (entry, floor) = found else { throw StorageFault.noSuchMailbox }
        return MailboxStatus(
            messages: entry.messages, unseen: entry.unseen, deleted: entry.deleted, size: entry.size, uidNext: UID(rawValue: entry.uidNext) ?? .last,
            uidValidity: entry.record.uidValidity, highestModSeq: entry.modSeq, recentFloor: floor)
    }

    package func create(mailbox name: MailboxName, of account: AccountID, specialUse: SpecialUse?) async throws -> MailboxRecord {
        try await change { transaction in
            _ = try transaction.account(account)
            if transaction.mailbox(named: name, of: account) == nil { try transaction.admit(Quota([.mailbox: 1]), to: account) }
            return try transaction.create(name, of: account, specialUse: specialUse)
        }
    }

    package func delete(mailbox: MailboxID) async throws { try await change { try $0.delete(mailbox) } }

    package func rename(mailbox: MailboxID, to name: MailboxName) async throws {
        guard let entry = try known.mailbox(mailbox), entry.record.name.isInbox, entry.messages > copiedAtOnce else {
            return try await change { try $0.rename(mailbox, to: name) }
        }
        try await renameLargeInbox(entry.record, to: name)
    }

    package func subscriptions(of account: AccountID) async throws -> Set<MailboxName> {
        try known.read { $0.subscriptions[account]?.names ?? [] }
    }

    package func subscription(to name: MailboxName, of account: AccountID) async throws -> (isThere: Bool, count: Int, octets: Int) {
        try known.read { state in
            guard let known = state.subscriptions[account] else { return (false, 0, 0) }
            return (known.names.contains(name), known.names.count, known.octets)
        }
    }

    package func set(subscribed: Bool, to name: MailboxName, of account: AccountID) async throws {
        try await change { try $0.set(subscribed: subscribed, to: name, of: account) }
    }

    package func open(_ mailbox: MailboxID) async throws -> any MailboxHandle {
        guard let entry = try known.mailbox(mailbox) else { throw StorageFault.noSuchMailbox }
        if let open = catalog.opened(mailbox) {
            remember(open)
            return open
        }
        let (distant, large) = (distant, largeMailbox)
        let loaded = try await readers.run { try $0.load(entry, large: large, distant) }
        let (catalog, leases) = (catalog, leases)
        let open = try await change { try $0.attach(loaded, catalog: catalog, leases: leases) }
        remember(open)
        return open
    }

    /// Keeps the tables that were opened last, within bounds.
    private func remember(_ open: OpenMailbox) {
        let dropped = recentlyOpen.withLock { kept in
            kept.removeAll { $0 === open }
            kept.append(open)
            var rows = kept.reduce(0) { $0 + $1.snapshot.count }
            var dropped: [OpenMailbox] = []
            while kept.count > 1, kept.count > SQLiteStore.mostIdleTables || rows > SQLiteStore.mostIdleRows {
                rows -= kept[0].snapshot.count
                dropped.append(kept.removeFirst())
            }
            return dropped
        }
        _ = dropped
    }

    package func change(flags: FlagChange, of uids: NumberSet, in mailbox: MailboxID, unchangedSince: ModSeq?) async throws -> FlagsChanged {
        try await change { try $0.change(flags: flags, of: uids, in: mailbox, unchangedSince: unchangedSince) }
    }

    package func expunge(_ uids: NumberSet?, in mailbox: MailboxID) async throws -> Expunged {
        try await change { try $0.expunge(uids, in: mailbox) }
    }

    package func remove(_ uids: NumberSet, from mailbox: MailboxID) async throws -> Expunged {
        try await change { try $0.expunge(uids, in: mailbox, evenUndeleted: true) }
    }

    package func particulars(of uids: NumberSet, in mailbox: MailboxID) async throws -> [MessageParticulars] {
        guard try known.mailbox(mailbox) != nil else { throw StorageFault.noSuchMailbox }
        return try await readers.run { try TableReader.particulars(of: uids, in: mailbox, $0.connection) }
    }

    package func expunged(since modSeq: ModSeq, in mailbox: MailboxID) async throws -> NumberSet {
        guard try known.mailbox(mailbox) != nil else { throw StorageFault.noSuchMailbox }
        return try await readers.run { try TableReader.expunged(since: modSeq, in: mailbox, $0.connection) }
    }
}
