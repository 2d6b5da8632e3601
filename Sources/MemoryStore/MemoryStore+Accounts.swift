package import MailModel
package import Storage

extension MemoryStore {
    package func domains() async throws -> [Domain] {
        try look(.accounts) { $0.domains.sorted() }
    }

    package func add(domain: Domain) async throws {
        try change(.accounts) { state in
            guard state.domains.insert(domain).inserted else { throw StorageFault.nameTaken }
        }
    }

    package func remove(domain: Domain) async throws {
        try change(.accounts) { state in
            guard state.domains.contains(domain) else { throw StorageFault.noSuchDomain }
            guard !state.accounts.values.contains(where: { $0.record.name.domain == domain }) else {
                throw StorageFault.notAllowed("the domain has accounts")
            }
            state.domains.remove(domain)
        }
    }

    package func accounts() async throws -> [AccountRecord] {
        try look(.accounts) { $0.accounts.values.map(\.record).sorted { $0.id < $1.id } }
    }

    package func account(named name: AccountName) async throws -> AccountRecord? {
        try look(.accounts) { state in state.accountIDs[name.folded].flatMap { state.accounts[$0]?.record } }
    }

    package func account(_ id: AccountID) async throws -> AccountRecord? {
        try look(.accounts) { $0.accounts[id]?.record }
    }

    package func add(account: AccountName, passwordHash: String) async throws -> AccountRecord {
        let now = clock()
        return try change(.accounts) { state in
            guard state.domains.contains(account.domain) else { throw StorageFault.noSuchDomain }
            guard state.accountIDs[account.folded] == nil else { throw StorageFault.nameTaken }
            let record = AccountRecord(
                id: AccountID(rawValue: state.nextAccount), name: account, passwordHash: passwordHash, enabled: true, created: now, lastLogin: nil)
            state.nextAccount += 1
            state.accounts[record.id] = MemoryState.Account(record: record)
            state.accountIDs[account.folded] = record.id
            state.bindAccess(to: record)
            let provided = SpecialUse.provided.compactMap { item in MailboxName(item.name).map { (name: $0, use: Optional(item.use)) } }
            for (name, use) in [(.inbox, nil)] + provided { _ = try state.make(name, use, of: record.id, state.account(record.id).modSeq.successor) }
            for name in try state.account(record.id).mailboxes.keys { try state.subscribe(true, to: name, of: record.id) }
            return record
        }
    }

    package func set(passwordHash: String, of account: AccountID) async throws {
        try change(.accounts) { state in
            _ = try state.account(account)
            state.accounts[account]?.record.passwordHash = passwordHash
        }
    }

    package func set(enabled: Bool, of account: AccountID) async throws {
        try change(.accounts) { state in
            _ = try state.account(account)
            state.accounts[account]?.record.enabled = enabled
        }
    }

    package func remove(account: AccountID) async throws {
        try change(.accounts) { state in
            let known = try state.account(account)
            for mailbox in known.mailboxes.values { try state.drop(mailbox) }
            state.dropAccess(by: known.record)
            state.dropAnnotations(by: account)
            state.accounts[account] = nil
            state.logs[account] = nil
            state.accountIDs[known.record.name.folded] = nil
        }
    }

    package func note(login: Timestamp, of account: AccountID) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.accounts[account]?.record.lastLogin = login
        }
    }
}
