import MailModel
import MessageFormat
import Storage

/// Everything the store knows. Each changing method works on a `Draft` and commits it last, so that one that throws has changed nothing.
struct MemoryState {
    var domains: Set<Domain> = []
    var accounts: [AccountID: Account] = [:]
    /// By folded name.
    var accountIDs: [String: AccountID] = [:]
    var mailboxes: [MailboxID: Mailbox] = [:]
    /// What handles to deleted mailboxes answer.
    var deleted: [MailboxID: MailboxSnapshot] = [:]
    /// What rows hold, and how many rows do.
    var holds: [Hold.Key: (hold: Hold, rows: Int)] = [:]
    /// The same, and what only leases hold.
    var readable: [Hold.Key: WeakHold] = [:]
    var nextAccount: Int64 = 1
    var nextMailbox: Int64 = 1
    var nextBody: Int64 = 1
    var nextWatch: UInt64 = 1

    /// Of every message: kept apart from the mailboxes, which are copied to be changed.
    var particulars: [MailboxID: [UID: MessageParticulars]] = [:]
    /// The threads of the messages that an account has seen, by Message-ID.
    var threads: [AccountID: [String: ThreadID]] = [:]
    var clock: Timestamp.Clock = { Timestamp(rawValue: 0) }
    var standardLimits = Quota()
    var annotations: [AnnotationKey: [UInt8]] = [:]
    var queue: [QueueID: QueuedBody] = [:]
    var traces: [TraceEvent] = []
    var pairs: [Keyspace: [String: [UInt8]]] = [:]
    var logs: [AccountID: MemoryLog] = [:]

    var isClosed = false
    var isFull = false
    var faults: [MemoryStore.Operation: StorageFault] = [:]
    var bodyFaults: [BodyID: (outline: Bool, fault: StorageFault)] = [:]
    /// Watchers of what was committed; called once the lock is free.
    var pokes: [@Sendable () -> Void] = []

    struct Account {
        var record: AccountRecord
        var modSeq = ModSeq.zero
        var nextValidity: UInt32 = 1
        var mailboxes: [MailboxName: MailboxID] = [:]
        var subscriptions: Set<MailboxName> = []
        var limits = Quota()
    }

    struct Mailbox {
        var record: MailboxRecord
        var table: MailboxSnapshot
        var access = AccessList()
        var lease = Lease()
        var unseen = 0
        var deleted = 0
        var size: Int64 = 0
        var recentFloor: UInt32 = 0
        var expunged: [(modSeq: ModSeq, uids: NumberSet)] = []
        var watchers: [UInt64: @Sendable () -> Void] = [:]

        mutating func count(_ row: MessageRow, by sign: Int) {
            size += Int64(row.size) * Int64(sign)
            if !row.flags.contains(.seen) { unseen += sign }
            if row.flags.contains(.deleted) { deleted += sign }
        }
    }

    func mailbox(_ id: MailboxID) throws -> Mailbox {
        guard let mailbox = mailboxes[id] else { throw StorageFault.noSuchMailbox }
        return mailbox
    }

    func account(_ id: AccountID) throws -> Account {
        guard let account = accounts[id] else { throw StorageFault.noSuchAccount }
        return account
    }

    /// What every call asks first.
    func admit(_ operation: MemoryStore.Operation) throws {
        guard !isClosed else { throw StorageFault.closed }
        if let fault = faults[operation] { throw fault }
        if isFull, operation.needsRoom { throw StorageFault.full }
    }
}

/// A transaction on its way: the mailboxes it changes, one ModSeq an account, and who comes to hold which body.
struct Draft {
    private(set) var mailboxes: [MailboxID: MemoryState.Mailbox] = [:]
    private var order: [MailboxID] = []
    private var modSeqs: [AccountID: ModSeq] = [:]
    private var added: [(MemoryBody, MessageHead?, AccountID)] = []
    private var removed: [MailboxID: [BodyID]] = [:]
    // What is written into the log, by mailbox.
    private var placed: [MailboxID: NumberSet] = [:]
    private var flagged: [MailboxID: NumberSet] = [:]
    private var expunged: [MailboxID: [UInt32: BodyID]] = [:]
    private var learned = LearnedParticulars()

    /// A message on its way into a mailbox.
    struct Arrival {
        let flags: Flags
        let internalDate: Timestamp
        let body: MemoryBody
        var head: MessageHead?
        /// Nil for a message that is new to the account.
        var thread: ThreadID?

        var size: Int { body.octets.readableBytes + (head?.octets.count ?? 0) }
    }

    mutating func mailbox(_ id: MailboxID, _ state: MemoryState) throws -> MemoryState.Mailbox {
        if let mailbox = mailboxes[id] { return mailbox }
        return try state.mailbox(id)
    }

    mutating func put(_ mailbox: MemoryState.Mailbox) {
        if mailboxes.updateValue(mailbox, forKey: mailbox.record.id) == nil { order.append(mailbox.record.id) }
    }

    /// Flags of messages of that mailbox, which is put, are others now.
    mutating func note(flags uids: NumberSet, in id: MailboxID) { flagged[id] = uids }

