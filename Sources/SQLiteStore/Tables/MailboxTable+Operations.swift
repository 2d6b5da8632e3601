import Crypto
import MailModel
import Storage

// The tree of an account's mailboxes.
extension Transaction {
    func create(_ name: MailboxName, of id: AccountID, specialUse: SpecialUse?) throws -> MailboxRecord {
        let account = try account(id)
        guard self.mailbox(named: name, of: id) == nil else { throw StorageFault.nameTaken }
        guard catalog.read({ !$0.damage.lacksMailboxes(of: id) }) else { throw IndexDamage.missingMailboxes }
        let validity = try nextUIDValidity(id)
        let modSeq = try nextModSeq(id)
        try write(
            "INSERT INTO mailbox (account, sealed_name, special_use, uid_validity, uid_next, mod_seq, messages, unseen, deleted, size, recent_floor, keywords) "
                + "VALUES (?,x'',?,?,1,?,0,0,0,0,0,'')",
            .int(id.rawValue), specialUse.map { .text($0.rawValue) } ?? .null, .int(Int64(validity.rawValue)), .int(Int64(modSeq.rawValue)))
        let mailbox = MailboxID(rawValue: try insertedID())
        try store(name, of: mailbox, account)
        try log(.mailboxCreated, id, modSeq, mailbox, names: ChangeNames(new: name))
        let record = MailboxRecord(id: mailbox, account: id, name: name, uidValidity: validity, specialUse: specialUse)
        staged.mailboxes[mailbox] = MailboxEntry(record: record, uidNext: 1, modSeq: modSeq)
        staged.names[id, default: [:]].updateValue(mailbox, forKey: name)
        let superior = name.parent.flatMap { self.mailbox(named: $0, of: id) }
        for kind in TableList.kinds { try kind.welcome(record, below: superior, self) }
        return record
    }

    private func store(_ name: MailboxName, of mailbox: MailboxID, _ account: AccountEntry) throws {
        try write("UPDATE mailbox SET sealed_name=? WHERE id=?", .blob(try MailboxTable.seal(name, of: mailbox, account)), .int(mailbox.rawValue))
    }

    func delete(_ id: MailboxID) throws {
        let entry = try mailbox(id)
        guard !entry.record.name.isInbox else { throw StorageFault.notAllowed("INBOX cannot be deleted") }
        try remove(entry)
    }

    func remove(_ entry: MailboxEntry) throws {
        let (id, account) = (entry.record.id, entry.record.account)
        for kind in TableList.kinds.reversed() { try kind.remove(entry.record, self) }
        let modSeq = try nextModSeq(account)
        // All UIDs that it has given; not those of a copy under way.
        let ever = entry.uidNext == 1 ? NumberSet() : NumberSet(1...(entry.uidNext &- 1))
        try log(.mailboxDeleted, account, modSeq, id, packed: ever.packed, names: ChangeNames(old: entry.record.name))
        // Its rows go as expunged ones do, those that wait to go with them: all that there ever were.
        let rows = NumberSet(1...UInt32.max)
        try record(.expunged, of: rows, packed: rows.packed, in: id, account, modSeq)
        staged.names[account, default: [:]].updateValue(nil, forKey: entry.record.name)
        staged.mailboxes.updateValue(nil, forKey: id)
        staged[MailboxTable.self].tables[id] = nil
        staged[MailboxTable.self].arrived[id] = nil
        staged[MailboxTable.self].arrivedFurther[id] = nil
    }

    func rename(_ id: MailboxID, to name: MailboxName) throws {
        let entry = try mailbox(id)
        let account = entry.record.account
        guard mailbox(named: name, of: account) == nil else { throw StorageFault.nameTaken }
        if entry.record.name.isInbox {
            let target = try create(name, of: account, specialUse: nil)
            _ = try move(try table(of: id).uids, from: id, to: target.id)
            try copyAnnotations(from: id, to: target.id)
            return
        }
        guard !name.isInferior(to: entry.record.name) else { throw StorageFault.notAllowed("a mailbox cannot be moved below itself") }
        let concerned = mailboxes(of: account) { $0 == entry.record.name || $0.isInferior(to: entry.record.name) }
        var renamed: [(id: MailboxID, old: MailboxName, new: MailboxName)] = []
        for (old, mailbox) in concerned {
            guard let new = old.moved(from: entry.record.name, to: name) else { throw StorageFault.notAllowed("a name would grow too long") }
            guard self.mailbox(named: new, of: account) == nil else { throw StorageFault.nameTaken }
            renamed.append((mailbox, old, new))
        }
        for (old, _) in concerned { staged.names[account, default: [:]].updateValue(nil, forKey: old) }
        let owner = try self.account(account)
        let modSeq = try nextModSeq(account)
        for (mailbox, old, new) in renamed {
            try store(new, of: mailbox, owner)
            var moved = try self.mailbox(mailbox)
            moved.record.name = new
            staged.mailboxes[mailbox] = moved
            staged.names[account, default: [:]].updateValue(mailbox, forKey: new)
            try log(.mailboxRenamed, account, modSeq, mailbox, names: ChangeNames(old: old, new: new))
        }
    }
}
