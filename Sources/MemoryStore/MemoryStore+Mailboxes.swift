package import MailModel
package import Storage

extension MemoryStore {
    package func mailboxes(of account: AccountID) async throws -> [MailboxRecord] {
        try look { state in
            try state.account(account).mailboxes.values.compactMap { state.mailboxes[$0]?.record }.sorted { $0.name < $1.name }
        }
    }

    package func mailbox(named name: MailboxName, of account: AccountID) async throws -> MailboxRecord? {
        try look { state in try state.account(account).mailboxes[name].flatMap { state.mailboxes[$0]?.record } }
    }

    package func record(of mailbox: MailboxID) throws -> MailboxRecord? { try look { $0.mailboxes[mailbox]?.record } }

    package func mailboxCount(of account: AccountID) async throws -> Int { try look { try $0.account(account).mailboxes.count } }

    package func status(of mailbox: MailboxID) async throws -> MailboxStatus {
        try look { state in
            let box = try state.mailbox(mailbox)
            return MailboxStatus(
                messages: box.table.count, unseen: box.unseen, deleted: box.deleted, size: box.size, uidNext: box.table.uidNext,
                uidValidity: box.record.uidValidity, highestModSeq: box.table.highestModSeq, recentFloor: box.recentFloor)
        }
    }

    package func create(mailbox name: MailboxName, of account: AccountID, specialUse: SpecialUse?) async throws -> MailboxRecord {
        try change(.create) { state in
            guard try state.account(account).mailboxes[name] == nil else { throw StorageFault.nameTaken }
            try state.admit(Quota([.mailbox: 1]), to: account)
            let modSeq = try state.account(account).modSeq.successor
            return try state.make(name, specialUse, of: account, modSeq)
        }
    }

    package func delete(mailbox: MailboxID) async throws {
        try await withRows {
            try change(.delete) { state in
                guard try !state.mailbox(mailbox).record.name.isInbox else { throw StorageFault.notAllowed("INBOX cannot be deleted") }
                try state.drop(mailbox)
            }
        }
    }

    package func rename(mailbox: MailboxID, to name: MailboxName) async throws {
        try change(.rename) { state in
            let record = try state.mailbox(mailbox).record
            guard try state.account(record.account).mailboxes[name] == nil else { throw StorageFault.nameTaken }
            if record.name.isInbox {
                try state.emptyInbox(record, into: name)
            } else {
                try state.rename(record, to: name)
            }
        }
    }

    package func subscriptions(of account: AccountID) async throws -> Set<MailboxName> {
        try look { try $0.account(account).subscriptions }
    }

    package func subscription(to name: MailboxName, of account: AccountID) async throws -> (isThere: Bool, count: Int, octets: Int) {
        let names = try await subscriptions(of: account)
        return (names.contains(name), names.count, names.reduce(0) { $0 + $1.value.utf8.count })
    }

    package func set(subscribed: Bool, to name: MailboxName, of account: AccountID) async throws {
        try change(.subscribe) { state in try state.subscribe(subscribed, to: name, of: account) }
    }

    package func open(_ mailbox: MailboxID) async throws -> any MailboxHandle {
        MemoryHandle(self, try look { try $0.mailbox(mailbox).record })
    }
}

extension MemoryState {
    mutating func subscribe(_ subscribed: Bool, to name: MailboxName, of account: AccountID) throws {
        var known = try self.account(account)
        let isNew = subscribed ? known.subscriptions.insert(name).inserted : known.subscriptions.remove(name) != nil
        if isNew {
            known.modSeq = known.modSeq.successor
            log(.subscription(to: name, isSubscribed: subscribed), of: account, at: known.modSeq)
        }
        accounts[account] = known
    }

