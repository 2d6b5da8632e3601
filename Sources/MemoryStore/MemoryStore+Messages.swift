package import MailModel
import MessageFormat
package import Storage

extension MemoryStore {
    package func place(_ body: StagedBody, _ placements: [Placement]) async throws -> [Placed] {
        try await withRows { try change(.place) { try $0.place(placements.map { Addition(body: body, placement: $0) }, superseding: nil) } }
    }

    package func place(_ additions: [Addition], superseding: SupersededMessages?, queued: @Sendable () -> Void) async throws -> [Placed] {
        let placed = try await withRows { try change(.place) { try $0.place(additions, superseding: superseding) } }
        queued()
        return placed
    }

    package func change(
        flags: FlagChange, of uids: NumberSet, in mailbox: MailboxID, unchangedSince: ModSeq?
    ) async throws -> FlagsChanged {
        try await withRows { try change(.change) { try $0.change(flags, of: uids, in: mailbox, unchangedSince: unchangedSince) } }
    }

    package func expunge(_ uids: NumberSet?, in mailbox: MailboxID) async throws -> Expunged {
        try await withRows { try remove(uids, from: mailbox) { $0.flags.contains(.deleted) } }
    }

    package func remove(_ uids: NumberSet, from mailbox: MailboxID) async throws -> Expunged {
        try await withRows { try remove(uids, from: mailbox) { _ in true } }
    }

    private func remove(_ uids: NumberSet?, from mailbox: MailboxID, where goes: (MessageRow) -> Bool) throws -> Expunged {
        try change(.expunge) { state in
            let table = try state.mailbox(mailbox).table
            var gone = NumberSet()
            for (_, row) in try table.rows(uids ?? table.uids) where goes(row) { gone.insert(row.uid) }
            guard !gone.isEmpty else { return Expunged(uids: gone, modSeq: nil) }
            var draft = Draft()
            try draft.remove(gone, from: mailbox, state)
            let modSeq = try draft.modSeq(of: state.mailbox(mailbox).record.account, state)
            draft.commit(to: &state)
            return Expunged(uids: gone, modSeq: modSeq)
        }
    }

    package func copy(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied {
        try await withRows { try change(.copy) { try $0.transfer(uids, from: source, to: target, flags: flags, expunging: false) } }
    }

    package func move(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope) async throws -> Copied {
        try await withRows { try change(.move) { try $0.transfer(uids, from: source, to: target, flags: flags, expunging: true) } }
    }

    package func expunged(since modSeq: ModSeq, in mailbox: MailboxID) async throws -> NumberSet {
        try look { state in
            let entries = try state.mailbox(mailbox).expunged.filter { $0.modSeq > modSeq }
            return NumberSet(entries.flatMap(\.uids.ranges))
        }
    }
}

extension MemoryState {
    mutating func place(_ additions: [Addition], superseding: SupersededMessages?) throws -> [Placed] {
        try checkHeads(additions)
        var draft = Draft()
        var placed: [(mailbox: MailboxID, uid: UID)] = []
        for addition in additions {
            guard let body = addition.body.payload as? MemoryBody else { throw StorageFault.unavailable("the body is another store's") }
            let placement = addition.placement
            let arrival = Draft.Arrival(flags: placement.flags, internalDate: placement.internalDate, body: body, head: placement.head)
            placed += try draft.append([arrival], to: placement.mailbox, self).map { (placement.mailbox, $0) }
        }
        if let superseding {
            let table = try mailbox(superseding.mailbox).table
            guard try table.rows(superseding.uids).count == superseding.uids.count else { throw StorageFault.noSuchMessage }
            try draft.remove(superseding.uids, from: superseding.mailbox, self)
        }
        try admit(additions, replacing: superseding)
        let answer = try placed.map { id, uid in
            let box = try draft.mailbox(id, self)
            return Placed(mailbox: id, uidValidity: box.record.uidValidity, uid: uid, modSeq: try draft.modSeq(of: box.record.account, self))
        }
        draft.commit(to: &self)
        return answer
    }

    /// An account has one head before a body; what is no message has none.
    private func checkHeads(_ additions: [Addition]) throws {
        var heads: [Hold.Key: MessageHead?] = [:]
        for addition in additions {
            let key = Hold.Key(body: addition.body.id, account: try mailbox(addition.placement.mailbox).record.account)
            guard heads[key] ?? addition.placement.head == addition.placement.head else {
                throw StorageFault.notAllowed("an account has one head before a body")
            }
            guard addition.placement.head == nil || addition.body.digest.outline != nil else {
                throw StorageFault.notAllowed("what is no message has no head")
            }
            heads[key] = addition.placement.head
        }
    }

