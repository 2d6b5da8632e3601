package import MailModel
import Synchronization

/// A session's stay in the house: hold it as long as the session lives. Letting go of it ends the stay.
package final class Stay: Sendable {
    package let principal: Principal
    private let number: UInt64
    private let stays: Stays

    fileprivate init(_ principal: Principal, _ number: UInt64, _ stays: Stays) {
        self.principal = principal
        self.number = number
        self.stays = stays
    }

    deinit { stays.remove(number, of: principal.account) }
}

/// Who is in the house, by account.
final class Stays: Sendable {
    private struct Account {
        /// Rises with every change of the account.
        var changes: UInt64 = 0
        /// `changes` as the last successful login saw it; nil when nobody has logged in.
        var lastSeen: UInt64?
        var sessions: [UInt64: @Sendable () -> Void] = [:]
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

    func admit(_ principal: Principal, onRevoked: @escaping @Sendable () -> Void) -> Stay {
        let (number, isLate) = state.withLock { state in
            let number = state.next
            state.next += 1
            var account = state.accounts[principal.account] ?? Account()
            let isLate = account.lastSeen.map { $0 != account.changes } ?? false
            if !isLate { account.sessions[number] = onRevoked }
            state.accounts[principal.account] = account
            return (number, isLate)
        }
        // The account changed between its login and here.
        if isLate { onRevoked() }
        return Stay(principal, number, self)
    }

    func remove(_ number: UInt64, of account: AccountID) {
        let gone = state.withLock { $0.accounts[account]?.sessions.removeValue(forKey: number) }
        // Released here, outside the lock: what it holds may end another stay.
        _ = gone
    }

    /// Ends the stays of an account.
    func revoke(_ account: AccountID) {
        let ended = state.withLock { state in
            var entry = state.accounts[account] ?? Account()
            entry.changes += 1
            let ended = entry.sessions.values
            entry.sessions = [:]
            state.accounts[account] = entry
            return Array(ended)
        }
        for onRevoked in ended { onRevoked() }
    }

    func count(of account: AccountID) -> Int { state.withLock { $0.accounts[account]?.sessions.count ?? 0 } }
}
