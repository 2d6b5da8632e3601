import Crypto
import FoundationEssentials
import MailModel
import MessageFormat
import Storage

/// A row that a mailbox gets, and what of it is not in its table.
struct NewRow {
    let row: MessageRow
    let thread: Int64
    var further = FurtherKeywords()
}

// Messages come in.
extension Transaction {
    /// A row that is about to be added.
    private struct Arrival {
        let placement: Placement
        let mailbox: MailboxEntry
        let flags: FlagBits
        let further: FurtherKeywords
    }

    /// A body whose bytes lie at `place` already, and where it goes.
    struct Delivery {
        let body: StagedBody
        let record: StagedRecord
        let place: BodyPlace
        /// Of every account that a placement names.
        let holders: [HolderBlock.Holder]
        let placements: [Placement]

        /// Octets of the message that a placement makes of the body.
        func size(of placement: Placement) -> Int { record.size + (placement.head?.octets.count ?? 0) }
    }

    /// What one operation has placed so far.
    private struct Tally {
        var modSeqs: [AccountID: ModSeq] = [:]
        var uids: [MailboxID: NumberSet] = [:]
        var placed: [Placed] = []
    }

    /// All of them or none; then what they supersede goes.
    func place(_ deliveries: [Delivery], superseding: SupersededMessages? = nil) throws -> [Placed] {
        let (arrivals, tables) = try admit(deliveries.flatMap(\.placements))
        try checkHolders(deliveries)
        if let superseding {
            let table = try table(of: superseding.mailbox)
            try table.prepare(superseding.uids)
            guard try table.rows(superseding.uids).count == superseding.uids.count else { throw StorageFault.noSuchMessage }
        }
        let sizes = deliveries.flatMap { delivery in delivery.placements.map { Int64(delivery.size(of: $0)) } }
        try admit(zip(sizes, arrivals).map { ($0, $1.placement, $1.mailbox.record.account) }, replacing: superseding)
        for (id, table) in tables { try widen(id, table) }
        var tally = Tally()
        var rest = arrivals[...]
        for delivery in deliveries where !delivery.holders.isEmpty {
            try add(delivery, rest.prefix(delivery.placements.count), &tally)
            rest = rest.dropFirst(delivery.placements.count)
        }
        for (mailbox, uids) in tally.uids {
            let account = try self.mailbox(mailbox).record.account
            if let modSeq = tally.modSeqs[account] { try log(.placed, account, modSeq, mailbox, packed: uids.packed) }
        }
        if let superseding {
            let account = try mailbox(superseding.mailbox).record.account
            let modSeq = try tally.modSeqs[account] ?? nextModSeq(account)
            _ = try expunge(superseding.uids, in: superseding.mailbox, moved: (account, modSeq))
        }
        return tally.placed
    }

    /// Mailboxes never change hands, so that keys were wrapped for whoever has them now.
    private func checkHolders(_ deliveries: [Delivery]) throws {
        for delivery in deliveries {
            if delivery.placements.count == 1, delivery.holders.count == 1,
                try mailbox(delivery.placements[0].mailbox).record.account == delivery.holders[0].account
            {
                continue
            }
            let accounts = Set(try delivery.placements.map { try mailbox($0.mailbox).record.account })
            let holders = delivery.holders.lazy.filter { $0.holder != .queue }.map(\.account)
            guard accounts == Set(holders) else { throw StorageFault.noSuchMailbox }
        }
    }

    private func add(_ delivery: Delivery, _ arrivals: ArraySlice<Arrival>, _ tally: inout Tally) throws {
        let (body, record, place) = (delivery.body, delivery.record, delivery.place)
        try insert(delivery)
        var threads: [AccountID: ThreadID] = [:]
        var held: [AccountID: (messages: Int64, head: MessageHead?)] = [:]
        for arrival in arrivals {
            let account = arrival.mailbox.record.account
            let thread = try threads[account] ?? joinThread(body, record.references, of: account)
            threads[account] = thread
            held[account, default: (0, arrival.placement.head)].messages += 1
            let modSeq = try tally.modSeqs[account] ?? nextModSeq(account)
            tally.modSeqs[account] = modSeq
            let next = ledger.free(1, from: try mailbox(arrival.placement.mailbox).uidNext, in: arrival.placement.mailbox)
            guard let uid = UID(rawValue: next) else { throw StorageFault.notAllowed("no UID is left") }
            let row = MessageRow(
                uid: uid, flags: arrival.flags, modSeq: modSeq, body: body.id, internalDate: arrival.placement.internalDate,
                size: UInt32(clamping: delivery.size(of: arrival.placement)), hasFurther: !arrival.further.isEmpty)
            try add([NewRow(row: row, thread: thread.rawValue, further: arrival.further)], to: arrival.placement.mailbox)
            tally.uids[arrival.placement.mailbox, default: NumberSet()].insert(row.uid)
            tally.placed.append(
                Placed(
                    mailbox: arrival.placement.mailbox, uidValidity: arrival.mailbox.record.uidValidity, uid: row.uid, modSeq: row.modSeq))
        }
        let fresh = FreshBody(body, record, at: place)
        for holder in delivery.holders where holder.holder != .queue {
            let own = held[holder.account]
            try hold(body.id, holder, count: own?.messages ?? 0)
            guard record.parser.kind == nil else { continue }
            self.held.append(Indexer.Held(body: body.id, account: holder.account, fresh: fresh, head: own?.head?.octets ?? []))
        }
        if case .file(let file) = record.content { afterCommit.append { file.keep() } }
    }

