import Crypto
import FoundationEssentials
import Glibc
package import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Threading

/// Bodies that have an id and are not placed yet.
final class BodiesUnderWay: Sendable {
    private let ids = Mutex<Set<Int64>>([])

    /// Ends with its owner.
    final class Ticket: Sendable {
        private let id: Int64
        private let bodies: BodiesUnderWay
        fileprivate init(_ id: Int64, _ bodies: BodiesUnderWay) {
            self.id = id
            self.bodies = bodies
        }
        /// It is placed.
        func end() { bodies.ids.withLock { _ = $0.remove(id) } }
        deinit { end() }
    }

    /// `id`: draws one.
    func begin(_ id: () -> Int64) -> (id: Int64, ticket: Ticket) {
        ids.withLock { ids in
            let new = id()
            ids.insert(new)
            return (new, Ticket(new, self))
        }
    }

    /// Every body up to it is placed, or never will be. `next`: the id that the next would have.
    func settled(_ next: () -> Int64) -> Int64 { ids.withLock { ids in (ids.min() ?? next()) - 1 } }
}

/// Keeps the sealed catalogue: two files beside the index, of which the older is written anew when something has changed. A thread of its own reads the
/// index for it, a few thousand rows at a time, and rests between.
final class CatalogueKeeper: Sendable {
    private let folder: String
    private let file: IndexFile
    private let aside: AsideFolder
    private let catalog: Catalog
    private let master: MasterKey
    private let clock: Timestamp.Clock
    private let settled: @Sendable () -> Int64
    private let thread = BlockingPool(name: "martlet-cat", threads: 1, refusal: StorageFault.closed)
    private let state = Mutex(State())
    private let hurries = Atomic<Bool>(false)

    private struct State {
        /// As of which commit the last one was written, and when.
        var commits = 0
        var written: Timestamp?
    }

    /// Seconds after which a catalogue that is not true any more is written anew; with the writing it stays within ten minutes.
    static let age: Int64 = 540
    private static let rowsAtOnce = 5_000
    /// How often a mailbox is read again whose keywords get others' places meanwhile.
    private static let mostTries = 4
    /// So many times as long as a step took is left to others after it.
    private static let rest = 3
    static let names = ["a.mcat", "b.mcat"]

    static func folder(in path: String) -> String { path + "/catalogue" }

    /// `settled`: see `BodiesUnderWay.settled`.
    init(
        _ path: String, _ file: IndexFile, _ catalog: Catalog, _ master: MasterKey, settled: @escaping @Sendable () -> Int64,
        clock: @escaping Timestamp.Clock
    ) {
        folder = CatalogueKeeper.folder(in: path)
        aside = AsideFolder(in: path)
        self.file = file
        self.catalog = catalog
        self.master = master
        self.settled = settled
        self.clock = clock
    }

    /// The whole files that are there, the newest first.
    static func files(in path: String) throws -> [CatalogueFile] {
        try names.compactMap { try CatalogueFile(folder(in: path) + "/" + $0) }.sorted { $0.head.sequence > $1.head.sequence }
    }

    /// Writes one when something has changed since the last and that is old, or always with `anyway`. Whether it did.
    @discardableResult
    func write(anyway: Bool = false) async throws -> Bool {
        try await thread.run { [self] in try writeIfDue(anyway: anyway) }
    }

    /// Writes the last one, when something has changed, without resting.
    func close() async {
        hurries.store(true, ordering: .relaxed)
        _ = try? await thread.run { [self] in try writeIfDue(anyway: false, isLast: true) }
        thread.close()
    }

    /// While the index lacks something, the catalogue may be all that knows of it: it stays as it is until `store recover` has looked at it.
    var isFrozen: Bool { catalog.read { !$0.damage.lines.isEmpty } || aside.names.contains(where: AsideFolder.tellsOfLoss) }

