import MailModel
import Storage
import Synchronization

/// What the store has in memory: all tables. The index thread alone changes it, after each commit; anybody reads.
final class Catalog: Sendable {
    private let state: Mutex<State>
    let outlines = OutlineCache()
    let watches = AccountWatches()
    /// How many commits changed something that the sealed catalogue says.
    let commits = Atomic<Int>(0)

    init(_ state: consuming State) { self.state = Mutex(state) }

    func read<Value>(_ body: (inout State) throws -> sending Value) rethrows -> sending Value { try state.withLock { try body(&$0) } }

    func account(_ id: AccountID) -> AccountEntry? { state.withLock { $0.accounts[id] } }
    func mailbox(_ id: MailboxID) -> MailboxEntry? { state.withLock { $0.mailboxes[id] } }
    func opened(_ id: MailboxID) -> OpenMailbox? { state.withLock { $0.mailboxes.opened(id) } }

    /// Makes a committed batch visible: all tables at once.
    func publish(_ staged: Staged, epoch: Int, leases: Leases) {
        var shown: [ShownTable] = []
        let modSeqs = state.withLock { tables in
            let modSeqs = staged.modSeqs(for: watches)
            staged.publish(in: &tables, &shown)
            return modSeqs
        }
        if staged.concernsCatalogue { commits.add(1, ordering: .acquiringAndReleasing) }
        for (open, table) in shown {
            var table = table
            table.lease = leases.take(open.mailbox, epoch: epoch)
            open.publish(table)
        }
        watches.tell(modSeqs)
    }
}

extension MailboxSnapshot {
    /// Takes over what the mailbox says of itself; nil: it was deleted.
    mutating func adopt(_ entry: MailboxEntry?) {
        guard let entry else {
            removeAll()
            isDeleted = true
            return
        }
        uidNext = UID(rawValue: entry.uidNext) ?? .last
        highestModSeq = entry.modSeq
        keywords = entry.keywords
    }
}

/// A mailbox's shared table.
final class OpenMailbox: MailboxHandle {
    let mailbox: MailboxID
    private let catalog: Catalog
    private let state: Mutex<State>

    private struct State {
        var snapshot: MailboxSnapshot
        var watches: [ObjectIdentifier: @Sendable () -> Void] = [:]
    }

    init(_ snapshot: MailboxSnapshot, catalog: Catalog) {
        mailbox = snapshot.mailbox
        self.catalog = catalog
        state = Mutex(State(snapshot: snapshot))
    }

    var snapshot: MailboxSnapshot { state.withLock { $0.snapshot } }

    func publish(_ snapshot: MailboxSnapshot) {
        let watches = state.withLock { state in
            state.snapshot = snapshot
            return Array(state.watches.values)
        }
        for poke in watches { poke() }
    }

    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable {
        let watch = Watch(self)
        state.withLock { $0.watches[ObjectIdentifier(watch)] = poke }
        return watch
    }

    func claimRecent() -> UInt32 {
        let last = snapshot.uidNext.rawValue - 1
        return catalog.read { $0.mailboxes.claimRecent(upTo: last, in: mailbox) }
    }

    private final class Watch: Sendable {
        private let mailbox: OpenMailbox
        init(_ mailbox: OpenMailbox) { self.mailbox = mailbox }
        deinit {
            let id = ObjectIdentifier(self)
            _ = mailbox.state.withLock { $0.watches.removeValue(forKey: id) }
        }
    }
}

/// Which versions of mailboxes are being looked at, so that the bodies of messages that left a mailbox stay until nobody has yet to be told.
final class Leases: Sendable {
    private let held = Mutex<[MailboxID: [Int: Int]]>([:])

    final class Lease: Sendable {
        fileprivate let mailbox: MailboxID
        fileprivate let epoch: Int
        fileprivate let leases: Leases
        fileprivate init(_ mailbox: MailboxID, _ epoch: Int, _ leases: Leases) {
            self.mailbox = mailbox
            self.epoch = epoch
            self.leases = leases
        }
        deinit { leases.end(mailbox, epoch) }

        /// Whether nobody holds an earlier version of the mailbox.
        var isEarliest: Bool { !leases.isHeld(mailbox, before: epoch) }
    }

    func take(_ mailbox: MailboxID, epoch: Int) -> Lease {
        held.withLock { $0[mailbox, default: [:]][epoch, default: 0] += 1 }
        return Lease(mailbox, epoch, self)
    }

    private func end(_ mailbox: MailboxID, _ epoch: Int) {
        held.withLock { held in
            guard let count = held[mailbox]?[epoch] else { return }
            held[mailbox]?[epoch] = count > 1 ? count - 1 : nil
            if held[mailbox]?.isEmpty == true { held[mailbox] = nil }
        }
    }

    /// Whether somebody looks at a version of the mailbox from before commit `epoch`.
    func isHeld(_ mailbox: MailboxID, before epoch: Int) -> Bool {
        held.withLock { $0[mailbox]?.keys.contains { $0 < epoch } ?? false }
    }
}
