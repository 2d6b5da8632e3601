import Crypto
import FoundationEssentials
import MailModel
import Storage

/// Rows of a mailbox, in order, with the further keywords of those that have any.
struct PresentRows {
    let rows: [MessageRow]
    let further: [UID: FurtherKeywords]
}

// Messages are copied and moved.
extension Transaction {
    func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags scope: FlagScope = .all, isMove: Bool = false) throws -> Copied {
        let (from, to) = (try mailbox(source), try mailbox(target))
        let present = try present(uids, in: source)
        let rows = present.rows
        guard !rows.isEmpty else { return Copied(uidValidity: to.record.uidValidity, source: [], target: [], modSeq: nil) }
        let keywords = try keywords(of: present, from, in: target, scope)
        let first = ledger.free(UInt32(clamping: rows.count), from: to.uidNext, in: target)
        guard to.uidNext != 0, first != 0, UInt32.max - first >= UInt32(clamping: rows.count) else {
            throw StorageFault.notAllowed("the mailbox's UIDs are used up")
        }
        try admit(rows, isMove && from.record.account == to.record.account ? nil : to.record.account)
        let threads = try threads(of: rows, uids, in: source)

        let account = to.record.account
        let modSeq = try nextModSeq(account)
        try widen(target, keywords)
        let copies = copies(of: present, threads, from.keywords, keywords, scope, first: first, modSeq)
        try add(copies, to: target)
        try share(rows, of: from.record.account, with: account)
        let targets = copies.map(\.row.uid)
        try log(.placed, account, modSeq, target, packed: NumberSet(targets).packed)
        return Copied(uidValidity: to.record.uidValidity, source: rows.map(\.uid), target: targets, modSeq: modSeq)
    }

    func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags scope: FlagScope = .all) throws -> Copied {
        let copied = try copy(uids, from: source, to: target, flags: scope, isMove: true)
        guard let modSeq = copied.modSeq else { return copied }
        _ = try expunge(NumberSet(copied.source), in: source, moved: (try mailbox(target).record.account, modSeq))
        return copied
    }

    /// Those of the messages that are there.
    func present(_ uids: NumberSet, in mailbox: MailboxID) throws -> PresentRows {
        guard open(mailbox) != nil else {
            let rows = try TableReader.rows(uids, of: mailbox, hasFurther: try self.mailbox(mailbox).keywords.hasFurther, connection)
            return PresentRows(rows: Array(rows.rows), further: rows.further)
        }
        let table = try table(of: mailbox)
        try table.prepare(uids)
        let rows = try table.rows(uids).map(\.row)
        return PresentRows(rows: rows, further: try table.further(of: rows))
    }

    /// The target's keywords with those of the rows that the scope lets along, as far as there is room for them.
    func keywords(of present: PresentRows, _ from: MailboxEntry, in target: MailboxID, _ scope: FlagScope) throws -> KeywordTable {
        let used = FlagBits(rawValue: present.rows.reduce(UInt64(0)) { $0 | $1.flags.rawValue })
        var further = FurtherKeywords()
        for some in present.further.values { further.formUnion(some) }
        return try table(for: from.keywords.flags(of: used, further).within(scope).keywords, in: target).table
    }

    /// That the account, if one, has room for copies of the rows.
    func admit(_ rows: [MessageRow], _ account: AccountID?) throws {
        guard let account else { return }
        let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
        try admit(Quota([.storage: size, .message: Int64(rows.count)]), to: account)
    }

    /// Rows with UIDs from `first` on.
    func copies(
        of present: PresentRows, _ threads: [Int64], _ old: KeywordTable, _ new: KeywordTable, _ scope: FlagScope, first: UInt32, _ modSeq: ModSeq
    ) -> [NewRow] {
        var translated: [UInt64: FlagSet] = [:]
        // Sets of further keywords are nearly all different: they are translated by places.
        let map = present.further.isEmpty ? [] : old.places.map { $0.flatMap { new.place(of: $0) } }
        var copies: [NewRow] = []
        copies.reserveCapacity(present.rows.count)
        var uid = first
        for (row, thread) in zip(present.rows, threads) {
            guard let fresh = UID(rawValue: uid) else { break }
            uid &+= 1
            let flags: FlagSet
            if let further = present.further[row.uid] {
                flags = FlagSet(bits: row.flags, further: further).moved(by: map, scope)
            } else {
                flags = translated[row.flags.rawValue] ?? new.set(of: old.flags(of: row.flags).within(scope))
                translated[row.flags.rawValue] = flags
            }
            let copy = MessageRow(
                uid: fresh, flags: flags.bits, modSeq: modSeq, body: row.body, internalDate: row.internalDate, size: row.size,
                hasFurther: !flags.further.isEmpty)
            copies.append(NewRow(row: copy, thread: thread, further: flags.further))
        }
        return copies
    }

    /// Of each of the rows, which are those of `uids`.
    func threads(of rows: [MessageRow], _ uids: NumberSet, in mailbox: MailboxID) throws -> [Int64] {
        let statement = try connection.prepare("SELECT uid, thread FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid")
        defer { statement.reset() }
        var found = rows.map(\.body.rawValue)
        var next = 0
        for range in uids.ranges {
            statement.reset()
            try statement.bind([.int(mailbox.rawValue), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound))])
            while try statement.step() {
                let uid = statement.int(0)
                // Rows that are only expunged in the ledger are passed over.
                while next < rows.count, Int64(rows[next].uid.rawValue) < uid { next += 1 }
                if next < rows.count, Int64(rows[next].uid.rawValue) == uid { found[next] = statement.int(1) }
            }
        }
        return found
    }

    /// One more message of `account` holds each row's body, which `other` holds.
    func share(_ rows: [MessageRow], of other: AccountID, with account: AccountID) throws {
        try write {
            let statement = try connection.prepare("UPDATE holder SET messages=messages+1 WHERE body=? AND account=?")
            statement.set(account.rawValue, at: 2)
            for row in rows {
                statement.set(row.body.rawValue, at: 1)
                try statement.run()
                if connection.changes == 0 { try introduce(row, of: other, to: account) }
            }
        }
    }

    /// `account` gets to hold its first message with a body that `other` holds.
    private func introduce(_ row: MessageRow, of other: AccountID, to account: AccountID) throws {
        let body = row.body
        let statement = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=?")
        try statement.bind([.int(body.rawValue), .int(other.rawValue)])
        guard try statement.step() else { throw StorageFault.corrupt("body \(body.rawValue) has no holder") }
        let wrapped = statement.blob(0)
        statement.reset()
        let key = try Seal.open(wrapped, under: try self.account(other).key, as: Label(kind: .bodyKey, id: body.rawValue, account: other.rawValue))
        let holder = try HolderBlock.Holder(
            SymmetricKey(data: key), of: body, for: account, under: try self.account(account).key, nonce: nonces.next())
        try hold(body, holder, count: 1)
        introduced.append(HolderBlock(body: body, arrived: row.internalDate, holders: [holder]))
    }
}

extension FlagSet {
    /// Those of the flags that the scope lets along, keywords at the places that `map` has for theirs.
    fileprivate func moved(by map: [Int?], _ scope: FlagScope) -> FlagSet {
        var moved = FlagSet(bits: FlagBits(bits.system.intersection(scope.system)))
        guard scope.contains(.others) else { return moved }
        for place in places where place < map.count { if let new = map[place] { moved.insert(place: new) } }
        return moved
    }
}
