import Crypto
import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Threading

/// Keeps the search index behind the arrival of mail: one niced thread, which nobody waits for.
///
/// A body's words come into memory first, from where queries have them; a segment is written when there are many, or after a while, and segments of
/// like size are merged. After a start what memory had is read again from the bodies: those above a mark, and once a day all that are not indexed.
///
/// `@unchecked Sendable`: what is not `let` belongs to the thread.
final class Indexer: @unchecked Sendable {
    enum Event {
        case held(Held)
        case removed(AccountID)
        /// Calls back once everything before it is indexed; with `writing` on disk too, and what is due by the clock done.
        case settled(writing: Bool, () -> Void)
    }

    struct Limits {
        /// Of one account's words in memory, in octets, before they become a segment.
        var young = 4 << 20
        var youngBodies = 8_192
        /// Of all accounts' words in memory.
        var allYoung = 32 << 20
        /// Seconds after which words in memory are written though they are few.
        var youngAge: Int64 = 300
        /// Segments of like size before they are merged.
        var alike = 8
        /// Seconds between looks for words of bodies that are gone, which leave the disk within a day.
        var purge: Int64 = 8 * 3_600
    }

    static let limits = Limits()
    /// What `attempt` does with the index's own file and nothing else.
    private static let ofFileAlone: Set<String> = ["write", "merge", "removal", "look-up"]
    /// How often a damaged file is thrown away in one run.
    private static let mostEditions = 3
    private static let atOnce = 256
    /// Microseconds that mail may gather.
    private static let patience: UInt32 = 50_000
    /// Bodies under the mark that are looked at again after a start: those that came in out of order.
    private static let margin: Int64 = 4_096

    private let path: String
    private let lastBody: Int64
    /// Rises when the file is another.
    let edition = Atomic<Int>(0)
    let shelf: SearchShelf
    let queue = BlockingQueue<Event>()
    let catalog: Catalog
    let reader: BodyReader
    let clock: Timestamp.Clock
    let log: Logger
    let limits: Limits
    /// Whether the disk is above its free floor.
    let hasRoom: @Sendable () -> Bool
    var file: SearchFile
    /// When each account's words in memory began to be.
    var youngSince: [AccountID: Timestamp] = [:]
    /// Where the walk through all held bodies stands; nil: nothing is left to look at.
    var walk: (body: Int64, account: Int64)?
    var lastPurge: Timestamp
    private var highest: Int64 = 0
    private var settling: [(writing: Bool, () -> Void)] = []
    /// Heads that came with the bodies that are being indexed.
    private var heads: [BodyID: [AccountID: [UInt8]]] = [:]
    /// Events that were not dealt with yet, and one while there is a walk.
    private let open = Atomic<Int>(0)
    private let hasWalk = Atomic<Bool>(true)
    private let isClosing = Atomic<Bool>(false)
    /// The lowest body that a stop did not wait for; the mark stays under it.
    private var lowestLeft: Int64?
    private var thread: BlockingThread?

    init(
        path: String, reader: BodyReader, catalog: Catalog, lastBody: Int64, limits: Limits = Indexer.limits, hasRoom: @escaping @Sendable () -> Bool,
        clock: @escaping Timestamp.Clock, log: Logger
    ) throws {
        self.hasRoom = hasRoom
        self.reader = reader
        self.catalog = catalog
        self.clock = clock
        self.log = log
        self.limits = limits
        shelf = SearchShelf()
        self.path = path
        self.lastBody = lastBody
        file = try SearchFile.open(path, lastBody: lastBody, log: log)
        lastPurge = clock()
        do {
            try load()
        } catch {
            file.connection.close()
            file = try SearchFile.makeAnew(path, lastBody: lastBody, because: error, log: log)
            try load()
        }
        thread = BlockingThread("martlet-words", nice: 10) { [self] in run() }
    }

    /// False once closed.
    @discardableResult
    func push(_ events: [Event]) -> Bool {
        guard !events.isEmpty else { return true }
        open.add(events.count, ordering: .relaxed)
        let isTaken = queue.push(contentsOf: events)
        if !isTaken { open.subtract(events.count, ordering: .relaxed) }
        return isTaken
    }

    func push(_ held: [Held]) {
        let isFull = waiting > FreshBody.most
        push(held.map { .held(isFull ? Held(body: $0.body, account: $0.account, head: $0.head) : $0) })
    }

    /// Bodies that wait to be indexed; a walk through those of before the start counts as one.
    var waiting: Int { open.load(ordering: .relaxed) + (hasWalk.load(ordering: .relaxed) ? 1 : 0) }

    /// Ends the thread after what it is at; blocks. What waits to be indexed is left to the next start, for nobody knows how long it would take.
    func close() {
        leaveTheRest()
        queue.close()
        thread?.join()
    }

