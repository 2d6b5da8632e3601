package import MailModel

/// An account as it is kept.
package struct AccountRecord: Hashable, Sendable {
    package let id: AccountID
    package let name: AccountName
    /// A PHC string (`$argon2id$…`).
    package var passwordHash: String
    package var enabled: Bool
    package var created: Timestamp
    package var lastLogin: Timestamp?

    package init(id: AccountID, name: AccountName, passwordHash: String, enabled: Bool, created: Timestamp, lastLogin: Timestamp?) {
        self.id = id
        self.name = name
        self.passwordHash = passwordHash
        self.enabled = enabled
        self.created = created
        self.lastLogin = lastLogin
    }
}

/// Domains and accounts. Reads are answered from memory; a change is durable when its call returns. Where some of them cannot be read, `corrupt` is thrown in
/// the place of an answer that might be short of one, or that there is none.
package protocol AccountStore: Sendable {
    /// In order of name.
    func domains() async throws -> [Domain]
    /// `nameTaken` when it exists.
    func add(domain: Domain) async throws
    /// `noSuchDomain`; `notAllowed` while it has accounts.
    func remove(domain: Domain) async throws

    /// In order of creation: the first is who `postmaster` means.
    func accounts() async throws -> [AccountRecord]
    /// Compared without case. Never waits for the disk.
    func account(named name: AccountName) async throws -> AccountRecord?
    func account(_ id: AccountID) async throws -> AccountRecord?
    /// Makes the account with its key, INBOX and the mailboxes of `SpecialUse.provided`, all subscribed. `noSuchDomain`, `nameTaken`.
    func add(account: AccountName, passwordHash: String) async throws -> AccountRecord
    /// `noSuchAccount`.
    func set(passwordHash: String, of account: AccountID) async throws
    func set(enabled: Bool, of account: AccountID) async throws
    /// Removes the account with its mail; its key is destroyed. `noSuchAccount`.
    func remove(account: AccountID) async throws
    /// Kept in memory at once, on disk with the next change or within a minute; it is not worth a sync of its own.
    func note(login: Timestamp, of account: AccountID)
}