    mutating func change(
        _ change: FlagChange, of uids: NumberSet, in id: MailboxID, unchangedSince: ModSeq?
    ) throws -> FlagsChanged {
        var box = try mailbox(id)
        var stored = NumberSet()
        var refused = NumberSet()
        for (_, row) in try box.table.rows(uids) {
            if let unchangedSince, row.modSeq > unchangedSince { refused.insert(row.uid) } else { stored.insert(row.uid) }
        }
        let unchanged = FlagsChanged(stored: stored, refused: refused, modSeq: nil)
        guard !stored.isEmpty else { return unchanged }
        guard box.table.makeRoom(for: change.keywordsAdded).isEmpty else { throw StorageFault.tooManyKeywords }
        let mask = change.mask(box.table.keywords)
        let modSeq = try account(box.record.account).modSeq.successor
        var differing = NumberSet()
        var table = box.table
        try table.updateAll(stored) { row, old in
            let new = mask.further?.applied(to: old) ?? old
            guard mask.applied(to: row.flags) != row.flags || new != old else { return (row, old) }
            differing.insert(row.uid)
            var changed = row
            changed.flags = mask.applied(to: row.flags)
            changed.modSeq = modSeq
            box.count(row, by: -1)
            box.count(changed, by: 1)
            return (changed, new)
        }
        guard !differing.isEmpty else { return unchanged }
        box.table = table
        var draft = Draft()
        _ = try draft.modSeq(of: box.record.account, self)
        box.table.highestModSeq = modSeq
        draft.put(box)
        draft.note(flags: differing, in: id)
        draft.commit(to: &self)
        return FlagsChanged(stored: stored, refused: refused, modSeq: modSeq)
    }

    mutating func transfer(_ uids: NumberSet, from source: MailboxID, to target: MailboxID, flags: FlagScope, expunging: Bool) throws -> Copied {
        let rows = try mailbox(source).table.rows(uids).map(\.row)
        let box = try mailbox(target)
        guard !rows.isEmpty else { return Copied(uidValidity: box.record.uidValidity, source: [], target: [], modSeq: nil) }
        if try !expunging || mailbox(source).record.account != box.record.account {
            let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
            try admit(Quota([.storage: size, .message: Int64(rows.count)]), to: box.record.account)
        }
        var draft = Draft()
        let new = try draft.transfer(rows, from: source, to: target, flags: flags, &self)
        if expunging { try draft.remove(NumberSet(rows.map(\.uid)), from: source, self) }
        let modSeq = try draft.modSeq(of: box.record.account, self)
        draft.commit(to: &self)
        return Copied(uidValidity: box.record.uidValidity, source: rows.map(\.uid), target: new, modSeq: modSeq)
    }
}

extension MemoryState {
    /// What an account gets of another's hold: the same body, or where it has that with another head one of its own.
    mutating func body(of hold: Hold, for account: AccountID) -> MemoryBody {
        guard let known = readable[Hold.Key(body: hold.body.id, account: account)]?.hold, known.head != hold.head else { return hold.body }
        nextBody += 1
        return MemoryBody(id: BodyID(rawValue: nextBody - 1), octets: hold.body.octets, digest: hold.body.digest)
    }
}

extension Draft {
    /// Copies rows of one mailbox to the end of another; keywords go by name, for each mailbox has bits of its own for them.
    mutating func transfer(
        _ rows: [MessageRow], from source: MailboxID, to target: MailboxID, flags: FlagScope = .all, _ state: inout MemoryState
    ) throws -> [UID] {
        let (box, account) = (try state.mailbox(source), try state.mailbox(target).record.account)
        var own: [BodyID: MemoryBody] = [:]
        var arrivals: [Arrival] = []
        for row in rows {
            let hold = try state.hold(row.body, for: box.record.account)
            let body = own[row.body] ?? state.body(of: hold, for: account)
            own[row.body] = body
            arrivals.append(
                Arrival(
                    flags: try box.table.flags(of: row).within(flags), internalDate: row.internalDate, body: body, head: hold.head,
                    thread: state.particulars[source]?[row.uid]?.thread))
        }
        return try append(arrivals, to: target, state)
    }
}

extension MailboxSnapshot {
    /// Adds what is missing of those keywords, at the places of others that no message has where one of the first is wanting; what has no place.
    mutating func makeRoom(for wanted: [Keyword]) -> [Keyword] {
        guard wanted.contains(where: { keywords.place(of: $0) == nil }) else { return [] }
        if keywords.isFullOfFirst, let used { keywords.keep(used, and: wanted) }
        return keywords.admit(wanted)
    }
}
