import MailModel
import Storage

/// The change records that wait to be folded into rows. The index thread's own.
///
/// Records of flags are folded in order, for each is made upon the one before. A record of expunged messages may go at any time, since no later change names
/// its rows: it waits until nobody looks at a version of the mailbox that has them.
final class Ledger {
    struct Waiting {
        var record: LedgerRecord
        /// The commit that made it; 0: one of an earlier run.
        let epoch: Int
        /// About how many rows are left of it.
        var rows: Int

        init(_ record: LedgerRecord, epoch: Int) {
            self.record = record
            self.epoch = epoch
            // A deleted mailbox's record names every UID there ever was.
            rows = min(record.uids.count, Ledger.mostRowsCounted)
        }
    }

    private var flags: [Waiting] = []
    private var expunged: [Waiting] = []
    private var withFlags: [MailboxID: Int] = [:]
    /// Records whose rows may still come to be shown: they are not folded.
    private var held: Set<Int64> = []
    /// UIDs of rows that a copy under way, or one that came to nothing, may have in a mailbox.
    private var reserved: [MailboxID: ClosedRange<UInt32>] = [:]
    private var flagRows = 0
    private var expungedRows = 0
    /// The id of the next record.
    private(set) var nextID: Int64 = 1

    /// Rows that one step folds: some milliseconds of work.
    static let rowsAtOnce = 2_000
    /// Statements that one step may take, for sets of single UIDs.
    static let statementsAtOnce = 1_000
    /// More than that many rows or records wait for no idle moment.
    static let mostRows = 250_000
    static let mostRecords = 2_000
    private static let mostRowsCounted = 100_000

    /// `left`: what the last run did not fold; `above`: ids of records may have been given up to it.
    init(_ left: [LedgerRecord], above: Int64 = 0) {
        nextID = above + 1
        add(left, epoch: 0)
    }

    func add(_ records: [LedgerRecord], epoch: Int) {
        for record in records {
            let waiting = Waiting(record, epoch: epoch)
            if record.change == .expunged {
                expunged.append(waiting)
                expungedRows += waiting.rows
            } else {
                flags.append(waiting)
                flagRows += waiting.rows
                withFlags[record.mailbox, default: 0] += 1
            }
            nextID = max(nextID, record.id + 1)
        }
    }

    /// Keeps a record from being folded, until `release` or `withdraw`.
    func hold(_ id: Int64) { held.insert(id) }

    /// It is folded like others from now on.
    func release(_ id: Int64) { held.remove(id) }

    func isHeld(_ id: Int64) -> Bool { held.contains(id) }

    /// Whether a record of that mailbox is held.
    func isHolding(_ mailbox: MailboxID) -> Bool {
        !held.isEmpty && expunged.contains { $0.record.mailbox == mailbox && held.contains($0.record.id) }
    }

    /// Forgets a held record, whose row is gone.
    func withdraw(_ id: Int64) {
        held.remove(id)
        guard let index = expunged.firstIndex(where: { $0.record.id == id }) else { return }
        expungedRows -= expunged.remove(at: index).rows
    }

    /// Nothing else gets one of these UIDs.
    func reserve(_ uids: ClosedRange<UInt32>, in mailbox: MailboxID) {
        let known = reserved[mailbox] ?? uids
        reserved[mailbox] = min(known.lowerBound, uids.lowerBound)...max(known.upperBound, uids.upperBound)
    }

    /// The first of `count` UIDs in a row, from `next` on, none of which is reserved.
    func free(_ count: UInt32, from next: UInt32, in mailbox: MailboxID) -> UInt32 {
        guard let reserved = reserved[mailbox], next <= reserved.upperBound, next >= reserved.lowerBound || count > reserved.lowerBound - next else {
            return next
        }
        return reserved.upperBound &+ 1
    }

    func hasFlags(of mailbox: MailboxID) -> Bool { withFlags[mailbox] != nil }
    var isEmpty: Bool { flags.isEmpty && expunged.isEmpty }

    /// Whether so much waits that it must be folded between other work.
    var isLong: Bool {
        flagRows > Ledger.mostRows || expungedRows > Ledger.mostRows || flags.count > Ledger.mostRecords || expunged.count > Ledger.mostRecords
    }

    /// What a step did; it counts once its transaction is committed.
    struct Step {
        fileprivate var flags: [Waiting] = []
        fileprivate var expunged: [Waiting] = []
        /// Whether anything was folded.
        var isEmpty: Bool { flags.isEmpty && expunged.isEmpty }
    }

    /// Folds about `rows` rows within `transaction`.
    func step(_ transaction: Transaction, _ leases: Leases, _ folder: BodyFolder, rows: Int = Ledger.rowsAtOnce) throws -> Step {
        var fold = Fold(transaction: transaction, folder: folder, rows: rows)
        var step = Step()
        for waiting in flags {
            guard !fold.isSpent else { break }
            step.flags.append(try fold.fold(waiting))
        }
        var looked: [MailboxID: Int] = [:]
        for waiting in expunged where !held.contains(waiting.record.id) {
            guard !fold.isSpent else { break }
            let mailbox = waiting.record.mailbox
            if let since = looked[mailbox], since <= waiting.epoch { continue }
            guard !leases.isHeld(mailbox, before: waiting.epoch) else {
                looked[mailbox] = waiting.epoch
                continue
            }
            step.expunged.append(try fold.fold(waiting))
        }
        try fold.finish()
        return step
    }

    /// Takes note of a step that is durable.
    func adopt(_ step: Step) {
        flagRows += Ledger.replace(&flags, by: step.flags)
        expungedRows += Ledger.replace(&expunged, by: step.expunged)
        withFlags = [:]
        for waiting in flags { withFlags[waiting.record.mailbox, default: 0] += 1 }
    }

    /// Puts folded records where they were, or removes them when nothing is left of them. Gives the change in the count of rows.
    private static func replace(_ waiting: inout [Waiting], by folded: [Waiting]) -> Int {
        guard !folded.isEmpty else { return 0 }
        var difference = 0
        var next = folded.makeIterator()
        var new = next.next()
        var kept: [Waiting] = []
        kept.reserveCapacity(waiting.count)
        for old in waiting {
            guard let now = new, now.record.id == old.record.id else {
                kept.append(old)
                continue
            }
            new = next.next()
            let isDone = now.record.isFolded
            difference += (isDone ? 0 : now.rows) - old.rows
            if !isDone { kept.append(now) }
        }
        waiting = kept
        return difference
    }
}