    private func writeIfDue(anyway: Bool, isLast: Bool = false) throws -> Bool {
        guard !isFrozen else { return false }
        let commits = catalog.commits.load(ordering: .acquiring)
        let files = try CatalogueKeeper.files(in: CatalogueKeeper.parent(of: folder))
        let last = state.withLock { $0 }
        let now = clock()
        if !anyway {
            guard commits != last.commits || files.isEmpty else { return false }
            let age = now.rawValue - (last.written ?? files.first?.head.written ?? Timestamp(rawValue: 0)).rawValue
            guard isLast || files.isEmpty || age >= CatalogueKeeper.age || age < 0 else { return false }
        }
        try write(over: files, at: now)
        state.withLock { $0 = State(commits: commits, written: now) }
        return true
    }

    private static func parent(of folder: String) -> String { String(folder.dropLast("/catalogue".count)) }

    private func write(over files: [CatalogueFile], at now: Timestamp) throws {
        try Disk.makeFolder(folder)
        let young = folder + "/new"
        do {
            let draft = try CatalogueDraft(young)
            // Before anything is read: what is placed from now on is above it.
            let lastBody = settled()
            let connection = try file.connect(.reader)
            defer { connection.close() }
            var writing = Writing(draft: draft, old: files.first, connection: connection, catalog: catalog, keeper: self)
            try writing.summary(
                CatalogueSummary(
                    written: now, lastBody: lastBody, lastAccount: try writing.lastID(of: "account"), lastMailbox: try writing.lastID(of: "mailbox"),
                    domains: catalog.read { $0.domains.sorted() }), under: master.key)
            try writing.queue(under: catalog.queueKey)
            try writing.pairs(under: master.pairKey)
            for account in catalog.read({ $0.accounts.keys.sorted() }) { try writing.account(account, under: master.key) }
            try draft.finish(sequence: (files.first?.head.sequence ?? 0) &+ 1, written: now)
        } catch {
            unlink(young)
            throw error
        }
        // The older of two that are whole goes, or one that is not.
        let kept = files.first?.path
        let target = CatalogueKeeper.names.map { folder + "/" + $0 }.first { $0 != kept } ?? folder + "/" + CatalogueKeeper.names[0]
        guard rename(young, target) == 0 else { throw Disk.fault("rename", target) }
        try Disk.syncFolder(folder)
    }

    /// Leaves the disk and the processor to others for a while.
    fileprivate func rest(since begun: ContinuousClock.Instant) {
        guard !hurries.load(ordering: .relaxed) else { return }
        let taken = begun.duration(to: .now) / Duration.microseconds(1)
        usleep(UInt32(max(0, min(taken * Double(CatalogueKeeper.rest), 500_000))))
    }

    /// One file on its way.
    private struct Writing {
        let draft: CatalogueDraft
        let old: CatalogueFile?
        let connection: Connection
        let catalog: Catalog
        let keeper: CatalogueKeeper

        func lastID(of table: String) throws -> Int64 { try connection.number("SELECT seq FROM sqlite_sequence WHERE name=?", .text(table)) ?? 0 }

        func summary(_ summary: CatalogueSummary, under key: SymmetricKey) throws {
            try draft.add(CatalogueSection(kind: .summary, id: 0, account: 0, modSeq: 0), summary.encode(), under: key)
        }

        func queue(under key: SymmetricKey) throws {
            var queue = CatalogueQueue()
            while true {
                let begun = ContinuousClock.now
                let page = try CatalogueQueue.ids(from: (queue.entries.last ?? -1) + 1, most: CatalogueKeeper.rowsAtOnce, connection)
                queue.entries += page
                guard page.count == CatalogueKeeper.rowsAtOnce else { break }
                keeper.rest(since: begun)
            }
            try draft.add(CatalogueSection(kind: .queue, id: 0, account: 0, modSeq: 0), queue.encode(), under: key)
        }

        func pairs(under key: SymmetricKey) throws {
            for keyspace in catalog.read({ Array($0[PairTable.self].rows.keys) }).sorted(by: { $0.rawValue < $1.rawValue }) {
                let values = catalog.read { $0[PairTable.self].rows[keyspace] ?? [:] }.mapValues(\.value)
                let section = CatalogueSection(kind: .pairs, id: Int64(keyspace.rawValue), account: 0, modSeq: 0)
                try draft.add(section, CataloguePairs(values).encode(), under: key)
            }
        }

