import MailModel
import Storage

// Messages change and go.
extension Transaction {
    /// Flags of up to so many rows are changed where they lie, for a record would cost as much.
    private static let fewRows = 8

    func change(flags change: FlagChange, of uids: NumberSet, in id: MailboxID, unchangedSince: ModSeq?) throws -> FlagsChanged {
        var entry = try mailbox(id)
        var table = try table(of: id)
        try table.prepare(uids)
        let (keywords, rest) = try self.table(for: change.keywordsAdded, in: id)
        guard rest.isEmpty else { throw StorageFault.tooManyKeywords }
        if entry.keywords != keywords { entry.keywords = keywords }
        let mask = change.mask(keywords)
        let account = entry.record.account
        let next = try self.account(account).modSeq.successor
        var stored = NumberSet()
        var refused = NumberSet()
        var changed = NumberSet()
        func after(_ row: MessageRow, isOther: Bool) -> MessageRow {
            if let unchangedSince, row.modSeq > unchangedSince {
                refused.insert(row.uid)
                return row
            }
            stored.insert(row.uid)
            let bits = mask.applied(to: row.flags)
            guard isOther || bits != row.flags else { return row }
            changed.insert(row.uid)
            var new = row
            new.flags = bits
            new.modSeq = next
            entry.count(row, by: -1)
            entry.count(new)
            return new
        }
        // Of more rows it is a record that says it.
        var further: [UID: FurtherKeywords] = [:]
        if let wide = mask.further {
            try table.updateAll(uids) { row, old in
                let new = wide.applied(to: old)
                let row = after(row, isOther: new != old)
                guard changed.contains(row.uid) else { return (row, old) }
                if new != old, further.count < Transaction.fewRows { further[row.uid] = new }
                return (row, new)
            }
        } else {
            try table.update(uids) { after($0, isOther: false) }
        }
        guard !changed.isEmpty else { return FlagsChanged(stored: stored, refused: refused, modSeq: nil) }

        let modSeq = try nextModSeq(account)
        let packed = changed.packed
        try store(mask, further, on: changed, packed: packed, in: id, account, modSeq)
        try log(.flags, account, modSeq, id, packed: packed)
        entry.modSeq = modSeq
        staged.mailboxes[id] = entry
        keep(table, of: id)
        return FlagsChanged(stored: stored, refused: refused, modSeq: modSeq)
    }

    /// A few rows are changed at once, when no record of their mailbox waits; more are left to the ledger. `further`: what the further keywords of
    /// messages are now, where they were others.
    private func store(
        _ mask: FlagMask, _ further: [UID: FurtherKeywords], on uids: NumberSet, packed: [UInt8], in id: MailboxID, _ account: AccountID, _ modSeq: ModSeq
    ) throws {
        guard uids.count <= Transaction.fewRows, !hasUnfoldedFlags(id) else {
            try record(.flags(mask), of: uids, packed: packed, in: id, account, modSeq)
            return
        }
        for range in uids.ranges {
            try write(
                "UPDATE message SET flags=(flags & ?) | ?, mod_seq=? WHERE mailbox=? AND uid BETWEEN ? AND ?",
                .int(Int64(bitPattern: mask.kept)), .int(Int64(bitPattern: mask.added)), .int(Int64(modSeq.rawValue)), .int(id.rawValue),
                .int(Int64(range.lowerBound)), .int(Int64(range.upperBound)))
        }
        try FurtherRows.write(further, in: id, self)
    }

    /// With `uids` nil all that have `\Deleted`; with `moved`, the ModSeq of a copy of them, even those without it (MOVE).
    func expunge(
        _ uids: NumberSet?, in id: MailboxID, moved: (by: AccountID, modSeq: ModSeq)? = nil, evenUndeleted: Bool = false
    ) throws -> Expunged {
        var entry = try mailbox(id)
        var gone = NumberSet()
        let takesAll = moved != nil || evenUndeleted
        guard takesAll || entry.deleted > 0 else { return Expunged(uids: gone, modSeq: nil) }
        var table = try table(of: id)
        let uids = uids ?? NumberSet(1...UInt32.max)
        try table.prepare(uids)
        try table.update(uids) { row in
            guard takesAll || row.flags.contains(.deleted) else { return row }
            gone.insert(row.uid)
            entry.count(row, by: -1)
            return nil
        }
        guard !gone.isEmpty else { return Expunged(uids: gone, modSeq: nil) }
        let account = entry.record.account
        // One transaction has one ModSeq an account.
        let modSeq = if let moved, moved.by == account { moved.modSeq } else { try nextModSeq(account) }
        let packed = gone.packed
        try record(.expunged, of: gone, packed: packed, in: id, account, modSeq)
        try log(.expunged, account, modSeq, id, packed: packed)
        entry.modSeq = modSeq
        staged.mailboxes[id] = entry
        keep(table, of: id)
        return Expunged(uids: gone, modSeq: modSeq)
    }
}
