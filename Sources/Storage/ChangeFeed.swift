package import MailModel
import Synchronization

/// Tells who wants to know that something became of an account: what, its `ChangeLog` says.
package protocol ChangeFeed: Sendable {
    /// Notes every commit that a read after this returned might not show, until the watch is released. `poke` is called, from the store's thread, when
    /// there is something of which nothing was before: once between two `take`s, however much happens. It must not block.
    /// An account that nobody watches costs a store nothing.
    func watch(account: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch
}

/// A part of an account's change log: what comes after `since`, up to `upTo`.
package struct ChangeSpan: Hashable, Sendable {
    package let account: AccountID
    package let since: ModSeq
    package let upTo: ModSeq

    package init(account: AccountID, since: ModSeq, upTo: ModSeq) {
        self.account = account
        self.since = since
        self.upTo = upTo
    }
}

/// How far an account's log was told of, and how far of that was taken. It holds no changes.
package final class AccountWatch: Sendable {
    private let span: Mutex<(taken: ModSeq, told: ModSeq)>
    private let poke: @Sendable () -> Void
    private let account: AccountID
    private let watches: AccountWatches

    fileprivate init(_ account: AccountID, from modSeq: ModSeq, _ watches: AccountWatches, poke: @escaping @Sendable () -> Void) {
        self.account = account
        self.watches = watches
        self.poke = poke
        span = Mutex((modSeq, modSeq))
    }

    deinit { watches.remove(ObjectIdentifier(self), of: account) }

    /// Where in the log to read of what has happened since the last time; nil: nothing has.
    package func take() -> ChangeSpan? {
        span.withLock { span in
            guard span.told > span.taken else { return nil }
            defer { span.taken = span.told }
            return ChangeSpan(account: account, since: span.taken, upTo: span.told)
        }
    }

    fileprivate func note(_ modSeq: ModSeq) {
        let isFirst = span.withLock { span in
            guard modSeq > span.told else { return false }
            defer { span.told = modSeq }
            return span.told == span.taken
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

    /// `modSeq`: the account's. Ask while no change of it can become visible.
    package func watch(_ account: AccountID, from modSeq: ModSeq, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        let watch = AccountWatch(account, from: modSeq, self, poke: poke)
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

    /// The accounts' ModSeqs, once the changes are visible, with no lock held that a poke may want.
    package func tell(_ modSeqs: [AccountID: ModSeq]) {
        for (account, modSeq) in modSeqs {
            let watches = state.withLock { $0[account]?.values.compactMap(\.watch) ?? [] }
            for watch in watches { watch.note(modSeq) }
        }
    }

    fileprivate func remove(_ id: ObjectIdentifier, of account: AccountID) {
        state.withLock { state in
            state[account]?[id] = nil
            if state[account]?.isEmpty == true { state[account] = nil }
        }
    }
}