        mutating func account(_ id: AccountID, under master: SymmetricKey) throws {
            let begun = ContinuousClock.now
            let found = catalog.read { tables in
                tables.accounts[id].map { entry in
                    let mailboxes = (tables.mailboxes.names[id] ?? [:]).values.compactMap { tables.mailboxes[$0] }.sorted { $0.record.id < $1.record.id }
                    return (entry, tables.quotas.ownLimits(of: id), mailboxes)
                }
            }
            guard let (entry, limits, mailboxes) = found else { return }
            let account = CatalogueAccount(record: entry.record, modSeq: entry.modSeq, uidValidity: entry.uidValidity, limits: limits)
            try draft.add(CatalogueSection(kind: .account, id: id.rawValue, account: id.rawValue, modSeq: 0), account.encode(), under: master)
            let section = CatalogueSection(kind: .belongings, id: id.rawValue, account: id.rawValue, modSeq: entry.modSeq.rawValue)
            if try !copy(section, under: entry.key) {
                var belongings = catalog.read { tables in
                    var belongings = CatalogueBelongings()
                    for kind in TableList.kinds { kind.describe(entry, tables, in: &belongings) }
                    return belongings
                }
                for kind in TableList.kinds { try kind.describe(entry, connection, in: &belongings) }
                try draft.add(section, belongings.encode(), under: entry.key)
                keeper.rest(since: begun)
            }
            for mailbox in mailboxes { try messages(of: mailbox, under: entry.key) }
        }

        /// Takes a section as it lies in the last file, where it is the same and whole.
        private func copy(_ section: CatalogueSection, under key: SymmetricKey) throws -> Bool {
            // try?: one that does not open is written anew from the index.
            guard let old, let known = old[section.kind, section.id], known.isSame(as: section), (try? old.open(known, under: key)) != nil else {
                return false
            }
            try draft.add(section, sealed: try old.octets(of: known))
            return true
        }

        private mutating func messages(of mailbox: MailboxEntry, under key: SymmetricKey) throws {
            let id = mailbox.record.id
            let section = CatalogueSection(kind: .messages, id: id.rawValue, account: mailbox.record.account.rawValue, modSeq: mailbox.modSeq.rawValue)
            if try copy(section, under: key) { return }
            var messages = CatalogueMessages(uidNext: mailbox.uidNext, modSeq: mailbox.modSeq, keywords: mailbox.keywords, rows: [])
            for _ in 0..<CatalogueKeeper.mostTries {
                if try collect(&messages, of: id) { break }
            }
            try draft.add(section, messages.encode(), under: key)
        }

        /// Reads all rows. False when a place among the keywords was given to another meanwhile: then of the flags those are left out that may mean either.
        private mutating func collect(_ messages: inout CatalogueMessages, of id: MailboxID) throws -> Bool {
            (messages.rows, messages.further) = ([], [:])
            var tables: [KeywordTable] = []
            var last: UInt32 = 0
            while true {
                let begun = ContinuousClock.now
                let page = try CatalogueMessages.rows(above: last, of: id, most: CatalogueKeeper.rowsAtOnce, connection)
                messages.rows += page.rows
                messages.further.merge(page.further) { _, last in last }
                // As of the page's rows.
                if let keywords = page.keywords, keywords != tables.last { tables.append(keywords) }
                if page.rows.count > 0 { keeper.rest(since: begun) }
                guard let end = page.last else { break }
                last = end
            }
            // Rows may have come since the mailbox was looked at.
            if let now = catalog.mailbox(id) { messages.uidNext = now.uidNext }
            if let last = tables.last { messages.keywords = last }
            var reused = FlagSet()
            for table in tables { reused.formUnion(messages.keywords.placesReused(since: table)) }
            return messages.forget(reused)
        }
    }
}

