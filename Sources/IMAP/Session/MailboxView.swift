import MailModel
package import PostOffice
import Storage

/// What one session has been told of its selected mailbox.
///
/// - `rows` are the messages as the client numbers them. A message that another session has expunged stays among them, its body readable,
///   until a command comes in whose answer may tell it (RFC 9051 §7.5.1).
/// - Most of the time they are the very rows of the shared table; only while there are expunges to tell the session has blocks of its own.
/// - Flags come from the shared table (`current`), by UID.
package struct MailboxView: Sendable {
    package let mailbox: OpenMailbox
    let isReadOnly: Bool
    /// The flags that this user may change (RFC 4314 §4).
    var scope: FlagScope
    private(set) var rows: MailboxSnapshot
    /// UIDs that are `\Recent` to this session alone (RFC 3501 §2.3.2).
    private(set) var recent = NumberSet()
    /// The UIDs of `$` (RFC 9051 §6.4.4.1).
    var saved = NumberSet()
    /// The keywords that the client knows of, by place.
    var toldKeywords: [Keyword?]
    /// Rows that the answer under way has told already, where they differ from `rows`.
    private var told = ToldRows()
    /// Expunges wait to be told.
    private(set) var isBehind = false
    /// The client has been told of every change up to here.
    private(set) var toldModSeq: ModSeq
    /// Keep the bodies of rows that came after `rows.lease` and have gone since.
    private var leases: [any AnyObject & Sendable] = []

    /// `recentAbove`: messages above it are recent, whose rows must be at hand; nil where nobody asks (IMAP4rev2).
    init(_ mailbox: OpenMailbox, isReadOnly: Bool, scope: FlagScope = .all, rows: MailboxSnapshot, recentAbove floor: UInt32?) throws {
        self.mailbox = mailbox
        self.scope = scope
        self.isReadOnly = isReadOnly
        self.rows = rows
        toldKeywords = rows.keywords.places
        toldModSeq = rows.highestModSeq
        if let floor { try markRecent(from: UID(rawValue: floor)?.successor ?? .first, above: floor) }
    }

    /// The shared table as it is now.
    var current: MailboxSnapshot { mailbox.handle.snapshot }

    var recentCount: Int { recent.count }

    /// The answer under way has told these rows of the shared table.
    mutating func note(_ row: MessageRow) { told.note(row) }

    private mutating func markRecent(from first: UID, above floor: UInt32) throws {
        try rows.forEach(in: rows.lowerBound(first)..<rows.count) { _, row in
            if row.uid.rawValue > floor { recent.insert(row.uid) }
            return true
        }
    }
}

extension MailboxView {
    /// What is new in a mailbox since its session was last told.
    struct News {
        /// Sequence numbers, the highest first: each holds when those before it have been told.
        var expunged: [Int] = []
        /// Their UIDs.
        var vanished = NumberSet()
        /// The number of messages, when there are more.
        var exists: Int?
        /// The place of the first of those, after `expunged`.
        var firstNew: Int?
        /// Messages whose flags, or with CONDSTORE whose ModSeq, changed; numbers as they are after `expunged` and `exists`.
        var changed: [(number: Int, row: MessageRow, further: FurtherKeywords)] = []
        /// All rows that are others now, whether the client knows it or not.
        var differing: [MessageRow] = []
        var hasNewKeywords = false
    }

    /// Brings the view up to the shared table and says what the client must be told for that. Without `expunges` what is gone stays.
    /// O(blocks + rows of blocks that changed). Only such rows are looked at, which the store has at hand, for it has changed them; `RowsNotAtHand` all the
    /// same, and then the view is worth nothing: it is neither the old one nor the new.
    mutating func catchUp(expunges: Bool, modSeqs: Bool, claimsRecent: Bool) throws -> News {
        var news = News()
        var live = current
        told.sort()
        defer { told = ToldRows() }
        guard live.highestModSeq != rows.highestModSeq || live.count != rows.count || (isBehind && expunges) else { return news }
        let floor = claimsRecent ? try claim(&live) : nil
        let difference = try Difference(from: rows, to: live)
        let firstNew = try firstNew(in: live)
        news.hasNewKeywords = live.keywords.places != toldKeywords
        toldKeywords = live.keywords.places
        let before = rows
        news.differing = difference.changed
        if expunges || difference.gone.isEmpty {
            news.expunged = difference.gone.reversed().map { $0 + 1 }
            for place in difference.gone { if let uid = try rows.row(at: place)?.uid { news.vanished.insert(uid) } }
            try adopt(live, lacksSome: !difference.gone.isEmpty)
        } else {
            try merge(live, difference, firstNew: firstNew)
        }
        if firstNew < live.count {
            news.exists = rows.count
            news.firstNew = rows.count - (live.count - firstNew)
            if let floor, let first = try live.row(at: firstNew)?.uid { try markRecent(from: first, above: floor) }
        }
        for row in difference.changed where try isNews(row, before: before, modSeqs: modSeqs) {
            if let index = try rows.index(of: row.uid) { news.changed.append((index + 1, row, try live.further(of: row))) }
        }
        return news
    }

    /// Takes what has come into the view, and nothing else: expunges and changes of flags are news still. O(rows that have come).
    mutating func takeArrivals(claimsRecent: Bool) throws -> News {
        var news = News()
        var live = current
        let floor = claimsRecent ? try claim(&live) : nil
        let firstNew = try firstNew(in: live)
        rows.uidNext = live.uidNext
        guard firstNew < live.count else { return news }
        let count = rows.count
        try append(live, from: firstNew)
        rows.keywords = live.keywords
        news.hasNewKeywords = live.keywords.places != toldKeywords
        toldKeywords = live.keywords.places
        news.exists = rows.count
        news.firstNew = count
        if let floor, let first = try live.row(at: firstNew)?.uid { try markRecent(from: first, above: floor) }
        return news
    }

