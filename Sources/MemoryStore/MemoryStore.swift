package import MailModel
package import Storage
import Synchronization

/// A store that forgets: for tests, with every promise of the ports but durability. One lock; no call waits.
package final class MemoryStore:
    AccountStore, MailboxStore, BodyStore, RightsStore, QuotaStore, MetadataStore, QueueStore, SearchIndex, ChangeFeed, ClosableStore
{
    /// What can be made to fail.
    package enum Operation: Hashable, CaseIterable, Sendable {
        case receive, write, finish, place
        case change, expunge, copy, move
        case create, delete, rename, subscribe, rights
        case read, outlines
        case look, accounts
        case update, trace, pairs

        var needsRoom: Bool { self == .receive || self == .write || self == .finish || self == .place }
    }

    let state = Mutex(MemoryState())
    let clock: Timestamp.Clock
    /// Rows of open mailboxes that were looked at.
    package let reads = RowReads()
    private let watches = AccountWatches()

    package init(clock: @escaping Timestamp.Clock = { Timestamp(rawValue: 0) }) {
        self.clock = clock
        state.withLock { $0.clock = clock }
    }

    /// Under the free floor: bodies are refused with `full`, everything else goes on.
    package var isFull: Bool {
        get { state.withLock { $0.isFull } }
        set { state.withLock { $0.isFull = newValue } }
    }

    /// From now on those operations throw `fault` and change nothing; nil: they work again.
    package func fail(_ operations: Set<Operation>, with fault: StorageFault?) {
        state.withLock { state in
            for operation in operations { state.faults[operation] = fault }
        }
    }

    package func close() async {
        state.withLock { $0.isClosed = true }
    }

    func look<Result: Sendable>(_ operation: Operation = .look, _ body: (borrowing MemoryState) throws -> Result) throws -> Result {
        try state.withLock { state in
            try state.admit(operation)
            return try body(state)
        }
    }

    /// One transaction; then those who watch are poked, with the lock free.
    func change<Result: Sendable>(_ operation: Operation, _ body: (inout MemoryState) throws -> Result) throws -> Result {
        let (result, pokes, changes) = try state.withLock { state in
            try state.admit(operation)
            let before = watches.isEmpty ? nil : state.modSeqs
            let result = try body(&state)
            let pokes = state.pokes
            state.pokes = []
            return (result, pokes, before.map { before in state.modSeqs.filter { before[$0.key] != $0.value } } ?? [:])
        }
        for poke in pokes { poke() }
        watches.tell(changes)
        return result
    }

    package func watch(account: AccountID, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        state.withLock { [watches] state in watches.watch(account, from: state.accounts[account]?.modSeq ?? .zero, poke: poke) }
    }
}
