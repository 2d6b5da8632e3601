import Crypto
import MailModel
import Storage

/// One batch on the index thread: operations run in it one after the other and share its commit.
///
/// An operation checks everything first and throws before it changes anything; an error of SQLite fails the whole batch. What an operation changes in
/// memory goes into `staged`, which is thrown away with a batch that fails.
final class Transaction {
    let connection: Connection
    let catalog: Catalog
    let now: Timestamp
    let ledger: Ledger
    /// For what is sealed in it.
    var nonces = NonceStock()
    /// The commit that it will be.
    let epoch: Int
    var staged = Staged()
    /// Set when an operation failed halfway: the batch must roll back.
    private var failure: (any Error)?
    private var writes = 0
    private var hasBegun = false
    /// Bodies that accounts hold from now on and did not before.
    var held: [Indexer.Held] = []
    /// What it commits to and does not do itself.
    var records: [LedgerRecord] = []
    /// Records of the ledger whose rows it deletes.
    var withdrawn: [Int64] = []
    /// Later holders of bodies, which are written into a segment before the commit.
    var introduced: [HolderBlock] = []
    /// What must be on the disk before the commit; an error fails the batch.
    var beforeCommit: [() throws -> Void] = []
    /// Files to keep or remove once the commit is durable.
    var afterCommit: [() -> Void] = []
    /// Whether what waits in the ledger is folded right after the commit, idle or not.
    var foldsAfterwards = false
    /// What takes back `beforeCommit`.
    var afterFailure: [() -> Void] = []
    /// It removes what must not be found on the disk any more.
    var erases = false
    var hasFailed: Bool { failure != nil }

    init(_ connection: Connection, catalog: Catalog, ledger: Ledger, epoch: Int, now: Timestamp) {
        self.connection = connection
        self.catalog = catalog
        self.ledger = ledger
        self.epoch = epoch
        self.now = now
    }

    /// A change: begins the transaction if none has, and marks the batch as failed when it fails.
    func write(_ sql: String, _ values: SQLValue...) throws {
        try write {
            let statement = try connection.prepare(sql)
            try statement.bind(values)
            _ = try statement.step()
            statement.reset()
        }
    }

    /// Changes that `body` makes by itself, as with a statement that runs many times.
    func write(_ body: () throws -> Void) throws {
        do {
            if !hasBegun {
                try connection.run("BEGIN IMMEDIATE")
                hasBegun = true
            }
            writes += 1
            try body()
        } catch {
            failure = error
            throw error
        }
    }

    /// Runs one operation. One that throws before its first change harms nobody; one that throws later fails the batch.
    func run(_ operation: (Transaction) throws -> Void) throws {
        let before = writes
        do {
            try operation(self)
        } catch {
            if writes != before { failure = error }
            throw error
        }
    }

    func insertedID() throws -> Int64 { try connection.number("SELECT last_insert_rowid()") ?? 0 }

    /// Writes what is written once a batch, of tables that were touched, and commits. On return it is durable. What was only noted (logins, `\Recent`) goes along with
    /// changes, or when `withNotes` asks for it: a batch that changes nothing, such as an opening of mailboxes, needs no room on the disk.
    /// False: there was nothing to commit.
    @discardableResult
    func commit(withNotes: Bool = false) throws -> Bool {
        if let failure { throw failure }
        for id in staged[MailboxTable.self].arrived.keys { _ = try table(of: id) }
        try staged.write(self)
        if hasBegun || withNotes { try writeNotes() }
        for action in beforeCommit { try action() }
        guard hasBegun else { return false }
        try connection.run("COMMIT")
        hasBegun = false
        // try?: overwriting more than it must costs time alone.
        if erases { try? connection.execute("PRAGMA secure_delete=OFF") }
        return true
    }

    func rollback() {
        if hasBegun { try? connection.execute("ROLLBACK") }
        hasBegun = false
        // try?: as above.
        if erases { try? connection.execute("PRAGMA secure_delete=OFF") }
        for action in afterFailure { action() }
        catalog.read { staged.abandon(in: &$0) }
    }

    private func writeNotes() throws {
        catalog.read { tables in for kind in TableList.noted { kind.takeNotes(from: &tables, into: &staged) } }
        for kind in TableList.noted { try kind.writeNotes(of: self) }
    }
}