    private func firstNew(in live: MailboxSnapshot) throws -> Int {
        try rows.lastUID.map { try live.lowerBound($0.successor) } ?? 0
    }

    /// Makes new messages recent to this session; `live` may grow by what comes meanwhile, so that nothing that is claimed is left out.
    private func claim(_ live: inout MailboxSnapshot) throws -> UInt32? {
        guard try firstNew(in: live) < live.count else { return nil }
        // EXAMINE takes nothing away (RFC 3501 §6.3.2).
        guard !isReadOnly else { return 0 }
        let floor = mailbox.handle.claimRecent()
        live = current
        return floor
    }

    private func isNews(_ row: MessageRow, before: MailboxSnapshot, modSeqs: Bool) throws -> Bool {
        guard let known = try told.row(row.uid) ?? before.row(row.uid) else { return false }
        guard known.flags == row.flags else { return true }
        // Whatever changes further keywords raises the ModSeq.
        return known.modSeq != row.modSeq && (modSeqs || known.hasFurther || row.hasFurther)
    }

    private mutating func adopt(_ live: MailboxSnapshot, lacksSome: Bool) throws {
        rows = live
        toldModSeq = live.highestModSeq
        leases.removeAll()
        isBehind = false
        guard lacksSome, !recent.isEmpty else { return }
        var left = NumberSet()
        for (_, row) in try live.rows(recent) { left.insert(row.uid) }
        recent = left
    }

    private mutating func merge(_ live: MailboxSnapshot, _ difference: Difference, firstNew: Int) throws {
        let changed = NumberSet(difference.changed.lazy.map(\.uid))
        try rows.updateAll(changed) { row, further in
            guard let now = try live.row(row.uid) else { return (row, further) }
            return (now, try live.further(of: now))
        }
        if firstNew < live.count { try append(live, from: firstNew) }
        rows.uidNext = live.uidNext
        rows.highestModSeq = live.highestModSeq
        rows.keywords = live.keywords
        isBehind = true
    }

    private mutating func append(_ live: MailboxSnapshot, from first: Int) throws {
        var new: [MessageRow] = []
        try live.forEach(in: first..<live.count) { _, row in
            new.append(row)
            return true
        }
        rows.append(new, further: try live.further(of: new))
        if let lease = live.lease { leases.append(lease) }
    }

    /// How two versions of a mailbox's table differ in the messages of the older one.
    struct Difference {
        /// The newer rows of messages whose row is another.
        private(set) var changed: [MessageRow] = []
        /// Places in the older table of messages that the newer one lacks, rising.
        private(set) var gone: [Int] = []

        init(from old: MailboxSnapshot, to new: MailboxSnapshot) throws {
            // The newer table's next row: in block `b` at `j`.
            var (b, j) = (0, 0)
            var index = 0
            for block in old.blocks {
                if j == 0, b < new.blocks.count, block === new.blocks[b] {
                    index += block.count
                    b += 1
                    continue
                }
                let rows = try block.rows
                var i = 0
                while i < rows.count {
                    // Of a block that begins above it nothing need be read.
                    guard b < new.blocks.count, j > 0 || new.blocks[b].first <= rows[i].uid else {
                        gone.append(index + i)
                        i += 1
                        continue
                    }
                    let others = try new.blocks[b].rows
                    (i, j) = compare(rows, from: i, others, from: j, at: index)
                    if j == others.count { (b, j) = (b + 1, 0) }
                }
                index += rows.count
            }
        }

        /// Goes along two blocks until one of them ends; answers where it stopped in each. `index`: the place of the older one's first row.
        private mutating func compare(
            _ rows: ContiguousArray<MessageRow>, from first: Int, _ others: ContiguousArray<MessageRow>, from start: Int, at index: Int
        ) -> (Int, Int) {
            var (i, j) = (first, start)
            while i < rows.count, j < others.count {
                // Numbers are compared without a call.
                let (uid, other) = (rows[i].uid.rawValue, others[j].uid.rawValue)
                if other < uid {
                    j += 1
                    continue
                }
                if other == uid {
                    // Whatever changes a row raises its ModSeq.
                    if others[j].modSeq.rawValue != rows[i].modSeq.rawValue || others[j].flags.rawValue != rows[i].flags.rawValue { changed.append(others[j]) }
                    j += 1
                } else {
                    gone.append(index + i)
                }
                i += 1
            }
            return (i, j)
        }
    }
}

/// Rows that the answer under way has told already, where they differ from the view's. Nearly always they are told in order.
private struct ToldRows {
    private var rows: [MessageRow] = []
    private var isSorted = true

    mutating func note(_ row: MessageRow) {
        if let last = rows.last, last.uid >= row.uid { isSorted = false }
        rows.append(row)
    }

    /// Before rows are looked up. Of two with one UID the later counts.
    mutating func sort() {
        guard !isSorted else { return }
        var latest: [UID: MessageRow] = [:]
        for row in rows { latest[row.uid] = row }
        rows = latest.values.sorted { $0.uid < $1.uid }
        isSorted = true
    }

    func row(_ uid: UID) -> MessageRow? {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].uid < uid { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].uid == uid ? rows[low] : nil
    }
}