    /// Writes the body's row.
    func insert(_ delivery: Delivery) throws {
        let (record, place) = (delivery.record, delivery.place)
        try write(
            "INSERT INTO body VALUES (?,?,?,?,?,?,?)",
            .int(delivery.body.id.rawValue), .int(place.segment), .int(place.position), .int(place.length), .int(Int64(record.size)),
            .int(record.parser.rawValue), .blob(record.digest))
        if place.segment != 0 { staged.indexed[place.segment] = max(staged.indexed[place.segment] ?? 0, place.position + place.length) }
    }

    /// Checks every placement before anything changes: there, UIDs left. A keyword for which its mailbox has no room is left out: no message is refused
    /// for one.
    private func admit(_ placements: [Placement]) throws -> ([Arrival], [MailboxID: KeywordTable]) {
        var keywords: [MailboxID: [Keyword]] = [:]
        for placement in placements where !placement.flags.keywords.isEmpty { keywords[placement.mailbox, default: []] += placement.flags.keywords }
        var tables: [MailboxID: KeywordTable] = [:]
        for (id, wanted) in keywords { tables[id] = try table(for: wanted, in: id).table }
        var wanted: [MailboxID: UInt32] = [:]
        var arrivals: [Arrival] = []
        for placement in placements {
            let mailbox = try mailbox(placement.mailbox)
            let ahead = wanted[placement.mailbox, default: 0]
            guard mailbox.uidNext != 0, UInt32.max - mailbox.uidNext > ahead else { throw StorageFault.notAllowed("the mailbox's UIDs are used up") }
            wanted[placement.mailbox] = ahead + 1
            let flags = (tables[placement.mailbox] ?? mailbox.keywords).bits(of: placement.flags)
            arrivals.append(Arrival(placement: placement, mailbox: mailbox, flags: flags.bits, further: flags.further))
        }
        return (arrivals, tables)
    }

    /// Adds narrow rows, whose UIDs are the mailbox's next, and counts them.
    func add(_ rows: [NewRow], to id: MailboxID) throws {
        guard let last = rows.last?.row else { return }
        try insert(rows, into: id)
        var entry = try mailbox(id)
        for new in rows { entry.count(new.row) }
        entry.uidNext = last.uid.rawValue &+ 1
        entry.modSeq = last.modSeq
        staged.mailboxes[id] = entry
        show(rows.lazy.map(\.row), further: rows.further, in: id)
    }

    /// Writes narrow rows.
    func insert(_ rows: [NewRow], into id: MailboxID) throws {
        try write {
            let statement = try connection.prepare("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?)")
            statement.set(id.rawValue, at: 1)
            statement.set(now.rawValue, at: 7)
            for new in rows {
                let row = new.row
                statement.set(Int64(row.uid.rawValue), at: 2)
                statement.set(Int64(bitPattern: row.flags.rawValue), at: 3)
                statement.set(Int64(row.modSeq.rawValue), at: 4)
                statement.set(row.body.rawValue, at: 5)
                statement.set(row.internalDate.rawValue, at: 6)
                statement.set(Int64(row.size), at: 8)
                statement.set(new.thread, at: 9)
                try statement.run()
            }
        }
        try FurtherRows.write(rows.further, in: id, self)
    }

    func hold(_ body: BodyID, _ holder: HolderBlock.Holder, count: Int64) throws {
        try write(
            "INSERT INTO holder VALUES (?,?,?,?)",
            .int(body.rawValue), .int(holder.account.rawValue), .int(count), .blob(holder.wrappedKey))
    }

    /// The thread of the first message it refers to that the account has seen, or a new one that it begins (RFC 8474 §5.2).
    func joinThread(_ body: StagedBody, _ references: [String], of account: AccountID) throws -> ThreadID {
        let hash = try self.account(account).hash
        func known(_ id: Int64) throws -> ThreadID? {
            try connection.number("SELECT thread FROM reference WHERE account=? AND hash=?", .int(account.rawValue), .int(id)).map { ThreadID(rawValue: $0) }
        }
        var thread: ThreadID?
        for reference in references.suffix(20).reversed() where thread == nil { thread = try known(hash(reference)) }
        guard let own = body.digest.outline?.envelope.messageID.map({ hash($0) }) else { return thread ?? ThreadID(rawValue: body.id.rawValue) }
        let found = thread ?? ThreadID(rawValue: body.id.rawValue)
        try write("INSERT OR IGNORE INTO reference VALUES (?,?,?)", .int(account.rawValue), .int(own), .int(found.rawValue))
        return connection.changes > 0 ? found : try known(own) ?? found
    }
}

extension Transaction.Delivery {
    init(_ body: StagedBody, _ outgoing: OutgoingBody, at place: BodyPlace, _ placements: [Placement]) throws {
        guard let record = outgoing.staged else { throw StorageFault.unavailable("a body without its key") }
        self.init(body: body, record: record, place: place, holders: outgoing.holders, placements: placements)
    }
}

extension [NewRow] {
    /// The further keywords of those that have any.
    var further: [UID: FurtherKeywords] {
        var found: [UID: FurtherKeywords] = [:]
        for new in self where !new.further.isEmpty { found[new.row.uid] = new.further }
        return found
    }
}
