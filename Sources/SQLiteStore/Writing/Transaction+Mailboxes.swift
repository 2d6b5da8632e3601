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
        try inheritAccess(mailbox, from: name.parent.flatMap { self.mailbox(named: $0, of: id) })
        return record
    }

    private func store(_ name: MailboxName, of mailbox: MailboxID, _ account: AccountEntry) throws {
        let label = Label(kind: .mailboxName, id: mailbox.rawValue, account: account.record.id.rawValue)
        try write(
            "UPDATE mailbox SET sealed_name=? WHERE id=?",
            .blob(try Seal.seal(Array(name.value.utf8), under: account.key, as: label)), .int(mailbox.rawValue))
    }

    func delete(_ id: MailboxID) throws {
        let entry = try mailbox(id)
        guard !entry.record.name.isInbox else { throw StorageFault.notAllowed("INBOX cannot be deleted") }
        try remove(entry)
    }

    private func remove(_ entry: MailboxEntry) throws {
        let (id, account) = (entry.record.id, entry.record.account)
        try write("DELETE FROM mailbox WHERE id=?", .int(id.rawValue))
        try write("DELETE FROM directory WHERE mailbox=?", .int(id.rawValue))
        try dropAccess(of: id)
        try dropAnnotations(of: id)
        let modSeq = try nextModSeq(account)
        // All UIDs that it has given; not those of a copy under way.
        let ever = entry.uidNext == 1 ? NumberSet() : NumberSet(1...(entry.uidNext &- 1))
        try log(.mailboxDeleted, account, modSeq, id, packed: ever.packed, names: ChangeNames(old: entry.record.name))
        // Its rows go as expunged ones do, those that wait to go with them: all that there ever were.
        let rows = NumberSet(1...UInt32.max)
        try record(.expunged, of: rows, packed: rows.packed, in: id, account, modSeq)
        staged.names[account, default: [:]].updateValue(nil, forKey: entry.record.name)
        staged.mailboxes.updateValue(nil, forKey: id)
        staged.tables[id] = nil
        staged.arrived[id] = nil
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

    func set(subscribed: Bool, to name: MailboxName, of id: AccountID) throws {
        let account = try account(id)
        guard isSubscribed(to: name, id) != subscribed else { return }
        if catalog.read({ $0.damage.lacksSubscriptions(of: id) }) { try writeSubscriptions(of: account) }
        if subscribed {
            try subscribe(to: name, account)
        } else {
            let known = staged.subscriptions[id]?[name] ?? catalog.read { $0.subscriptions[id]?.row(of: name) }
            if let row = known { try write("DELETE FROM subscription WHERE id=?", .int(row)) }
            staged.subscriptions[id, default: [:]].updateValue(nil, forKey: name)
        }
        let names = subscribed ? ChangeNames(new: name) : ChangeNames(old: name)
        try log(.subscription, id, try nextModSeq(id), MailboxID(rawValue: 0), names: names)
    }

    private func isSubscribed(to name: MailboxName, _ id: AccountID) -> Bool {
        if let staged = staged.subscriptions[id]?[name] { return staged != nil }
        return catalog.read { $0.subscriptions[id]?.names.contains(name) ?? false }
    }

    private func subscribe(to name: MailboxName, _ account: AccountEntry) throws {
        let id = account.record.id
        let sealed = try Seal.seal(Array(name.value.utf8), under: account.key, as: Label(kind: .subscription, id: 0, account: id.rawValue))
        try write("INSERT INTO subscription (account, sealed_name) VALUES (?,?)", .int(id.rawValue), .blob(sealed))
        staged.subscriptions[id, default: [:]].updateValue(try insertedID(), forKey: name)
    }

    /// All of them anew: rows that the opening could not read go, and names that it made up in their place get rows.
    private func writeSubscriptions(of account: AccountEntry) throws {
        let id = account.record.id
        let names = catalog.read { $0.subscriptions[id]?.names ?? [] }.filter { isSubscribed(to: $0, id) }
        let staged = staged.subscriptions[id, default: [:]].filter { $0.value != nil }.keys
        try write("DELETE FROM subscription WHERE account=?", .int(id.rawValue))
        for name in names.union(staged).sorted() { try subscribe(to: name, account) }
    }
}

