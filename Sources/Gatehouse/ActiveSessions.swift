package import MailModel
import Synchronization

/// A logged-in session that the Gatehouse knows of: hold it as long as the session lives; it is forgotten when this is let go of.
package final class ActiveSession: Sendable {
    package let principal: Principal
    private let number: UInt64
    private let sessions: ActiveSessions

    fileprivate init(_ principal: Principal, _ number: UInt64, _ sessions: ActiveSessions) {
        self.principal = principal
        self.number = number
        self.sessions = sessions
    }

    deinit { sessions.remove(number, of: principal.account) }
}

/// Which sessions are logged in, by account.
final class ActiveSessions: Sendable {
    private struct Account {
        /// Rises with every change of the account.
        var changes: UInt64 = 0
        /// `changes` as the last successful login saw it; nil when nobody has logged in.
        var lastSeen: UInt64?
        var sessions: [UInt64: Session] = [:]
    }

    private struct Session {
        let credential: Principal.Credential
        let onRevoked: @Sendable () -> Void
    }

    private struct State {
        var accounts: [AccountID: Account] = [:]
        var next: UInt64 = 1
    }

    private let state = Mutex(State())

    /// What `saw` takes: read it before the account.
    func changes(of account: AccountID) -> UInt64 {
        state.withLock { $0.accounts[account]?.changes ?? 0 }
    }

    /// A login succeeded by what the account was after so many changes.
    func saw(_ changes: UInt64, of account: AccountID) {
        state.withLock { $0.accounts[account, default: Account()].lastSeen = changes }
    }

    func admit(_ principal: Principal, onRevoked: @escaping @Sendable () -> Void) -> ActiveSession {
        let (number, isLate) = state.withLock { state in
            let number = state.next
            state.next += 1
            var account = state.accounts[principal.account] ?? Account()
            let isLate = account.lastSeen.map { $0 != account.changes } ?? false
            if !isLate { account.sessions[number] = Session(credential: principal.credential, onRevoked: onRevoked) }
            state.accounts[principal.account] = account
            return (number, isLate)
        }
        // The account changed between its login and here.
        if isLate { onRevoked() }
        return ActiveSession(principal, number, self)
    }

    func remove(_ number: UInt64, of account: AccountID) {
        let gone = state.withLock { $0.accounts[account]?.sessions.removeValue(forKey: number) }
        // Released here, outside the lock: what it holds may end another session.
        _ = gone
    }

    /// Ends the sessions of an account, or those that one credential has opened.
    func revoke(_ account: AccountID, openedBy credential: Principal.Credential? = nil) {
        let ended = state.withLock { state in
            var entry = state.accounts[account] ?? Account()
            entry.changes += 1
            // Who logs in by another credential just now is right still, but its login is not told apart: it has to come again.
            let ended = entry.sessions.filter { credential == nil || $0.value.credential == credential }
            for number in ended.keys { entry.sessions[number] = nil }
            state.accounts[account] = entry
            return ended.values.map(\.onRevoked)
        }
        for onRevoked in ended { onRevoked() }
    }

    func count(of account: AccountID) -> Int { state.withLock { $0.accounts[account]?.sessions.count ?? 0 } }
}
