package import MailModel
package import Storage

// Domains and accounts.
extension SQLiteStore {
    package func domains() async throws -> [Domain] {
        let (domains, isWhole) = try known.read { (Array($0.domains), !$0.damage.domains) }
        guard isWhole else { throw IndexDamage.missingAccounts }
        return domains.sorted()
    }
    package func add(domain: Domain) async throws { try await change { try $0.add(domain) } }
    package func remove(domain: Domain) async throws { try await change { try $0.remove(domain) } }

    package func accounts() async throws -> [AccountRecord] {
        guard try known.read({ !$0.damage.accounts }) else { throw IndexDamage.missingAccounts }
        return try readableAccounts()
    }

    /// Those that could be read when the store was opened: all, unless the index is damaged.
    package func readableAccounts() throws -> [AccountRecord] { try known.read { $0.accounts.values.map(\.record) }.sorted { $0.id < $1.id } }

    package func account(named name: AccountName) async throws -> AccountRecord? {
        let (found, isWhole) = try known.read { state in
            (state.accounts.entry(named: name)?.record, !state.damage.accounts)
        }
        guard found != nil || isWhole else { throw IndexDamage.missingAccounts }
        return found
    }

    package func account(_ id: AccountID) async throws -> AccountRecord? {
        let (found, isWhole) = try known.read { ($0.accounts[id]?.record, !$0.damage.accounts) }
        guard found != nil || isWhole else { throw IndexDamage.missingAccounts }
        return found
    }

    package func add(account: AccountName, passwordHash: String) async throws -> AccountRecord {
        let (master, keys) = (master, keys)
        return try await change { try $0.add(account, passwordHash: passwordHash, under: master, keys: keys) }
    }

    package func set(passwordHash: String, of account: AccountID) async throws { try await change { try $0.set(passwordHash: passwordHash, of: account) } }
    package func set(enabled: Bool, of account: AccountID) async throws { try await change { try $0.set(enabled: enabled, of: account) } }
    package func remove(account: AccountID) async throws {
        let keys = keys
        try await change { try $0.remove(account, keys: keys) }
    }

    package func note(login: Timestamp, of account: AccountID) {
        catalog.read { $0.accounts.note(login: login, of: account) }
    }
}