    /// The account's place in its change log for all of this transaction.
    mutating func modSeq(of account: AccountID, _ state: MemoryState) throws -> ModSeq {
        if let modSeq = modSeqs[account] { return modSeq }
        let next = try state.account(account).modSeq.successor
        modSeqs[account] = next
        return next
    }

    /// Appends messages; their UIDs.
    mutating func append(_ arrivals: [Arrival], to id: MailboxID, _ state: MemoryState) throws -> [UID] {
        var mailbox = try mailbox(id, state)
        let modSeq = try modSeq(of: mailbox.record.account, state)
        var rows: [MessageRow] = []
        var further: [UID: FurtherKeywords] = [:]
        // No message is refused for a keyword.
        _ = mailbox.table.makeRoom(for: arrivals.flatMap(\.flags.keywords))
        for arrival in arrivals {
            let flags = mailbox.table.keywords.set(of: arrival.flags)
            guard mailbox.table.uidNext < .last else { throw StorageFault.notAllowed("no UIDs are left in the mailbox") }
            let row = MessageRow(
                uid: mailbox.table.uidNext, flags: flags.bits, modSeq: modSeq,
                body: arrival.body.id, internalDate: arrival.internalDate, size: UInt32(clamping: arrival.size))
            mailbox.table.uidNext = row.uid.successor
            if !flags.further.isEmpty { further[row.uid] = flags.further }
            mailbox.count(row, by: 1)
            rows.append(row)
            added.append((arrival.body, arrival.head, mailbox.record.account))
            let thread = arrival.thread ?? learned.thread(of: arrival.body, account: mailbox.record.account, state)
            learned.add(MessageParticulars(uid: row.uid, thread: thread, saveDate: state.clock()), in: id)
        }
        mailbox.table.append(rows, further: further)
        mailbox.table.highestModSeq = modSeq
        for row in rows { placed[id, default: NumberSet()].insert(row.uid) }
        put(mailbox)
        return rows.map(\.uid)
    }

    /// Takes messages out of a mailbox and notes it in its log. None of `uids` may be missing.
    mutating func remove(_ uids: NumberSet, from id: MailboxID, _ state: MemoryState) throws {
        var mailbox = try mailbox(id, state)
        let modSeq = try modSeq(of: mailbox.record.account, state)
        for (_, row) in try mailbox.table.rows(uids) {
            mailbox.count(row, by: -1)
            removed[id, default: []].append(row.body)
            expunged[id, default: [:]][row.uid.rawValue] = row.body
            learned.remove(row.uid, from: id)
        }
        try mailbox.table.update(uids) { _ in nil }
        mailbox.table.highestModSeq = modSeq
        mailbox.expunged.append((modSeq, uids))
        put(mailbox)
    }

    /// Makes it so.
    func commit(to state: inout MemoryState) {
        for (account, modSeq) in modSeqs { state.accounts[account]?.modSeq = modSeq }
        for (body, head, account) in added { state.hold(body, behind: head, by: account) }
        learned.commit(to: &state)
        for id in order {
            guard var mailbox = mailboxes[id] else { continue }
            let gone = state.release(removed[id] ?? [], by: mailbox.record.account)
            if !gone.isEmpty { mailbox.lease = mailbox.lease.retire(gone) }
            state.mailboxes[id] = mailbox
            state.pokes += mailbox.watchers.values
            let account = mailbox.record.account
            guard let modSeq = modSeqs[account] else { continue }
            if let uids = placed[id] { state.log(.placed(uids, in: id), of: account, at: modSeq) }
            if let uids = flagged[id] { state.log(.flags(uids, in: id), of: account, at: modSeq) }
            if let bodies = expunged[id] {
                state.log(.expunged(NumberSet(bodies.keys.map { $0...$0 }), in: id), of: account, at: modSeq, departed: bodies)
            }
        }
    }
}

extension MemoryState {
    mutating func hold(_ body: MemoryBody, behind head: MessageHead?, by account: AccountID) {
        let key = Hold.Key(body: body.id, account: account)
        // One that only a lease held is taken up again.
        let hold = holds[key]?.hold ?? readable[key]?.hold ?? Hold(body, behind: head, account: account)
        holds[key] = (hold, (holds[key]?.rows ?? 0) + 1)
        readable[key] = WeakHold(hold: hold)
        if readable.count > 2 * holds.count + 1_024 { readable = readable.filter { $0.value.hold != nil } }
    }

    /// The holds of those rows, for a lease to keep.
    mutating func release(_ bodies: [BodyID], by account: AccountID) -> [Hold] {
        var released: [Hold] = []
        for body in bodies {
            let key = Hold.Key(body: body, account: account)
            guard let (hold, rows) = holds[key] else { continue }
            released.append(hold)
            holds[key] = rows > 1 ? (hold, rows - 1) : nil
        }
        return released
    }

    /// The body with its head, where the account may read it.
    func hold(_ id: BodyID, for account: AccountID) throws -> Hold {
        guard let hold = readable[Hold.Key(body: id, account: account)]?.hold else { throw StorageFault.noSuchMessage }
        return hold
    }
}