    /// The account must be there and the name free; `modSeq`: the transaction's.
    mutating func make(_ name: MailboxName, _ use: SpecialUse?, of account: AccountID, _ modSeq: ModSeq) throws -> MailboxRecord {
        var known = try self.account(account)
        guard let validity = UIDValidity(rawValue: known.nextValidity), known.nextValidity < .max else {
            throw StorageFault.unavailable("no UIDVALIDITY is left")
        }
        known.modSeq = modSeq
        let record = MailboxRecord(id: MailboxID(rawValue: nextMailbox), account: account, name: name, uidValidity: validity, specialUse: use)
        known.nextValidity += 1
        nextMailbox += 1
        known.mailboxes[name] = record.id
        accounts[account] = known
        let table = MailboxSnapshot(mailbox: record.id, uidValidity: validity, highestModSeq: modSeq)
        var box = Mailbox(record: record, table: table)
        if let superior = name.parent.flatMap({ known.mailboxes[$0] }) {
            let list = try mailbox(superior).access
            if hasRoom(for: list, over: box) { box.access = list }
        }
        mailboxes[record.id] = box
        log(.mailboxCreated(record.id, name: name), of: account, at: modSeq)
        return record
    }

    mutating func drop(_ id: MailboxID) throws {
        let mailbox = try mailbox(id)
        var bodies: [BodyID] = []
        var departed: [UInt32: BodyID] = [:]
        try mailbox.table.forEach { _, row in
            bodies.append(row.body)
            departed[row.uid.rawValue] = row.body
            return true
        }
        var known = try account(mailbox.record.account)
        known.modSeq = known.modSeq.successor
        known.mailboxes[mailbox.record.name] = nil
        accounts[known.record.id] = known
        log(.mailboxDeleted(id, name: mailbox.record.name), of: known.record.id, at: known.modSeq, departed: departed)
        _ = mailbox.lease.retire(release(bodies, by: known.record.id))
        var empty = MailboxSnapshot(
            mailbox: id, uidValidity: mailbox.record.uidValidity, uidNext: mailbox.table.uidNext, highestModSeq: known.modSeq,
            keywords: mailbox.table.keywords)
        empty.isDeleted = true
        deleted[id] = empty
        pokes += mailbox.watchers.values
        dropAnnotations(of: id)
        mailboxes[id] = nil
        particulars[id] = nil
    }

    mutating func rename(_ record: MailboxRecord, to name: MailboxName) throws {
        guard !name.isInferior(to: record.name) else { throw StorageFault.notAllowed("a mailbox cannot be moved below itself") }
        var known = try account(record.account)
        var moved: [(id: MailboxID, from: MailboxName, to: MailboxName)] = []
        for (old, id) in known.mailboxes where old == record.name || old.isInferior(to: record.name) {
            guard let new = old.moved(from: record.name, to: name) else { throw StorageFault.notAllowed("the name grows too long") }
            guard known.mailboxes[new] == nil else { throw StorageFault.nameTaken }
            moved.append((id, old, new))
        }
        for move in moved { known.mailboxes[move.from] = nil }
        for move in moved {
            known.mailboxes[move.to] = move.id
            mailboxes[move.id]?.record.name = move.to
        }
        known.modSeq = known.modSeq.successor
        for move in moved.sorted(by: { $0.id < $1.id }) {
            log(.mailboxRenamed(move.id, from: move.from, to: move.to), of: record.account, at: known.modSeq)
        }
        accounts[known.record.id] = known
    }

    // RFC 9051 §6.3.6: INBOX stays, and so do its inferiors; its messages go to a new mailbox.
    mutating func emptyInbox(_ inbox: MailboxRecord, into name: MailboxName) throws {
        let table = try mailbox(inbox.id).table
        try table.require(0..<table.count)
        var draft = Draft()
        let target = try make(name, nil, of: inbox.account, draft.modSeq(of: inbox.account, self))
        if table.count > 0 {
            _ = try draft.transfer(try table.rows(try table.uids).map(\.row), from: inbox.id, to: target.id, &self)
            try draft.remove(try table.uids, from: inbox.id, self)
        }
        draft.commit(to: &self)
        copyAnnotations(from: inbox.id, to: target.id)
    }
}
