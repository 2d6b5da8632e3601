import MailModel
import Storage

// The change log as one read transaction sees it.
extension BodyReader {
    /// A page ends before a ModSeq with which it would have more ranges of UIDs than that, half a megabyte of them.
    private static let mostRanges = 1 << 16

    func changes(of id: AccountID, since: ModSeq, most: Int) throws -> ChangesSince {
        try connection.run("BEGIN")
        defer { try? connection.run("COMMIT") }
        guard let key = catalog.account(id)?.key,
            let stored = try connection.number("SELECT mod_seq FROM account WHERE id=?", .int(id.rawValue))
        else { throw StorageFault.noSuchAccount }
        let highest = ModSeq(rawValue: UInt64(clamping: stored)) ?? .zero
        guard since <= highest else { return .ahead(highest: highest) }
        let floor = try ChangeFloor.read(of: id, connection).modSeq
        guard since >= floor else { return .older(floor: floor, highest: highest) }

        let rows = try connection.prepare("SELECT \(ChangeRow.columns) FROM change WHERE account=? AND mod_seq>? ORDER BY mod_seq, kind, mailbox")
        try rows.bind([.int(id.rawValue), .int(Int64(since.rawValue))])
        defer { rows.reset() }
        var changes: [Change] = []
        // Those of the ModSeq that is being read.
        var next: [Change] = []
        var (ranges, nextRanges) = (0, 0)
        while try rows.step() {
            let row = try ChangeRow(rows, of: id, key)
            guard row.change.modSeq <= highest else {
                throw StorageFault.corrupt("change log of account \(id.rawValue): a change at \(row.change.modSeq), above the account's ModSeq \(highest)")
            }
            if let last = next.last, last.modSeq != row.change.modSeq {
                changes += next
                ranges += nextRanges
                (next, nextRanges) = ([], 0)
                if changes.count >= max(1, most) { return .page(ChangePage(changes: changes, upTo: last.modSeq, isLast: false)) }
            }
            next.append(row.change)
            nextRanges += row.ranges
            if let last = changes.last, changes.count + next.count > max(1, most) || ranges + nextRanges > BodyReader.mostRanges {
                return .page(ChangePage(changes: changes, upTo: last.modSeq, isLast: false))
            }
        }
        return .page(ChangePage(changes: changes + next, upTo: highest, isLast: true))
    }

    func messages(of change: Change, after uid: UID?, most: Int) throws -> ChangedMessages {
        try connection.run("BEGIN")
        defer { try? connection.run("COMMIT") }
        let most = max(1, most)
        switch change.kind {
        case .placed(let uids, let mailbox), .flags(let uids, let mailbox):
            let part = uids.first(most, after: uid)
            let rows = try TableReader.rows(part, of: mailbox, hasFurther: false, connection).rows
            let messages = rows.map { ChangedMessages.Message(uid: $0.uid, emailID: $0.body) }
            return ChangedMessages(messages: messages, next: part.last == uids.last ? nil : part.last.flatMap(UID.init(rawValue:)))
        case .expunged(let uids, let mailbox):
            let part = uids.first(most, after: uid)
            let known = try bodies(of: part, in: mailbox, change)
            let messages = part.numbers.compactMap { number in
                UID(rawValue: number).map { ChangedMessages.Message(uid: $0, emailID: known[number]) }
            }
            return ChangedMessages(messages: messages, next: part.last == uids.last ? nil : part.last.flatMap(UID.init(rawValue:)))
        case .mailboxDeleted(let mailbox, let name):
            return try messages(of: mailbox, deletedBy: change, isComplete: name != nil, after: uid, most: most)
        case .mailboxCreated, .mailboxRenamed, .subscription, .rights, .metadata:
            return ChangedMessages(messages: [], next: nil)
        }
    }

