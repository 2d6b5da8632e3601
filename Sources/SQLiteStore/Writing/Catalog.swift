import Crypto
import MailModel
import Storage
import Synchronization

/// An account as the store has it in memory.
struct AccountEntry: Sendable {
    var record: AccountRecord
    var modSeq: ModSeq
    /// The highest UIDVALIDITY that any of its mailboxes was given.
    var uidValidity: UInt32
    let key: SymmetricKey
    /// Of message ids, to find threads by.
    let hash: KeyedHash

    init(record: AccountRecord, modSeq: ModSeq, uidValidity: UInt32, key: SymmetricKey) {
        self.record = record
        self.modSeq = modSeq
        self.uidValidity = uidValidity
        self.key = key
        hash = KeyedHash(key)
    }
}

/// A mailbox as the store has it in memory: what LIST and STATUS need, not its messages.
struct MailboxEntry: Sendable {
    var record: MailboxRecord
    /// 0 when every UID was given out.
    var uidNext: UInt32
    var modSeq: ModSeq
    var messages = 0
    var unseen = 0
    var deleted = 0
    var size: Int64 = 0
    var keywords = KeywordTable()

    mutating func count(_ row: MessageRow, by sign: Int = 1) {
        messages += sign
        if !row.flags.contains(.seen) { unseen += sign }
        if row.flags.contains(.deleted) { deleted += sign }
        size += Int64(row.size) * Int64(sign)
    }
}

/// What one batch changed, kept aside until its commit is durable.
struct Staged {
    /// Nil: removed.
    var accounts: [AccountID: AccountEntry?] = [:]
    var mailboxes: [MailboxID: MailboxEntry?] = [:]
    /// What became of names; nil: nothing is called that any more.
    var names: [AccountID: [MailboxName: MailboxID?]] = [:]
    /// Names that are subscribed to from now on, with their rows; nil: no more.
    var subscriptions: [AccountID: [MailboxName: Int64?]] = [:]
    var domains: Set<Domain>?
    /// Of mailboxes that are open.
    var tables: [MailboxID: MailboxSnapshot] = [:]
    /// Rows that have yet to join the tables of open mailboxes.
    var arrived: [MailboxID: ContiguousArray<MessageRow>] = [:]
    var opened: [MailboxID: OpenMailbox] = [:]
    var deleted: Set<MailboxID> = []
    var access: [MailboxID: AccessList] = [:]
    /// Bodies that accounts hold from now on and did not before.
    var held: [Indexer.Held] = []
    var limits: [AccountID: Quota] = [:]
    /// How far segments are indexed, where that is further than it was.
    var indexed: [Int64: Int64] = [:]
    /// What has been counted against quotas.
    var admitted: [AccountID: Quota] = [:]

    var concernsCatalogue: Bool {
        !accounts.isEmpty || !mailboxes.isEmpty || !subscriptions.isEmpty || domains != nil || !access.isEmpty || !limits.isEmpty
    }
}

/// Accounts, mailboxes and who looks at them, in memory. The index thread alone changes it, after each commit; anybody reads.
final class Catalog: Sendable {
    struct State: Sendable {
        var domains: Set<Domain> = []
        var accounts: [AccountID: AccountEntry] = [:]
        var accountsByName: [String: AccountID] = [:]
        var mailboxes: [MailboxID: MailboxEntry] = [:]
        var names: [AccountID: [MailboxName: MailboxID]] = [:]
        var subscriptions: [AccountID: Subscriptions] = [:]
        var access = AccessTable()
        var quotas = QuotaTable()
        var open: [MailboxID: WeakMailbox] = [:]
        var recentFloors: [MailboxID: UInt32] = [:]
        /// What the opening could not read.
        var damage = IndexDamage()
        /// Changed in memory and not yet on disk.
        var dirtyFloors: Set<MailboxID> = []
        var dirtyLogins: Set<AccountID> = []
    }

    struct WeakMailbox: Sendable {
        weak let mailbox: OpenMailbox?
    }

    private let state: Mutex<State>
    let outlines = OutlineCache()
    let watches = AccountWatches()
    /// How many commits changed something that the sealed catalogue says.
    let commits = Atomic<Int>(0)

    init(_ state: consuming State) { self.state = Mutex(state) }

    func read<Value>(_ body: (inout State) throws -> sending Value) rethrows -> sending Value { try state.withLock { try body(&$0) } }

    func account(_ id: AccountID) -> AccountEntry? { state.withLock { $0.accounts[id] } }
    func mailbox(_ id: MailboxID) -> MailboxEntry? { state.withLock { $0.mailboxes[id] } }
    func opened(_ id: MailboxID) -> OpenMailbox? { state.withLock { $0.open[id]?.mailbox } }

    /// Makes a committed batch visible.
    func publish(_ staged: Staged, epoch: Int, leases: Leases) {
        var changed: [(OpenMailbox, MailboxSnapshot)] = []
        let changes = state.withLock { state in
            let changes = staged.modSeqs(for: watches)
            if let domains = staged.domains { state.domains = domains }
            for (id, entry) in staged.accounts {
                if let entry {
                    state.accounts[id] = entry
                    state.accountsByName[entry.record.name.folded] = id
                } else if let old = state.accounts.removeValue(forKey: id) {
                    state.accountsByName[old.record.name.folded] = nil
                    state.names[id] = nil
                    state.subscriptions[id] = nil
                }
            }
            // In place: what an account has besides is not copied.
            for (id, names) in staged.names where state.accounts[id] != nil {
                for (name, mailbox) in names { state.names[id, default: [:]][name] = mailbox }
            }
            for (id, names) in staged.subscriptions where state.accounts[id] != nil {
                for (name, row) in names { state.subscriptions[id, default: Subscriptions()].set(name, row: row) }
            }
            for (id, list) in staged.access { state.access.set(list, of: id) }
            for (id, open) in staged.opened { state.open[id] = WeakMailbox(mailbox: open) }
            for (id, limits) in staged.limits { state.quotas.set(limits, of: id) }
            for (id, entry) in staged.mailboxes {
                state.quotas.replace(state.mailboxes[id], by: entry)
                state.mailboxes[id] = entry
                if entry == nil { state.recentFloors[id] = nil }
                guard let open = state.open[id]?.mailbox else { continue }
                var table = staged.tables[id] ?? open.snapshot
                table.adopt(entry)
                changed.append((open, table))
            }
            for case (let id, nil) in staged.accounts { state.quotas.forget(id) }
            return changes
        }
        if staged.concernsCatalogue { commits.add(1, ordering: .acquiringAndReleasing) }
        for (open, table) in changed {
            var table = table
            table.lease = leases.take(open.mailbox, epoch: epoch)
            open.publish(table)
        }
        watches.tell(changes)
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
        return catalog.read { state in
            let floor = state.recentFloors[mailbox] ?? 0
            guard last > floor else { return floor }
            state.recentFloors[mailbox] = last
            state.dirtyFloors.insert(mailbox)
            return floor
        }
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
