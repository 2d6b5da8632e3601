import MailModel
import Storage

/// A copy, or a move, of more messages than the writer's other work may wait for.
///
/// Its rows come in steps, with other work between them, and nobody sees any before one last commit shows them all. Until then a record of the ledger
/// says that they are expunged: whoever reads the mailbox passes them over, and after a power cut, or when the copy comes to nothing, the rows go as
/// others do that were expunged. The last commit deletes the record.
///
/// The rows' UIDs lie beyond those of the mailbox's next arrivals, and their ModSeq beyond that of the account's next changes, so that both may come
/// while the copy is under way and yet be lower. `Ledger.reserve` keeps the UIDs from being given to anything else.
struct LargeCopy: Sendable {
    let source: MailboxID
    let target: MailboxID
    let scope: FlagScope
    let isMove: Bool
    /// The record that hides the rows.
    let record: Int64
    /// The first copy's UID.
    let first: UInt32
    let modSeq: ModSeq
    /// The source's account, and its ModSeq before the first step: later changes are made good before the end.
    let owner: AccountID
    let since: ModSeq
    /// Those to copy, a step each.
    let steps: [NumberSet]

    /// UIDs, and ModSeqs, that are left to others while a copy is under way.
    static let room: UInt32 = 1 << 16
    static let roomOfModSeqs: UInt64 = 1 << 20

    enum Beginning: Sendable {
        /// There were not so many, or no UIDs to spare: all is done.
        case done(Copied)
        case begun(LargeCopy)
    }

    enum Ending: Sendable {
        case done(Copied)
        /// So many of the source's messages have changed since that their copies are to be looked after first.
        case changed(NumberSet, until: ModSeq)
    }

    /// What there is of it.
    struct Rows: Sendable {
        /// In order, of the messages and of their copies.
        var sources: [UID] = []
        var copies: [MessageRow] = []
        /// Of the copies that have any.
        var further: [UID: FurtherKeywords] = [:]

        mutating func append(_ others: Rows) {
            sources += others.sources
            copies += others.copies
            further.merge(others.further) { _, last in last }
        }

        /// The copy at `index` has those flags.
        mutating func set(_ flags: FlagSet, at index: Int) {
            copies[index].flags = flags.bits
            copies[index].hasFurther = !flags.further.isEmpty
            further[copies[index].uid] = flags.further.isEmpty ? nil : flags.further
        }

        func flags(at index: Int) -> FlagSet { FlagSet(bits: copies[index].flags, further: further[copies[index].uid] ?? FurtherKeywords()) }

        /// Nil: it is not among them.
        func index(of source: UID) -> Int? {
            var (low, high) = (0, sources.count)
            while low < high {
                let middle = (low + high) / 2
                if sources[middle] < source { low = middle + 1 } else { high = middle }
            }
            return low < sources.count && sources[low] == source ? low : nil
        }
    }
}

extension Transaction {
    /// Checks everything and hides the rows to come; copies at once where there are at most `most` rows.
    func begin(
        copyOf uids: NumberSet, from source: MailboxID, to target: MailboxID, flags scope: FlagScope, isMove: Bool, most: Int
    ) throws -> LargeCopy.Beginning {
        let (from, to) = (try mailbox(source), try mailbox(target))
        let rows = try present(uids, in: source).rows
        let count = UInt32(clamping: rows.count)
        let next = ledger.free(.max, from: to.uidNext, in: target)
        guard rows.count > most, to.uidNext != 0, next != 0, UInt32.max - next > LargeCopy.room, UInt32.max - next - LargeCopy.room > count else {
            return .done(
                try isMove ? move(uids, from: source, to: target, flags: scope) : copy(uids, from: source, to: target, flags: scope))
        }
        try admit(rows, isMove && from.record.account == to.record.account ? nil : to.record.account)
        let account = to.record.account
        let first = next + LargeCopy.room
        let hidden = first...(first + count - 1)
        guard let modSeq = ModSeq(rawValue: try self.account(account).modSeq.rawValue + LargeCopy.roomOfModSeqs) else {
            throw StorageFault.unavailable("the account's ModSeqs are used up")
        }
        let set = NumberSet(hidden)
        let id = try record(.expunged, of: set, packed: set.packed, in: target, account, modSeq, isTold: false)
        ledger.hold(id)
        ledger.reserve(hidden, in: target)
        afterFailure.append { [ledger] in ledger.release(id) }
        return .begun(
            LargeCopy(
                source: source, target: target, scope: scope, isMove: isMove, record: id, first: first, modSeq: modSeq, owner: from.record.account,
                since: try self.account(from.record.account).modSeq, steps: NumberSet(rows.map(\.uid)).split(most)))
    }