    /// From now on no text is read any more.
    func leaveTheRest() { isClosing.store(true, ordering: .sequentiallyConsistent) }

    private func load() throws {
        if let purged = try file.number("purged") { lastPurge = Timestamp(rawValue: purged) }
        for segment in try file.segments() where catalog.account(segment.account) == nil { try file.remove(segment.id) }
        shelf.load(try file.segments())
        walk = (try file.number("mark") ?? 0, 0)
    }

    /// What is damaged is thrown away, and made again from the bodies; until then their texts are scanned.
    private func startAnew(because fault: any Error) throws {
        file.connection.close()
        shelf.clear()
        youngSince = [:]
        file = try SearchFile.makeAnew(path, lastBody: lastBody, because: fault, log: log)
        edition.add(1, ordering: .relaxed)
        lastPurge = clock()
        walk = (0, 0)
    }

    private func run() {
        while let events = queue.take(most: Indexer.atOnce, milliseconds: walk != nil || !settling.isEmpty ? 0 : 1_000) {
            let batch = isClosing.load(ordering: .sequentiallyConsistent) ? leave(events) : gathered(events)
            handle(batch)
            if batch.isEmpty { goOn() }
            open.subtract(batch.count, ordering: .relaxed)
            attempt("write") { try writeFull() }
        }
        attempt("write") { try writeAll() }
        attempt("write") { try mark() }
        for (_, done) in settling { done() }
        file.connection.close()
    }

    /// What is done while no mail comes.
    private func goOn() {
        reader.forgetFiles()
        if walk != nil {
            attempt("walk") { try walkOn() }
            hasWalk.store(walk != nil, ordering: .relaxed)
            return
        }
        attempt("write") { try writeOld() }
        attempt("merge") { try merge() }
        attempt("purge") { try purgeIfDue() }
        hasWalk.store(walk != nil, ordering: .relaxed)
        guard walk == nil else { return }
        let done = settling
        settling = []
        if done.contains(where: \.writing) {
            attempt("write") { try writeAll() }
            attempt("merge") { try merge() }
        }
        for (_, finish) in done { finish() }
    }

    /// A fault of the index is no fault of the mail: it is told, and what was not indexed is scanned.
    private func attempt(_ what: String, _ work: () throws -> Void) {
        do { try work() } catch {
            log.warning("Search index, \(what): \(error)")
            if what == "walk" { walk = nil }
            if case .corrupt = error as? StorageFault, Indexer.ofFileAlone.contains(what), edition.load(ordering: .relaxed) < Indexer.mostEditions {
                do { return try startAnew(because: error) } catch { log.error("There is no search index: \(error)") }
            }
            try? file.connection.execute("ROLLBACK")
        }
    }

    /// While mail trickles in, it is let gather for a moment: many bodies are read at a fraction of the cost of one.
    private func gathered(_ events: [Event]) -> [Event] {
        let isUrgent = events.isEmpty || events.contains { if case .held = $0 { false } else { true } }
        guard !isUrgent, events.count < Indexer.atOnce / 2 else { return events }
        usleep(Indexer.patience)
        return events + (queue.take(most: Indexer.atOnce - events.count, milliseconds: 0) ?? [])
    }

    /// Those that are not about texts.
    private func leave(_ events: [Event]) -> [Event] {
        events.filter { event in
            guard case .held(let held) = event else { return true }
            lowestLeft = min(lowestLeft ?? .max, held.body.rawValue)
            return false
        }
    }

    private func handle(_ events: [Event]) {
        var held: [Held] = []
        for event in events {
            switch event {
            case .held(let item): held.append(item)
            case .removed(let account):
                index(held)
                held = []
                attempt("removal") { try remove(account) }
            case .settled(let writing, let done): settling.append((writing, done))
            }
        }
        index(held)
    }

    /// A body that several accounts hold is read once.
    private func index(_ held: [Held]) {
        var accounts: [BodyID: [AccountID]] = [:]
        var fresh: [BodyID: FreshBody] = [:]
        heads = [:]
        defer { heads = [:] }
        for item in held {
            attempt("look-up") {
                guard let entry = catalog.account(item.account), try !isIndexed(item.body, of: entry) else { return }
                accounts[item.body, default: []].append(item.account)
                if let body = item.fresh { fresh[item.body] = body }
                if let head = item.head { heads[item.body, default: [:]][item.account] = head }
            }
        }
        for body in readFresh(fresh, accounts, { keep(.texts($2), of: $0, for: $1) }) { accounts[body] = nil }
        let byReader = Dictionary(grouping: accounts.keys.sorted { $0.rawValue < $1.rawValue }) { accounts[$0]?.first ?? AccountID(rawValue: 0) }
        for (account, bodies) in byReader {
            do {
                try readTexts(of: bodies, for: account) { body, texts in keep(texts, of: body, for: accounts[body] ?? []) }
            } catch {
                // One of them is gone or damaged; the others are none the worse.
                for body in bodies {
                    attempt("body \(body.rawValue)") {
                        do {
                            try readTexts(of: [body], for: account) { keep($1, of: $0, for: accounts[$0] ?? []) }
                        } catch StorageFault.noSuchMessage {}
                    }
                }
            }
        }
    }