    /// By UID: those that the log kept, and those whose rows are still to be removed.
    private func bodies(of part: NumberSet, in mailbox: MailboxID, _ change: Change) throws -> [UInt32: BodyID] {
        guard let first = part.first, let last = part.last else { return [:] }
        var found: [UInt32: BodyID] = [:]
        try forEachDeparted(mailbox, change, from: first) { message in
            guard message.uid <= last else { return false }
            if part.contains(message.uid) { found[message.uid] = BodyID(rawValue: message.body) }
            return true
        }
        guard found.count < part.count else { return found }
        let rows = try connection.prepare("SELECT uid, body FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?")
        defer { rows.reset() }
        for range in part.ranges {
            rows.reset()
            try rows.bind([.int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound))])
            while try rows.step() { found[UInt32(clamping: rows.int(0))] = BodyID(rawValue: rows.int(1)) }
        }
        return found
    }

    /// Those that the log kept as the mailbox's rows were removed, in order; then those whose rows are still there, but for what was expunged before.
    private func messages(
        of mailbox: MailboxID, deletedBy change: Change, isComplete: Bool, after uid: UID?, most: Int
    ) throws -> ChangedMessages {
        let row = try connection.prepare("SELECT uids FROM change WHERE account=? AND mod_seq=? AND kind=? AND mailbox=?")
        try row.bind([
            .int(change.account.rawValue), .int(Int64(change.modSeq.rawValue)), .int(ChangeKind.mailboxDeleted.rawValue), .int(mailbox.rawValue),
        ])
        let isTold = try row.step()
        let ever = isTold ? NumberSet(packed: row.blob(0)) : NumberSet()
        row.reset()
        guard let ever else { throw StorageFault.corrupt("change log of account \(change.account.rawValue), ModSeq \(change.modSeq): a set of UIDs") }
        // A row of schema 5 says nothing of UIDs.
        let isMeant: (UInt32) -> Bool = { isComplete ? ever.contains($0) : true }
        var messages: [ChangedMessages.Message] = []
        var isCut = false
        func take(_ uid: UInt32, _ body: Int64) -> Bool {
            guard isMeant(uid), let known = UID(rawValue: uid) else { return true }
            guard messages.count < most else {
                isCut = true
                return false
            }
            messages.append(ChangedMessages.Message(uid: known, emailID: BodyID(rawValue: body)))
            return true
        }
        let after = uid?.rawValue ?? 0
        if after < .max { try forEachDeparted(mailbox, change, from: after + 1) { take($0.uid, $0.body) } }
        if !isCut {
            let before = try LedgerRecord.load(of: mailbox, connection).filter { $0.change == .expunged && $0.modSeq != change.modSeq }.map(\.rest)
            let rows = try connection.prepare("SELECT uid, body FROM message WHERE mailbox=? AND uid>? ORDER BY uid")
            defer { rows.reset() }
            try rows.bind([.int(mailbox.rawValue), .int(Int64(messages.last?.uid.rawValue ?? after))])
            while try rows.step() {
                let uid = UInt32(clamping: rows.int(0))
                guard before.contains(where: { $0.contains(uid) }) || take(uid, rows.int(1)) else { break }
            }
        }
        return ChangedMessages(messages: messages, next: isCut ? messages.last?.uid : nil, isComplete: isComplete && isTold)
    }

    /// The messages that the log kept for that change from `uid` on, in order, until `body` says false.
    private func forEachDeparted(
        _ mailbox: MailboxID, _ change: Change, from uid: UInt32, _ body: ((uid: UInt32, body: Int64)) -> Bool
    ) throws {
        let pieces = try connection.prepare("SELECT emails FROM departed WHERE account=? AND mod_seq=? AND mailbox=? AND uid>=? ORDER BY uid")
        defer { pieces.reset() }
        try pieces.bind([.int(change.account.rawValue), .int(Int64(change.modSeq.rawValue)), .int(mailbox.rawValue), .int(Int64(uid))])
        while try pieces.step() {
            guard let piece = DepartedMessages(packed: pieces.blob(0)) else {
                throw StorageFault.corrupt("change log of account \(change.account.rawValue), ModSeq \(change.modSeq): e-mail ids")
            }
            for message in piece.messages where message.uid >= uid {
                guard body(message) else { return }
            }
        }
    }
}

extension NumberSet {
    /// The lowest `most` numbers above `uid`.
    fileprivate func first(_ most: Int, after uid: UID?) -> NumberSet {
        var rest = most
        var found: [ClosedRange<UInt32>] = []
        let after = uid?.rawValue ?? 0
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= after { low = middle + 1 } else { high = middle }
        }
        for range in ranges[low...] {
            guard rest > 0 else { break }
            let first = Swift.max(range.lowerBound, after + 1)
            let last = range.upperBound - first < UInt32(clamping: rest) ? range.upperBound : first + UInt32(clamping: rest - 1)
            found.append(first...last)
            rest -= Int(last - first) + 1
        }
        return NumberSet(found)
    }
}
