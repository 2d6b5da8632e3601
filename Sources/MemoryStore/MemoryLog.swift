package import MailModel
package import Storage

/// An account's change log.
struct MemoryLog {
    private(set) var changes: [Change] = []
    private(set) var floor = ModSeq.zero
    /// E-mail ids of messages that went.
    private var departed: [Departure: [UInt32: BodyID]] = [:]

    private struct Departure: Hashable {
        let modSeq: ModSeq
        let mailbox: MailboxID
    }

    mutating func add(_ change: Change, departed bodies: [UInt32: BodyID] = [:]) {
        changes.append(change)
        if let mailbox = change.mailbox, !bodies.isEmpty { departed[Departure(modSeq: change.modSeq, mailbox: mailbox)] = bodies }
    }

    mutating func raiseFloor(to modSeq: ModSeq) {
        floor = max(floor, modSeq)
        let floor = floor
        changes.removeAll { $0.modSeq <= floor }
        departed = departed.filter { $0.key.modSeq > floor }
    }

    func page(since: ModSeq, most: Int, highest: ModSeq) -> ChangesSince {
        guard since <= highest else { return .ahead(highest: highest) }
        guard since >= floor else { return .older(floor: floor, highest: highest) }
        let rest = changes.drop { $0.modSeq <= since }
        guard rest.count > most, let first = rest.first else { return .page(ChangePage(changes: Array(rest), upTo: highest, isLast: true)) }
        // Those of one ModSeq stay together; a page has one at least.
        let cut = rest[rest.index(rest.startIndex, offsetBy: max(0, most))].modSeq
        let whole = cut == first.modSeq ? rest.prefix { $0.modSeq == cut } : rest.prefix { $0.modSeq < cut }
        guard whole.count < rest.count, let last = whole.last else { return .page(ChangePage(changes: Array(rest), upTo: highest, isLast: true)) }
        return .page(ChangePage(changes: Array(whole), upTo: last.modSeq, isLast: false))
    }

    func bodies(of change: Change) -> [UInt32: BodyID]? {
        change.mailbox.flatMap { departed[Departure(modSeq: change.modSeq, mailbox: $0)] }
    }
}

extension MemoryState {
    mutating func log(_ kind: Change.Kind, of account: AccountID, at modSeq: ModSeq, departed: [UInt32: BodyID] = [:]) {
        logs[account, default: MemoryLog()].add(Change(kind, of: account, at: modSeq), departed: departed)
    }
}

extension MemoryStore: ChangeLog {
    package func changes(of account: AccountID, since modSeq: ModSeq, most: Int) async throws -> ChangesSince {
        try look { state in
            let highest = try state.account(account).modSeq
            return (state.logs[account] ?? MemoryLog()).page(since: modSeq, most: most, highest: highest)
        }
    }

    package func messages(of change: Change, after uid: UID?, most: Int) async throws -> ChangedMessages {
        try await withRows { try look { try $0.messages(of: change, after: uid, most: max(1, most)) } }
    }

    /// Changes of the account up to `modSeq` are told no more.
    package func prune(changesOf account: AccountID, upTo modSeq: ModSeq) {
        state.withLock { state in
            guard let highest = state.accounts[account]?.modSeq else { return }
            state.logs[account, default: MemoryLog()].raiseFloor(to: min(modSeq, highest))
        }
    }
}

extension MemoryState {
    fileprivate func messages(of change: Change, after uid: UID?, most: Int) throws -> ChangedMessages {
        let bodies = logs[change.account]?.bodies(of: change)
        var all: [ChangedMessages.Message] = []
        var isComplete = true
        switch change.kind {
        case .placed(let uids, let mailbox), .flags(let uids, let mailbox):
            all = try (mailboxes[mailbox]?.table.rows(uids) ?? []).map { ChangedMessages.Message(uid: $0.row.uid, emailID: $0.row.body) }
        case .expunged(let uids, _):
            all = uids.numbers.compactMap { number in UID(rawValue: number).map { ChangedMessages.Message(uid: $0, emailID: bodies?[number]) } }
        case .mailboxDeleted:
            isComplete = logs[change.account]?.floor ?? .zero < change.modSeq
            all = (bodies ?? [:]).sorted { $0.key < $1.key }.compactMap { number, body in
                UID(rawValue: number).map { ChangedMessages.Message(uid: $0, emailID: body) }
            }
        case .mailboxCreated, .mailboxRenamed, .subscription, .rights, .metadata: break
        }
        let rest = all.drop { $0.uid.rawValue <= uid?.rawValue ?? 0 }
        let some = Array(rest.prefix(most))
        return ChangedMessages(messages: some, next: some.count < rest.count ? some.last?.uid : nil, isComplete: isComplete)
    }
}