// What operations look up and allot.
extension Transaction {
    func mailbox(_ id: MailboxID) throws -> MailboxEntry {
        let found = if let staged = staged.mailboxes[id] { staged } else { catalog.mailbox(id) }
        guard let found else { throw StorageFault.noSuchMailbox }
        return found
    }

    func mailbox(named name: MailboxName, of account: AccountID) -> MailboxID? {
        if let staged = staged.names[account]?[name] { return staged }
        return catalog.read { $0.mailboxes.names[account]?[name] }
    }

    /// Those of the account's mailboxes that `isMeant` says yes to: every name is looked at, none is copied besides.
    func mailboxes(of account: AccountID, _ isMeant: (MailboxName) -> Bool = { _ in true }) -> [(name: MailboxName, id: MailboxID)] {
        let staged = staged.names[account] ?? [:]
        let known = catalog.read { state -> [(name: MailboxName, id: MailboxID)] in
            (state.mailboxes.names[account] ?? [:]).compactMap { name, id in staged[name] == nil && isMeant(name) ? (name, id) : nil }
        }
        return known + staged.compactMap { name, id in id.flatMap { isMeant(name) ? (name, $0) : nil } }
    }

    /// Who looks at the mailbox; from then on its table is kept to the end of the batch.
    func open(_ id: MailboxID) -> OpenMailbox? {
        if let open = staged[MailboxTable.self].opened[id] { return open }
        guard let open = catalog.opened(id) else { return nil }
        staged[MailboxTable.self].opened[id] = open
        return open
    }

    /// The mailbox's rows, from whoever looks at it or from the disk.
    func table(of id: MailboxID) throws -> MailboxSnapshot {
        guard let open = open(id) else { return try TableReader.load(try mailbox(id), connection) }
        var table = staged[MailboxTable.self].tables[id] ?? open.snapshot
        if let arrived = staged[MailboxTable.self].arrived.removeValue(forKey: id) {
            table.append(arrived, further: staged[MailboxTable.self].arrivedFurther.removeValue(forKey: id) ?? [:])
            staged[MailboxTable.self].tables[id] = table
        }
        return table
    }

    /// Has rows that were added behind the last join the table that others look at, once a batch or when it is asked for.
    /// `further`: the further keywords of those that have any.
    func show(_ rows: some Collection<MessageRow>, further: [UID: FurtherKeywords] = [:], in id: MailboxID) {
        guard open(id) != nil else { return }
        staged[MailboxTable.self].arrived[id, default: []].append(contentsOf: rows)
        if !further.isEmpty { staged[MailboxTable.self].arrivedFurther[id, default: [:]].merge(further) { _, last in last } }
    }

    /// Keeps a changed table for those who look at it.
    func keep(_ table: MailboxSnapshot, of id: MailboxID) {
        if open(id) != nil { staged[MailboxTable.self].tables[id] = table }
    }
}

extension NumberSet {
    /// Ranges as pairs of variable-length numbers: the gap from the last upper bound, the length less one.
    var packed: [UInt8] {
        var out: [UInt8] = []
        var last: UInt32 = 0
        for range in ranges {
            NumberSet.pack(range.lowerBound - last, into: &out)
            NumberSet.pack(range.upperBound - range.lowerBound, into: &out)
            last = range.upperBound
        }
        return out
    }

    /// Nil when the bytes are not what `packed` gives.
    init?(packed bytes: [UInt8]) {
        var found: [ClosedRange<UInt32>] = []
        var last: UInt32 = 0
        var index = 0
        while index < bytes.count {
            guard let gap = NumberSet.unpack(bytes, &index), let length = NumberSet.unpack(bytes, &index) else { return nil }
            let (low, lowOver) = last.addingReportingOverflow(gap)
            let (high, highOver) = low.addingReportingOverflow(length)
            guard !lowOver, !highOver else { return nil }
            found.append(low...high)
            last = high
        }
        self.init(found)
    }

    /// Seven bits an octet, the lowest first.
    static func pack(_ number: UInt32, into out: inout [UInt8]) {
        var number = number
        while number >= 0x80 {
            out.append(UInt8(number & 0x7F) | 0x80)
            number >>= 7
        }
        out.append(UInt8(number))
    }

    /// Nil when the number does not end, or is too large.
    static func unpack(_ bytes: [UInt8], _ index: inout Int) -> UInt32? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count, shift < 35 {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return UInt32(exactly: value) }
            shift += 7
        }
        return nil
    }
}
