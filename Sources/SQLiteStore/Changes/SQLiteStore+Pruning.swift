package import Logging
package import MailModel
import Storage

// What is too old, or too much, leaves the change logs: planned by a reader, done in steps with others' changes between them.
extension SQLiteStore {
    /// Accounts that are looked at in one go.
    private static let accountsAtOnce = 256
    /// Seconds between notes of how far an account's log has come: what is kept is kept so much longer at most.
    fileprivate static let timeNotedEvery: Int64 = 6 * 3_600

    /// Prunes every `interval` until it is cancelled or the store is closed.
    package func keepChangesPruned(every interval: Duration, log: Logger) async {
        while true {
            do {
                try await Task.sleep(for: interval)
                let accounts = try await pruneChanges()
                if accounts > 0 { log.info("Old changes are told no more", metadata: ["accounts": "\(accounts)"]) }
            } catch is CancellationError {
                return
            } catch StorageFault.closed {
                return
            } catch {
                log.warning("The change logs were not pruned: \(error)")
            }
        }
    }

    /// Notes how far the logs have come, and removes what is below their floors; of how many accounts these rose.
    @discardableResult
    package func pruneChanges() async throws -> Int {
        // What was begun before a stop is gone on with.
        for account in try await readers.run({ try $0.accountsToPrune() }) { try await pruneSteps(of: account) }
        let directories = try await directories()
        let accounts = try known.read { state in
            state.accounts.keys.filter { !state.damage.lacksMailboxes(of: $0) }.sorted()
        }
        var raised = 0
        for start in stride(from: 0, to: accounts.count, by: SQLiteStore.accountsAtOnce) {
            let some = accounts[start..<min(start + SQLiteStore.accountsAtOnce, accounts.count)]
            let (kept, now) = (changesKept, clock())
            let plans = try await readers.run { reader in try some.map { (account: $0, plan: try reader.planPruning(of: $0, kept, now)) } }
            let toNote = plans.filter(\.plan.notesTime).map(\.account)
            // An account that was removed meanwhile has nothing to note.
            if !toNote.isEmpty {
                try await change { transaction in
                    for account in toNote where transaction.catalog.account(account) != nil { try transaction.noteTime(of: account) }
                }
            }
            for (account, plan) in plans {
                guard let floor = plan.floor else { continue }
                raised += 1
                try await prune(account, upTo: floor, directories[account] ?? [])
            }
            try Task.checkCancellation()
        }
        return raised
    }

    /// Changes of the account up to `modSeq` are told no more, and their rows are removed.
    package func prune(changesOf account: AccountID, upTo modSeq: ModSeq) async throws {
        try await prune(account, upTo: modSeq, try await directories()[account] ?? [])
    }

    private func prune(_ account: AccountID, upTo modSeq: ModSeq, _ directories: [MailboxID]) async throws {
        do {
            try await change { try $0.raiseFloor(of: account, to: modSeq, directories: directories) }
            try await pruneSteps(of: account)
        } catch StorageFault.noSuchAccount {
            return
        }
    }

    private func pruneSteps(of account: AccountID) async throws {
        while try await change({ try $0.prune(account) }) { try Task.checkCancellation() }
    }

    /// Mailboxes whose blocks are written down, by whose they are.
    private func directories() async throws -> [AccountID: [MailboxID]] {
        let ids = try await readers.run { try $0.mailboxesWithDirectory() }
        return try known.read { state in
            var found: [AccountID: [MailboxID]] = [:]
            for id in ids { if let account = state.mailboxes[id]?.record.account { found[account, default: []].append(id) } }
            return found
        }
    }

    fileprivate struct PruningPlan: Sendable {
        var notesTime = false
        /// Nil: the floor stays.
        var floor: ModSeq?
    }
}

extension BodyReader {
    fileprivate func accountsToPrune() throws -> [AccountID] {
        let rows = try connection.prepare("SELECT account FROM change_floor WHERE pruned<mod_seq")
        defer { rows.reset() }
        var found: [AccountID] = []
        while try rows.step() { found.append(AccountID(rawValue: rows.int(0))) }
        return found
    }

    fileprivate func mailboxesWithDirectory() throws -> [MailboxID] {
        let rows = try connection.prepare("SELECT mailbox FROM directory")
        defer { rows.reset() }
        var found: [MailboxID] = []
        while try rows.step() { found.append(MailboxID(rawValue: rows.int(0))) }
        return found
    }

    /// A scan of the log's newest rows, `kept.rows` of them, where the account has had more changes than that; else three look-ups.
    fileprivate func planPruning(of account: AccountID, _ kept: ChangesKept, _ now: Timestamp) throws -> SQLiteStore.PruningPlan {
        var plan = SQLiteStore.PruningPlan()
        let id = SQLValue.int(account.rawValue)
        guard let highest = try connection.number("SELECT mod_seq FROM account WHERE id=?", id) else { return plan }
        let floor = Int64(try ChangeFloor.read(of: account, connection).modSeq.rawValue)
        let last = try connection.prepare("SELECT time, mod_seq FROM change_time WHERE account=? ORDER BY time DESC LIMIT 1")
        try last.bind([id])
        let isNoted = try last.step()
        let (time, noted) = isNoted ? (last.int(0), last.int(1)) : (0, floor)
        last.reset()
        // A clock that was ahead once is not waited for.
        plan.notesTime = highest > noted && (!isNoted || now.rawValue - time >= SQLiteStore.timeNotedEvery || time > now.rawValue)
        var reached =
            try connection.number(
                "SELECT max(mod_seq) FROM change_time WHERE account=? AND time<=?", id, .int(now.rawValue - Int64(kept.days) * 86_400)) ?? 0
        if highest - floor > Int64(kept.rows) {
            let tooMuch = try connection.number(
                "SELECT mod_seq FROM change WHERE account=? AND mod_seq>? ORDER BY mod_seq DESC LIMIT 1 OFFSET ?", id, .int(floor), .int(Int64(kept.rows)))
            reached = max(reached, tooMuch ?? 0)
        }
        if reached > floor { plan.floor = ModSeq(rawValue: UInt64(reached)) }
        return plan
    }
}
