import Crypto
import FoundationEssentials
import MailModel
import Storage

// Messages change, are copied and go.
extension Transaction {
    func change(flags change: FlagChange, of uids: NumberSet, in id: MailboxID, unchangedSince: ModSeq?) throws -> FlagsChanged {
        var entry = try mailbox(id)
        var table = try table(of: id)
        let named: Flags = switch change { case .add(let f), .remove(let f), .replace(let f): f }
        var keywords = entry.keywords
        if case .remove = change {} else { guard keywords.add(named.keywords) else { throw StorageFault.tooManyKeywords } }
        let mask = keywords.bits(of: named).bits.rawValue

        var stored = NumberSet()
        var refused = NumberSet()
        var changed = NumberSet()
        var updates: [MessageRow] = []
        for (_, row) in table.rows(uids) {
            if let unchangedSince, row.modSeq > unchangedSince {
                refused.insert(row.uid)
                continue
            }
            stored.insert(row.uid)
            let bits: UInt64 = switch change {
            case .add: row.flags.rawValue | mask
            case .remove: row.flags.rawValue & ~mask
            case .replace: mask
            }
            guard bits != row.flags.rawValue else { continue }
            changed.insert(row.uid)
            entry.count(row, by: -1)
            var new = row
            new.flags = FlagBits(rawValue: bits)
            entry.count(new)
            updates.append(new)
        }
        guard !changed.isEmpty else { return FlagsChanged(stored: stored, refused: refused, modSeq: nil) }

        let account = entry.record.account
        let modSeq = try nextModSeq(account)
        for row in updates {
            try write("UPDATE message SET flags=?, mod_seq=? WHERE mailbox=? AND uid=?",
                .int(Int64(bitPattern: row.flags.rawValue)), .int(Int64(modSeq.rawValue)), .int(id.rawValue), .int(Int64(row.uid.rawValue)))
        }
        try log(.flags, account, modSeq, id, changed)
        entry.keywords = keywords
        entry.modSeq = modSeq
        staged.mailboxes[id] = entry
        if open(id) != nil {
            var next = updates.makeIterator()
            table.update(changed) { row in
                guard var new = next.next() else { return row }
                new.modSeq = modSeq
                return new
            }
            keep(table, of: id)
        }
        return FlagsChanged(stored: stored, refused: refused, modSeq: modSeq)
    }

    /// With `uids` nil all that have `\Deleted`; with `moved`, the ModSeq of a copy of them, even those without it (MOVE).
    func expunge(_ uids: NumberSet?, in id: MailboxID, moved: (by: AccountID, modSeq: ModSeq)? = nil) throws -> Expunged {
        var entry = try mailbox(id)
        var table = try table(of: id)
        var gone = NumberSet()
        var rows: [MessageRow] = []
        func consider(_ row: MessageRow) {
            guard moved != nil || row.flags.contains(.deleted) else { return }
            gone.insert(row.uid)
            rows.append(row)
        }
        if let uids {
            for (_, row) in table.rows(uids) { consider(row) }
        } else if entry.deleted > 0 {
            table.forEach { _, row in
                consider(row)
                return true
            }
        }
        guard !rows.isEmpty else { return Expunged(uids: gone, modSeq: nil) }
        let account = entry.record.account
        // One transaction has one ModSeq an account.
        let modSeq = if let moved, moved.by == account { moved.modSeq } else { try nextModSeq(account) }
        for row in rows {
            try write("DELETE FROM message WHERE mailbox=? AND uid=?", .int(id.rawValue), .int(Int64(row.uid.rawValue)))
            try release(row.body, account, from: id)
            entry.count(row, by: -1)
        }
        try log(.expunged, account, modSeq, id, gone)
        entry.modSeq = modSeq
        staged.mailboxes[id] = entry
        table.update(gone) { _ in nil }
        keep(table, of: id)
        return Expunged(uids: gone, modSeq: modSeq)
    }

    func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID) throws -> Copied {
        let from = try mailbox(source)
        let to = try mailbox(target)
        let rows = try table(of: source).rows(uids).map(\.row)
        guard !rows.isEmpty else { return Copied(uidValidity: to.record.uidValidity, source: [], target: [], modSeq: nil) }
        var keywords = to.keywords
        let used = rows.reduce(UInt64(0)) { $0 | $1.flags.rawValue }
        guard keywords.add(from.keywords.flags(of: FlagBits(rawValue: used)).keywords) else { throw StorageFault.tooManyKeywords }
        guard UInt32.max - to.uidNext >= UInt32(clamping: rows.count), to.uidNext != 0 else { throw StorageFault.notAllowed("the mailbox's UIDs are used up") }
        try widen(target, keywords)

        let account = to.record.account
        let modSeq = try nextModSeq(account)
        var targets: [UID] = []
        var translated: [UInt64: FlagBits] = [:]
        for row in rows {
            let bits = translated[row.flags.rawValue] ?? keywords.bits(of: from.keywords.flags(of: row.flags)).bits
            translated[row.flags.rawValue] = bits
            let thread = try connection.number("SELECT thread FROM message WHERE mailbox=? AND uid=?", .int(source.rawValue), .int(Int64(row.uid.rawValue)))
            let new = try add(
                body: row.body, size: row.size, thread: ThreadID(rawValue: thread ?? row.body.rawValue), flags: bits,
                internalDate: row.internalDate, to: target, modSeq: modSeq)
            try share(row.body, from: from.record.account, with: account)
            targets.append(new.uid)
        }
        try log(.placed, account, modSeq, target, NumberSet(targets))
        return Copied(uidValidity: to.record.uidValidity, source: rows.map(\.uid), target: targets, modSeq: modSeq)
    }

    func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID) throws -> Copied {
        let copied = try copy(uids, from: source, to: target)
        guard let modSeq = copied.modSeq else { return copied }
        _ = try expunge(NumberSet(copied.source), in: source, moved: (try mailbox(target).record.account, modSeq))
        return copied
    }

    /// One more message of `account` holds the body, which `other` holds.
    private func share(_ body: BodyID, from other: AccountID, with account: AccountID) throws {
        try write("UPDATE holder SET messages=messages+1 WHERE body=? AND account=?", .int(body.rawValue), .int(account.rawValue))
        guard connection.changes == 0 else { return }
        let statement = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=?")
        try statement.bind([.int(body.rawValue), .int(other.rawValue)])
        guard try statement.step() else { throw StorageFault.corrupt("body \(body.rawValue) has no holder") }
        let wrapped = statement.blob(0)
        statement.reset()
        let key = try Seal.open(wrapped, under: try self.account(other).key, as: Label(kind: .bodyKey, id: body.rawValue, account: other.rawValue))
        try hold(body, key: SymmetricKey(data: key), count: 1, for: account)
    }
}