extension CatalogueMessages {
    /// A mailbox's next rows with what the ledger makes of them, and where to go on; nil: there are no more.
    static func rows(above uid: UInt32, of mailbox: MailboxID, most: Int, _ connection: Connection) throws -> Page {
        // One view of rows and ledger.
        try connection.execute("BEGIN")
        defer { try? connection.execute("COMMIT") }
        let statement = try connection.prepare(
            "SELECT uid, flags, mod_seq, body, internal_date, save_date, thread FROM message WHERE mailbox=? AND uid>? ORDER BY uid LIMIT ?")
        try statement.bind([.int(mailbox.rawValue), .int(Int64(uid)), .int(Int64(most))])
        defer { statement.reset() }
        var rows: [CatalogueRow] = []
        var (count, last): (Int, UInt32) = (0, uid)
        while try statement.step() {
            count += 1
            guard let number = UInt32(exactly: statement.int(0)), let uid = UID(rawValue: number),
                let modSeq = ModSeq(rawValue: UInt64(clamping: statement.int(2)))
            else { continue }
            last = number
            rows.append(
                CatalogueRow(
                    uid: uid, flags: FlagBits(rawValue: UInt64(bitPattern: statement.int(1))), modSeq: modSeq, body: BodyID(rawValue: statement.int(3)),
                    internalDate: Timestamp(rawValue: statement.int(4)), saveDate: Timestamp(rawValue: statement.int(5)), thread: statement.int(6)))
        }
        var further: [UID: FurtherKeywords] = [:]
        if let first = rows.first, let end = rows.last { further = try FurtherRows.read(first.uid.rawValue...end.uid.rawValue, of: mailbox, connection) }
        for record in try LedgerRecord.load(of: mailbox, connection) {
            let rest = record.rest
            rows = rows.compactMap { row in
                guard rest.contains(row.uid) else { return row }
                guard case .flags(let mask) = record.change else {
                    further[row.uid] = nil
                    return nil
                }
                var row = row
                row.flags = mask.applied(to: row.flags)
                row.modSeq = record.modSeq
                if let change = mask.further {
                    let new = change.applied(to: further[row.uid] ?? FurtherKeywords())
                    further[row.uid] = new.isEmpty ? nil : new
                }
                return row
            }
        }
        let keywords = try KeywordTable.read(of: mailbox, connection)?.table
        return Page(rows: rows, further: further, keywords: keywords, last: count == most && last > uid ? last : nil)
    }

    struct Page {
        let rows: [CatalogueRow]
        let further: [UID: FurtherKeywords]
        /// The mailbox's, as of the same moment; nil: the mailbox is gone.
        let keywords: KeywordTable?
        /// Where to go on; nil: there are no more.
        let last: UInt32?
    }

    /// Takes those places from every message; whether there were none.
    mutating func forget(_ places: FlagSet) -> Bool {
        guard places != FlagSet() else { return true }
        for index in rows.indices { rows[index].flags.rawValue &= ~places.bits.rawValue }
        for uid in further.keys {
            further[uid]?.subtract(places.further)
            if further[uid]?.isEmpty == true { further[uid] = nil }
        }
        return false
    }
}

extension SQLiteStore {
    /// Sees to it that the sealed catalogue is never older than ten minutes, until it is cancelled or the store is closed. `every`: between looks.
    package func keepCatalogue(every interval: Duration, log: Logger) async {
        var (failed, isAdopted) = (false, false)
        while true {
            do {
                try await Task.sleep(for: interval)
                if !isAdopted { try await adoptOldBodies() }
                isAdopted = true
                try await catalogues.write()
                failed = false
            } catch is CancellationError {
                return
            } catch StorageFault.closed {
                return
            } catch {
                if !failed { log.warning("The catalogue was not written: \(error)") }
                failed = true
            }
        }
    }
}

/// The id that the next body gets.
final class NextBody: Sendable {
    private let next: Atomic<Int64>

    init(_ first: Int64) { next = Atomic(first) }

    var value: Int64 { next.load(ordering: .acquiring) }
    func draw() -> Int64 { next.add(1, ordering: .acquiringAndReleasing).oldValue }
}