    private func keep(_ texts: IndexedTexts, of body: BodyID, for accounts: [AccountID]) {
        for account in accounts {
            // What stands before a body differs by account, and so it is found by its own alone.
            guard let head = head(of: body, for: account) else { continue }
            shelf.young(of: account).words.withLock { $0.add(body, texts, head: head) }
            if youngSince[account] == nil { youngSince[account] = clock() }
        }
        highest = max(highest, body.rawValue)
    }

    private func isIndexed(_ body: BodyID, of account: AccountEntry) throws -> Bool {
        guard let words = shelf.words(of: account.record.id) else { return false }
        if words.young.words.withLock({ $0.contains(body) }) { return true }
        for segment in words.segments where segment.lowest.rawValue <= body.rawValue && body.rawValue <= segment.highest.rawValue {
            if try file.head(of: segment, account.searchKey, in: shelf.cache).contains(body) { return true }
        }
        return false
    }

    /// As it is indexed; nil when it cannot be read: then nothing of the body is indexed for the account, and its texts decide.
    private func head(of body: BodyID, for account: AccountID) -> IndexedText? {
        var octets: [UInt8]?
        attempt("head of body \(body.rawValue)") { octets = try heads[body]?[account] ?? reader.head(of: body, for: account) }
        guard let octets else { return nil }
        var folded: [UInt8] = []
        if !octets.isEmpty { SearchableText.fold(header: ByteBuffer(bytes: octets), into: &folded) }
        return IndexedText(zones: .header, octets: folded)
    }

    /// Reads what is small together, and gives the texts of each body in turn. A stop does not wait for those that were not begun.
    private func readTexts(of bodies: [BodyID], for account: AccountID, _ visit: (BodyID, IndexedTexts) -> Void) throws {
        // What is no message is left out.
        let messages = try reader.textOutlines(of: bodies, for: account)
        var start = 0
        while start < messages.count {
            guard !isClosing.load(ordering: .sequentiallyConsistent) else {
                for message in messages[start...] { lowestLeft = min(lowestLeft ?? .max, message.body.rawValue) }
                return
            }
            var end = start
            var octets = 0
            while end < messages.count, octets + messages[end].outline.size <= BodyBatch.octets {
                octets += messages[end].outline.size
                end += 1
            }
            let together = try reader.read(messages[start..<end].map(\.body), for: account, isText: true)
            for (message, whole) in zip(messages[start..<end], together) { visit(message.body, .texts(try texts(message.outline, whole: whole))) }
            if end == start {
                visit(messages[start].body, .words(try words(messages[start].outline, of: messages[start].body, for: account)))
                end += 1
            }
            start = end
        }
    }

    private func remove(_ account: AccountID) throws {
        let segments = shelf.words(of: account)?.segments ?? []
        shelf.remove(account)
        youngSince[account] = nil
        guard !segments.isEmpty else { return }
        try file.connection.execute("BEGIN IMMEDIATE")
        for segment in segments { try file.remove(segment.id) }
        try file.connection.execute("COMMIT")
        try file.connection.checkpoint(truncate: true)
    }

    /// The next bodies that somebody holds, those that are indexed already passed over.
    private func walkOn() throws {
        guard let from = walk else { return }
        // Not the queue's, which is number 0.
        let rows = try reader.connection.prepare(
            "SELECT body, account FROM holder WHERE (body, account) > (?, ?) AND account>0 ORDER BY body, account LIMIT ?")
        try rows.bind([.int(from.body), .int(from.account), .int(Int64(Indexer.atOnce))])
        var found: [(body: Int64, account: Int64)] = []
        while try rows.step() { found.append((rows.int(0), rows.int(1))) }
        rows.reset()
        walk = found.count < Indexer.atOnce ? nil : found.last
        index(found.map { Held(body: BodyID(rawValue: $0.body), account: AccountID(rawValue: $0.account)) })
    }

    /// All bodies below are in segments, as far as is known.
    func mark() throws {
        let young = shelf.all.values.compactMap { $0.young.words.withLock { $0.bodies.map(\.rawValue).min() } }.min()
        let mark = min(young ?? highest, walk?.body ?? .max) - Indexer.margin
        let known = try file.number("mark") ?? 0
        let next = min(max(mark, known), (lowestLeft ?? .max) - 1)
        if next != known { try file.set("mark", max(0, next)) }
    }
}