// Domains and accounts.
extension Transaction {
    func add(_ domain: Domain) throws {
        var domains = domains
        guard domains.insert(domain).inserted else { throw StorageFault.nameTaken }
        try write("INSERT INTO domain VALUES (?)", .text(domain.value))
        staged.domains = domains
    }

    func remove(_ domain: Domain) throws {
        var domains = domains
        guard domains.remove(domain) != nil else { throw StorageFault.noSuchDomain }
        guard try connection.number("SELECT 1 FROM account WHERE domain=? LIMIT 1", .text(domain.value)) == nil else {
            throw StorageFault.notAllowed("the domain has accounts")
        }
        try write("DELETE FROM domain WHERE name=?", .text(domain.value))
        staged.domains = domains
    }

    func add(_ name: AccountName, passwordHash: String, under master: MasterKey, keys: KeyFolder) throws -> AccountRecord {
        guard domains.contains(name.domain) else { throw StorageFault.noSuchDomain }
        guard catalog.read({ !$0.damage.accounts }) else { throw IndexDamage.missingAccounts }
        guard try connection.number("SELECT 1 FROM account WHERE folded=?", .text(name.folded)) == nil else { throw StorageFault.nameTaken }
        let key = SymmetricKey(size: .bits256)
        let id = AccountID(rawValue: try nextAccount(keys))
        let sealed = try Seal.seal(key.withUnsafeBytes { Array($0) }, under: master.key, as: Label(kind: .accountKey, id: id.rawValue))
        try write(
            "INSERT INTO account (id, name, folded, domain, password, enabled, created, mod_seq, uid_validity, sealed_key) VALUES (?,?,?,?,?,1,?,0,0,?)",
            .int(id.rawValue), .text(name.description), .text(name.folded), .text(name.domain.value), .text(passwordHash), .int(now.rawValue),
            .blob(sealed))
        keepKey(try KeyFile(account: id, sealedKey: sealed, name: name, key: key), in: keys)
        let record = AccountRecord(id: id, name: name, passwordHash: passwordHash, enabled: true, created: now, lastLogin: nil)
        staged.accounts[id] = AccountEntry(record: record, modSeq: .zero, uidValidity: 0, key: key)
        var made: [MailboxName] = [try create(.inbox, of: id, specialUse: nil).name]
        for (use, name) in SpecialUse.provided {
            guard let name = MailboxName(name) else { continue }
            made.append(try create(name, of: id, specialUse: use).name)
        }
        for name in made { try set(subscribed: true, to: name, of: id) }
        return record
    }

    func set(passwordHash: String, of id: AccountID) throws {
        var entry = try account(id)
        try write("UPDATE account SET password=? WHERE id=?", .text(passwordHash), .int(id.rawValue))
        entry.record.passwordHash = passwordHash
        staged.accounts[id] = entry
    }

    func set(enabled: Bool, of id: AccountID) throws {
        var entry = try account(id)
        try write("UPDATE account SET enabled=? WHERE id=?", .int(enabled ? 1 : 0), .int(id.rawValue))
        entry.record.enabled = enabled
        staged.accounts[id] = entry
    }

    func remove(_ id: AccountID, keys: KeyFolder) throws {
        let entry = try account(id)
        for (_, mailbox) in mailboxes(of: id) { try remove(try self.mailbox(mailbox)) }
        try dropAccess(by: id)
        let tables = ["subscription", "change", "departed", "change_floor", "change_time", "reference", "quota", "metadata"]
        for table in tables { try write("DELETE FROM \(table) WHERE account=?", .int(id.rawValue)) }
        try destroyKey(of: entry, in: keys)
        staged.accounts.updateValue(nil, forKey: id)
    }
}
