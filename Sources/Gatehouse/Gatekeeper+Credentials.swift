package import MailModel

/// Where there is nothing beside passwords.
private struct NoCredentials: Error {}

// What opens an account beside its password. All that is taken away is without effect once the call returns, and sessions that it opened end.
extension Gatekeeper {
    private var book: CredentialBook {
        get throws {
            guard let credentials else { throw NoCredentials() }
            return credentials
        }
    }

    /// In order of their making.
    package func appPasswords(of account: AccountID) throws -> [AppPassword] { try book.appPasswords(of: account) }

    /// `written`: the secret in groups, which cannot be had again. Throws `CredentialFault`.
    package func addAppPassword(
        _ label: String, _ scope: AppPassword.Scope, expires: Timestamp?, of account: AccountID
    ) async throws -> (app: AppPassword, written: String) {
        try await book.addAppPassword(label, scope, expires: expires, of: account)
    }

    /// Its sessions end. `CredentialFault.noSuchAppPassword`.
    package func removeAppPassword(_ id: String, of account: AccountID) async throws {
        try await book.removeAppPassword(id, of: account)
        sessions.revoke(account, openedBy: .appPassword(id))
    }

    package func secondFactor(of account: AccountID) throws -> SecondFactorStatus { try credentials?.status(of: account) ?? .none }

    /// A new secret for an authenticator program, which demands nothing before `confirmSecondFactor`. `CredentialFault.secondFactorIsOn`.
    package func enrollSecondFactor(of account: AccountID) async throws -> TOTP { try await book.enroll(account) }

    /// From now on the password alone opens nothing; sessions that it opened end. The recovery codes. `CredentialFault`.
    package func confirmSecondFactor(_ code: String, of account: AccountID) async throws -> [String] {
        let codes = try await book.confirm(code, of: account)
        accountChanged(account)
        return codes
    }

    /// Takes a code of the second factor, or a recovery code: each is good once. `CredentialFault.wrongCode`, `.secondFactorIsOff`.
    package func take(code: String, of account: AccountID) async throws { try await book.take(code, of: account) }

    /// Others in the place of all that were left. `CredentialFault.secondFactorIsOff`.
    package func renewRecoveryCodes(of account: AccountID) async throws -> [String] { try await book.renewRecoveryCodes(of: account) }

    /// An administrator's way out: the password is enough again. `CredentialFault.secondFactorIsOff`.
    package func disableSecondFactor(of account: AccountID) async throws { try await book.disableSecondFactor(of: account) }

    package func mustReset(_ account: AccountID) throws -> Bool { try credentials?.mustReset(account) ?? false }

    /// The password opens nothing before it is changed (S109); all sessions of the account end.
    package func demandReset(of account: AccountID) async throws {
        try await book.set(mustReset: true, of: account)
        accountChanged(account)
    }

    /// The password was changed.
    package func endReset(of account: AccountID) async throws { try await credentials?.set(mustReset: false, of: account) }

    /// The account was removed.
    package func forgetCredentials(of account: AccountID) async throws { try await credentials?.forget(account) }

    /// Writes down, now and then, what app passwords were used for; until it is cancelled.
    /// - parameter failed: hears why it could not be written; it is tried again.
    package func keepUses(every interval: Duration = .seconds(60), failed: @escaping @Sendable (any Error) -> Void) async {
        while !Task.isCancelled {
            await pause(interval)
            do { try await credentials?.writeUses() } catch { failed(error) }
        }
    }

    /// Writes them down at once.
    package func finishUses() async throws { try await credentials?.writeUses() }
}
