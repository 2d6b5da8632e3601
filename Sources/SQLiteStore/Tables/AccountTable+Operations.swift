import Crypto
import FoundationEssentials
import MailModel
import Storage

// Accounts are made, changed and removed.
extension Transaction {
    func account(_ id: AccountID) throws -> AccountEntry {
        let found = if let staged = staged.accounts[id] { staged } else { catalog.account(id) }
        guard let found else { throw StorageFault.noSuchAccount }
        return found
    }

    /// The next place in the account's log.
    func nextModSeq(_ id: AccountID) throws -> ModSeq {
        var entry = try account(id)
        entry.modSeq = entry.modSeq.successor
        staged.accounts[id] = entry
        return entry.modSeq
    }

    func nextUIDValidity(_ id: AccountID) throws -> UIDValidity {
        var entry = try account(id)
        entry.uidValidity = max(entry.uidValidity &+ 1, UInt32(clamping: now.rawValue))
        staged.accounts[id] = entry
        guard let validity = UIDValidity(rawValue: entry.uidValidity) else { throw StorageFault.unavailable("UIDVALIDITY is used up") }
        return validity
    }

    func add(_ name: AccountName, passwordHash: String, under master: MasterKey, keys: KeyFolder) throws -> AccountRecord {
        guard domains.contains(name.domain) else { throw StorageFault.noSuchDomain }
        guard catalog.read({ !$0.damage.accounts }) else { throw IndexDamage.missingAccounts }
        guard try connection.number("SELECT 1 FROM account WHERE folded=?", .text(name.folded)) == nil else { throw StorageFault.nameTaken }
        let key = SymmetricKey(size: .bits256)
        let id = AccountID(rawValue: try nextAccount(keys))
        let sealed = try Seal.seal(key: key, under: master.key, as: Label(kind: .accountKey, id: id.rawValue))
        try write(
            "INSERT INTO account (id, name, folded, domain, password, enabled, created, mod_seq, uid_validity, sealed_key) VALUES (?,?,?,?,?,1,?,0,0,?)",
            .int(id.rawValue), .text(name.description), .text(name.folded), .text(name.domain.value), .text(passwordHash), .int(now.rawValue),
            .blob(sealed))
        keepKey(try KeyFile(account: id, sealedKey: sealed, name: name, key: key), in: keys)
        let record = AccountRecord(id: id, name: name, passwordHash: passwordHash, enabled: true, created: now, lastLogin: nil)
        staged.accounts[id] = AccountEntry(record: record, modSeq: .zero, uidValidity: 0, key: key)
        for kind in TableList.kinds { try kind.welcome(record, self) }
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
        // Those first that lean on others.
        for kind in TableList.kinds.reversed() { try kind.remove(entry.record, self) }
        try destroyKey(of: entry, in: keys)
        staged.accounts.updateValue(nil, forKey: id)
    }
}