    /// Copies those of the messages that are still there, hidden, to UIDs from `first` on.
    func add(_ uids: NumberSet, to copy: LargeCopy, first: UInt32) throws -> LargeCopy.Rows {
        let (from, to) = (try mailbox(copy.source), try mailbox(copy.target))
        let present = try present(uids, in: copy.source)
        let rows = present.rows
        guard !rows.isEmpty else { return LargeCopy.Rows() }
        let keywords = try keywords(of: present, from, in: copy.target, copy.scope)
        let threads = try threads(of: rows, uids, in: copy.source)
        try widen(copy.target, keywords)
        let copies = copies(of: present, threads, from.keywords, keywords, copy.scope, first: first, copy.modSeq)
        try insert(copies, into: copy.target)
        try share(rows, of: from.record.account, with: to.record.account)
        return LargeCopy.Rows(sources: rows.map(\.uid), copies: copies.map(\.row), further: copies.further)
    }

    /// Copies of messages whose flags have changed since get what these have now. Gives the places among `rows` of those that differ, with their flags.
    func refresh(_ changed: NumberSet, of copy: LargeCopy, _ rows: LargeCopy.Rows) throws -> [(index: Int, flags: FlagSet)] {
        let from = try mailbox(copy.source)
        let now = try present(changed, in: copy.source)
        let keywords = try keywords(of: now, from, in: copy.target, copy.scope)
        try widen(copy.target, keywords)
        var refreshed: [(Int, FlagSet)] = []
        for row in now.rows {
            guard let index = rows.index(of: row.uid) else { continue }
            let further = now.further[row.uid] ?? FurtherKeywords()
            let flags = keywords.set(of: from.keywords.flags(of: row.flags, further).within(copy.scope))
            let old = rows.flags(at: index)
            guard flags != old else { continue }
            try write(
                "UPDATE message SET flags=? WHERE mailbox=? AND uid=?", .int(Int64(bitPattern: flags.bits.rawValue)), .int(copy.target.rawValue),
                .int(Int64(rows.copies[index].uid.rawValue)))
            if flags.further != old.further { try FurtherRows.write([rows.copies[index].uid: flags.further], in: copy.target, self) }
            refreshed.append((index, flags))
        }
        return refreshed
    }

    /// Shows all rows, unless more than `most` messages have changed since `since`. `unavailable` where so much else came into the mailbox, or changed in
    /// the account, that the rows are not the next ones any more.
    func end(_ copy: LargeCopy, _ rows: LargeCopy.Rows, since: ModSeq, most: Int) throws -> LargeCopy.Ending {
        let sources = NumberSet(rows.sources)
        // Of what the log has forgotten meanwhile any may have changed.
        let changed =
            try ChangeFloor.read(of: copy.owner, connection).modSeq > since
            ? sources : TableReader.changed(since: since, in: copy.source, of: copy.owner, connection).intersection(sources)
        guard changed.count <= most else { return .changed(changed, until: try account(copy.owner).modSeq) }
        var to = try mailbox(copy.target)
        var account = try account(to.record.account)
        guard to.uidNext != 0, to.uidNext <= copy.first, account.modSeq < copy.modSeq else {
            throw StorageFault.unavailable("more came into the mailbox than a copy of very many messages leaves room for")
        }
        let empty = Copied(uidValidity: to.record.uidValidity, source: [], target: [], modSeq: nil)
        guard let last = rows.copies.last else {
            ledger.release(copy.record)
            return .done(empty)
        }
        try admit(rows.copies, copy.isMove && copy.owner == to.record.account ? nil : to.record.account)
        var rows = rows
        for (index, flags) in try refresh(changed, of: copy, rows) { rows.set(flags, at: index) }
        let copies = rows.copies
        try withdraw(copy.record)

        to = try mailbox(copy.target)
        for row in copies { to.count(row) }
        to.uidNext = last.uid.rawValue &+ 1
        to.modSeq = copy.modSeq
        staged.mailboxes[copy.target] = to
        account.modSeq = copy.modSeq
        staged.accounts[to.record.account] = account
        show(copies, further: rows.further, in: copy.target)
        try log(.placed, to.record.account, copy.modSeq, copy.target, packed: NumberSet(copies.map(\.uid)).packed)
        if copy.isMove { _ = try expunge(NumberSet(rows.sources), in: copy.source, moved: (to.record.account, copy.modSeq)) }
        return .done(
            Copied(uidValidity: empty.uidValidity, source: rows.sources, target: copies.map(\.uid), modSeq: copy.modSeq))
    }

    /// Takes a held record back.
    private func withdraw(_ id: Int64) throws {
        try write("DELETE FROM ledger WHERE id=?", .int(id))
        withdrawn.append(id)
    }
}

extension NumberSet {
    /// Itself in pieces of at most `most` numbers, in order.
    func split(_ most: Int) -> [NumberSet] {
        var pieces: [NumberSet] = []
        var ranges: [ClosedRange<UInt32>] = []
        var room = UInt32(clamping: max(1, most))
        for range in self.ranges {
            var low = range.lowerBound
            while true {
                let high = range.upperBound - low < room ? range.upperBound : low + room - 1
                ranges.append(low...high)
                room -= high - low + 1
                if room == 0 {
                    pieces.append(NumberSet(ranges))
                    ranges = []
                    room = UInt32(clamping: max(1, most))
                }
                guard high < range.upperBound else { break }
                low = high + 1
            }
        }
        if !ranges.isEmpty { pieces.append(NumberSet(ranges)) }
        return pieces
    }
}
