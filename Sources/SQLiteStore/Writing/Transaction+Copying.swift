import Crypto
import FoundationEssentials
import MailModel
import Storage

// Messages are copied and moved.
extension Transaction {
    /// Throws `HeadsDiffer`, before anything is changed, for bodies that must be written anew (`own`) for the target's account.
    func copy(
        _ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags scope: FlagScope = .all, isMove: Bool = false, own: OwnBodies = OwnBodies()
    ) throws -> Copied {
        let (from, to) = (try mailbox(source), try mailbox(target))
        let rows = try present(uids, in: source)
        guard !rows.isEmpty else { return Copied(uidValidity: to.record.uidValidity, source: [], target: [], modSeq: nil) }
        let keywords = try keywords(of: rows, from, in: to, scope)
        let first = ledger.free(UInt32(clamping: rows.count), from: to.uidNext, in: target)
        guard to.uidNext != 0, first != 0, UInt32.max - first >= UInt32(clamping: rows.count) else {
            throw StorageFault.notAllowed("the mailbox's UIDs are used up")
        }
        try admit(rows, isMove && from.record.account == to.record.account ? nil : to.record.account)
        let threads = try threads(of: rows, uids, in: source)

        let account = to.record.account
        try checkHeads(of: rows, from.record.account, account, own)
        let modSeq = try nextModSeq(account)
        try widen(target, keywords)
        let copies = copies(of: rows, threads, from.keywords, keywords, scope, first: first, modSeq, own)
        try add(copies, to: target)
        try share(rows, of: from.record.account, with: account, own)
        let targets = copies.map(\.row.uid)
        try log(.placed, account, modSeq, target, packed: NumberSet(targets).packed)
        return Copied(uidValidity: to.record.uidValidity, source: rows.map(\.uid), target: targets, modSeq: modSeq)
    }

    func move(
        _ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags scope: FlagScope = .all, own: OwnBodies = OwnBodies()
    ) throws -> Copied {
        let copied = try copy(uids, from: source, to: target, flags: scope, isMove: true, own: own)
        guard let modSeq = copied.modSeq else { return copied }
        _ = try expunge(NumberSet(copied.source), in: source, moved: (try mailbox(target).record.account, modSeq))
        return copied
    }

    /// Those of the messages that are there.
    func present(_ uids: NumberSet, in mailbox: MailboxID) throws -> [MessageRow] {
        guard open(mailbox) != nil else { return try TableReader.rows(uids, of: mailbox, connection) }
        let table = try table(of: mailbox)
        try table.prepare(uids)
        return try table.rows(uids).map(\.row)
    }

    /// The target's keywords with those of the rows that the scope lets along.
    func keywords(of rows: [MessageRow], _ from: MailboxEntry, in to: MailboxEntry, _ scope: FlagScope) throws -> KeywordTable {
        var keywords = to.keywords
        let used = rows.reduce(UInt64(0)) { $0 | $1.flags.rawValue } & scope.bits.rawValue
        guard keywords.add(from.keywords.flags(of: FlagBits(rawValue: used)).keywords) else { throw StorageFault.tooManyKeywords }
        return keywords
    }

    /// That the account, if one, has room for copies of the rows.
    func admit(_ rows: [MessageRow], _ account: AccountID?) throws {
        guard let account else { return }
        let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
        try admit(Quota([.storage: size, .message: Int64(rows.count)]), to: account)
    }

    /// Rows with UIDs from `first` on.
    func copies(
        of rows: [MessageRow], _ threads: [Int64], _ old: KeywordTable, _ new: KeywordTable, _ scope: FlagScope, first: UInt32, _ modSeq: ModSeq,
        _ own: OwnBodies
    ) -> [NewRow] {
        var translated: [UInt64: FlagBits] = [:]
        var copies: [NewRow] = []
        copies.reserveCapacity(rows.count)
        var uid = first
        for (row, thread) in zip(rows, threads) {
            guard let fresh = UID(rawValue: uid) else { break }
            uid &+= 1
            let bits = translated[row.flags.rawValue] ?? new.bits(of: old.flags(of: row.flags).within(scope)).bits
            translated[row.flags.rawValue] = bits
            copies.append(
                NewRow(
                    row: MessageRow(
                        uid: fresh, flags: bits, modSeq: modSeq, body: own[row.body]?.body.id ?? row.body, internalDate: row.internalDate, size: row.size),
                    thread: thread))
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

    /// One more message of `account` holds each row's body, which `other` holds, or the one that was written in its place.
    func share(_ rows: [MessageRow], of other: AccountID, with account: AccountID, _ own: OwnBodies) throws {
        try write {
            let statement = try connection.prepare("UPDATE holder SET messages=messages+1 WHERE body=? AND account=?")
            for row in rows {
                statement.set(account.rawValue, at: 2)
                statement.set((own[row.body]?.body.id ?? row.body).rawValue, at: 1)
                try statement.run()
                guard connection.changes == 0 else { continue }
                if let body = own[row.body] { try introduce(body, to: account) } else { try introduce(row, of: other, to: account) }
            }
        }
    }

    /// `account` gets to hold its first message with a body that `other` holds: with the same share, so that both show the same.
    private func introduce(_ row: MessageRow, of other: AccountID, to account: AccountID) throws {
        let body = row.body
        guard let held = try heldKey(of: body, by: other) else { throw StorageFault.corrupt("body \(body.rawValue) has no holder") }
        let holder = try HolderBlock.Holder(
            held.key, held.share, of: body, for: .account(account), under: try self.account(account).key, nonce: nonces.next())
        try hold(body, holder, count: 1)
        if held.share.isMessage { self.held.append(Indexer.Held(body: body, account: account, head: held.share.head)) }
        introduced.append(HolderBlock(body: body, arrived: row.internalDate, holders: [holder]))
    }
}
