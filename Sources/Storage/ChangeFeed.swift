package import MailModel
import Synchronization

/// Tells who wants to know what becomes of an account's mailboxes: which changed, came, went or got another name, and subscriptions.
package protocol ChangeFeed: Sendable {
    /// Notes every commit that a read after this returned might not show, until the watch is released. `poke` is called, from the store's thread, when
    /// something was noted of which nothing was before: once between two `take`s, however much happens. It must not block.
    /// An account that nobody watches costs a store nothing.
    func watch(account: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch
}

/// Holds what has happened to an account until it is taken; no more than `AccountChanges.most` mailboxes of it.
package final class AccountWatch: Sendable {
    private let noted = Mutex(AccountChanges())
    private let poke: @Sendable () -> Void
    private let account: AccountID
    private let watches: AccountWatches

    fileprivate init(_ account: AccountID, _ watches: AccountWatches, poke: @escaping @Sendable () -> Void) {
        self.account = account
        self.watches = watches
        self.poke = poke
    }

    deinit { watches.remove(ObjectIdentifier(self), of: account) }

    /// What has happened since the last time.
    package func take() -> AccountChanges {
        noted.withLock { noted in
            defer { noted = AccountChanges() }
            return noted
        }
    }

    fileprivate func note(_ changes: AccountChanges) {
        let isFirst = noted.withLock { noted in
            let wasEmpty = noted.isEmpty
            noted.merge(changes)
            return wasEmpty && !noted.isEmpty
        }
        if isFirst { poke() }
    }
}

/// The watches on a store's accounts: what a store makes its `ChangeFeed` of.
package final class AccountWatches: Sendable {
    private struct Weak: Sendable {
        weak let watch: AccountWatch?
    }

    private let state = Mutex<[AccountID: [ObjectIdentifier: Weak]]>([:])

    package init() {}

    package func watch(_ account: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        let watch = AccountWatch(account, self, poke: poke)
        state.withLock { $0[account, default: [:]][ObjectIdentifier(watch)] = Weak(watch: watch) }
        return watch
    }

    /// Those of `accounts` that somebody watches. Ask while no change of theirs can become visible.
    package func watched(_ accounts: some Sequence<AccountID>) -> Set<AccountID> {
        state.withLock { state in
            state.isEmpty ? [] : Set(accounts.filter { state[$0] != nil })
        }
    }

    package var isEmpty: Bool { state.withLock { $0.isEmpty } }

    /// Once the changes are visible, with no lock held that a poke may want.
    package func tell(_ changes: [AccountID: AccountChanges]) {
        for (account, changes) in changes where !changes.isEmpty {
            let watches = state.withLock { $0[account]?.values.compactMap(\.watch) ?? [] }
            for watch in watches { watch.note(changes) }
        }
    }

    fileprivate func remove(_ id: ObjectIdentifier, of account: AccountID) {
        state.withLock { state in
            state[account]?[id] = nil
            if state[account]?.isEmpty == true { state[account] = nil }
        }
    }
}
