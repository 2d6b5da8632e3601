import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage

// Messages that the index lacks.
extension Recovery {
    /// What the catalogue has of a mailbox that is still there, and is neither in the index nor was it removed.
    func findMissingRows(_ transaction: Transaction, isNew: Bool) throws {
        guard let catalogue else { return }
        for entry in transaction.catalog.read({ Array($0.accounts.values) }).sorted(by: { $0.record.id < $1.record.id }) {
            let account = entry.record.id
            for told in catalogue.belongings(of: account, entry.key)?.mailboxes ?? [] {
                guard let mailbox = transaction.catalog.mailbox(told.id), mailbox.record.account == account,
                    mailbox.record.uidValidity == told.uidValidity, let messages = catalogue.messages(of: told.id, entry.key)
                else { continue }
                progress("looking for messages of \(entry.record.name)")
                let present = try uids(of: told.id, transaction)
                let gone = try TableReader.expunged(since: .zero, in: told.id, transaction.connection)
                for row in messages.rows where !present.contains(row.uid) && !gone.contains(row.uid) {
                    missing[row.body.rawValue, default: []].append(Missing(mailbox: told.id, account: account, row: row))
                }
            }
        }
    }

    /// UIDs that have rows, also those that the ledger is about to remove.
    private func uids(of mailbox: MailboxID, _ transaction: Transaction) throws -> NumberSet {
        let statement = try transaction.connection.prepare("SELECT uid FROM message WHERE mailbox=? ORDER BY uid")
        try statement.bind([.int(mailbox.rawValue)])
        defer { statement.reset() }
        var found = NumberSet()
        while try statement.step() { if let uid = UInt32(exactly: statement.int(0)) { found.insert(uid) } }
        return found
    }

    /// Rows whose bodies the index still has.
    func restoreRowsOfKnownBodies(_ transaction: Transaction, isNew: Bool) throws {
        for (body, rows) in missing.sorted(by: { $0.key < $1.key }) {
            guard let size = try transaction.connection.number("SELECT size FROM body WHERE id=?", .int(body)) else { continue }
            var rest: [Missing] = []
            for row in rows {
                let isHeld = try transaction.connection.number("SELECT 1 FROM holder WHERE body=? AND account=?", .int(body), .int(row.account.rawValue)) != nil
                if isHeld, try restore(row, size: size, transaction, isNew: isNew) { regained.insert(body) } else { rest.append(row) }
            }
            missing[body] = rest.isEmpty ? nil : rest
        }
    }

    /// The row as it was; false when its UID is taken.
    private func restore(_ missing: Missing, size: Int64, _ transaction: Transaction, isNew: Bool) throws -> Bool {
        let row = missing.row
        let modSeq = try modSeq(of: missing.account, transaction, isNew: isNew)
        try transaction.write(
            "INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?,?,?)", .int(missing.mailbox.rawValue), .int(Int64(row.uid.rawValue)),
            .int(Int64(bitPattern: row.flags.rawValue)), .int(Int64(clamping: modSeq.rawValue)), .int(row.body.rawValue),
            .int(row.internalDate.rawValue), .int(row.saveDate.rawValue), .int(max(0, min(size, Int64(UInt32.max)))), .int(row.thread))
        guard transaction.connection.changes > 0 else { return false }
        touched.insert(missing.mailbox)
        restoredUIDs[missing.mailbox, default: NumberSet()].insert(row.uid)
        lines[missing.account]?.restored += 1
        return true
    }

    /// One place in the account's log for all that comes back, above every client's.
    private func modSeq(of account: AccountID, _ transaction: Transaction, isNew: Bool) throws -> ModSeq {
        if let known = modSeqs[account] { return known }
        let next = try transaction.nextModSeq(account)
        modSeqs[account] = next
        return next
    }

    /// Walks all files; each whole record that no row of the index names gets its rows, when it is anybody's.
    func readRecords(_ transaction: Transaction, isNew: Bool) throws {
        let statement = try transaction.connection.prepare("SELECT id, indexed FROM segment")
        while try statement.step() { indexed[statement.int(0)] = statement.int(1) }
        statement.reset()
        let files = RecordFile.all(bodies)
        var copier: SegmentWriter?
        defer { copier?.close() }
        for (index, file) in files.enumerated() {
            if index % 16 == 0 { progress("reading file \(index + 1) of \(files.count)") }
            var isFinished = file.place == .aside
            try file.walk { fd, found in
                guard case .body(let header, let block) = found.content else { return }
                let isKept = try read(file, fd, found, header, block, transaction, isNew: isNew, &copier)
                if !isKept { isFinished = false }
            }
            if isFinished { finished.append(file.path) }
        }
    }

    /// False when something is left that another try might bring back.
    private func read(
        _ file: RecordFile, _ fd: Int32, _ found: RecordScan.Found, _ header: RecordHeader, _ block: HolderBlock?, _ transaction: Transaction,
        isNew: Bool, _ copier: inout SegmentWriter?
    ) throws -> Bool {
        let body = header.body
        if try transaction.connection.number("SELECT 1 FROM body WHERE id=?", .int(body.rawValue)) != nil {
            report.bodies += 1
            return try file.place != .aside || isSame(body, block, transaction)
        }
        let holders = try holders(of: body, block, transaction)
        // try?: a key that does not open is nobody's; a body without any is counted.
        let keepers = holders.compactMap { holder in
            accountKeys[holder.account].flatMap { account in
                // try?: as above.
                lines[holder.account] == nil ? nil : (try? holder.open(body, under: account.key)).map { (holder, $0) }
            }
        }
        guard let key = keepers.first?.1 else {
            // Of accounts that were removed nothing is said: nobody may read it.
            if holders.isEmpty || holders.contains(where: { accountKeys[$0.account] != nil }) { report.withoutKey += 1 } else { report.removed += 1 }
            return false
        }
        // A catalogue that was written since a start set it aside knows nothing of it either.
        let isLate = file.place == .aside || isNewer(header)
        var claims: [(HolderBlock.Holder, rows: [Missing], isRecovered: Bool)] = []
        for (holder, _) in keepers {
            let rows = missing[body.rawValue]?.filter { $0.account == holder.account } ?? []
            let isRecovered = try rows.isEmpty && isLate && (isNew || isBeyond(file, found) || lacks(holder.account, transaction))
            if !rows.isEmpty || isRecovered { claims.append((holder, rows, isRecovered)) }
        }
        guard !claims.isEmpty else {
            report.removed += 1
            return true
        }
        let outline: MessageOutline
        do {
            outline = try file.outline(fd, at: found.position, header, key: key)
        } catch StorageFault.corrupt(let reason) {
            report.damaged += 1
            report.note("\(file.path): \(reason)")
            return false
        }
        let place = try place(file, fd, found, header, block, holders, &copier)
        try write(outline, header, key, place, transaction)
        let staged = StagedBody(id: body, outline: outline, payload: 0)
        for (holder, rows, isRecovered) in claims {
            var count: Int64 = 0
            var isUnplaced = isRecovered
            for row in rows {
                if try restore(row, size: header.size, transaction, isNew: isNew) { count += 1 } else { isUnplaced = true }
            }
            if isUnplaced {
                try recover(staged, header, block, for: holder.account, transaction, isNew: isNew)
                count += 1
            } else if let thread = rows.first?.row.thread {
                try transaction.remember(outline, thread: thread, of: holder.account)
            }
            try transaction.write(
                "INSERT INTO holder VALUES (?,?,?,?) ON CONFLICT (body, account) DO UPDATE SET messages=excluded.messages, sealed_key=excluded.sealed_key",
                .int(body.rawValue), .int(holder.account.rawValue), .int(count), .blob(holder.wrappedKey))
        }
        missing[body.rawValue] = nil
        return true
    }

    /// That the index's body of that number is the one that was set aside: their keys say so.
    private func isSame(_ body: BodyID, _ block: HolderBlock?, _ transaction: Transaction) throws -> Bool {
        for holder in block?.holders ?? [] {
            let rows = try transaction.connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=?")
            try rows.bind([.int(body.rawValue), .int(holder.account.rawValue)])
            defer { rows.reset() }
            // try?: what does not open says nothing of whether the two are the same.
            guard try rows.step(), let key = accountKeys[holder.account]?.key, let own = try? holder.open(body, under: key) else { continue }
            let other = HolderBlock.Holder(account: holder.account, wrappedKey: rows.blob(0))
            // try?: as above.
            if let known = try? other.open(body, under: key), known == own { continue }
            report.note("body \(body.rawValue) was set aside, and the index has another one of that number")
            return false
        }
        return true
    }

    private func holders(of body: BodyID, _ block: HolderBlock?, _ transaction: Transaction) throws -> [HolderBlock.Holder] {
        var holders = (block?.holders ?? []) + (later[body.rawValue] ?? [])
        let rows = try transaction.connection.prepare("SELECT account, sealed_key FROM holder WHERE body=?")
        try rows.bind([.int(body.rawValue)])
        while try rows.step() { holders.append(HolderBlock.Holder(account: AccountID(rawValue: rows.int(0)), wrappedKey: rows.blob(1))) }
        rows.reset()
        var seen: Set<AccountID> = []
        return holders.filter { holder in
            // try?: the same account may be named twice, and once with a key that does not open.
            guard let key = accountKeys[holder.account]?.key, (try? holder.open(body, under: key)) != nil else { return !seen.contains(holder.account) }
            return seen.insert(holder.account).inserted
        }
    }

    /// Whether the catalogue cannot know of it.
    private func isNewer(_ header: RecordHeader) -> Bool {
        guard let summary = catalogue?.summary else { return true }
        return header.body.rawValue > summary.lastBody
    }

    /// Whether the index says nothing of that part of the file.
    private func isBeyond(_ file: RecordFile, _ found: RecordScan.Found) -> Bool {
        switch file.place {
        case .aside: true
        case .large: false
        case .segment(let id): found.position >= indexed[id] ?? 0
        }
    }

    /// Whether UIDs of the account were given out that the index neither has nor says were removed.
    private func lacks(_ account: AccountID, _ transaction: Transaction) throws -> Bool {
        if let known = lacksUIDs[account] { return known }
        var lacks = false
        for mailbox in transaction.catalog.read({ state in state.mailboxes.values.filter { $0.record.account == account } }) where !lacks {
            let gone = try TableReader.expunged(since: .zero, in: mailbox.record.id, transaction.connection)
            let present = try uids(of: mailbox.record.id, transaction)
            let next = mailbox.uidNext == 0 ? UInt32.max : mailbox.uidNext
            guard next > 1 else { continue }
            lacks = !NumberSet(1...(next - 1)).subtracting(NumberSet(gone.ranges + present.ranges)).isEmpty
        }
        lacksUIDs[account] = lacks
        return lacks
    }

    /// Where the body lies from now on. What was set aside is copied, the rest stays.
    private func place(
        _ file: RecordFile, _ fd: Int32, _ found: RecordScan.Found, _ header: RecordHeader, _ block: HolderBlock?, _ holders: [HolderBlock.Holder],
        _ copier: inout SegmentWriter?
    ) throws -> BodyPlace {
        switch file.place {
        case .segment(let id): return BodyPlace(segment: id, position: found.position, length: found.length)
        case .large where found.position == 0 && file.path == bodies.file(header.body): return BodyPlace(segment: 0, position: 0, length: found.length)
        case .large, .aside:
            let writer = copier ?? SegmentWriter(folder: bodies, lastID: max(bodies.segmentIDs().max() ?? 0, indexed.keys.max() ?? 0))
            copier = writer
            guard apply else { return BodyPlace(segment: Int64.max, position: 0, length: found.length) }
            try Disk.makeFolder(bodies.segments)
            let chunks = try Disk.read(
                BodySeal.sealedSize(of: Int(header.size)), from: fd, at: found.position + Int64(RecordHeader.octets), path: file.path)
            let usable = holders.filter { $0.wrappedKey.count == HolderBlock.wrappedKey }
            let copy = HolderBlock(body: header.body, arrived: block?.arrived ?? Timestamp(rawValue: 0), holders: usable)
            let places = try writer.write([BodyRecord(copy, size: Int(header.size), chunks: chunks)])
            try writer.sync()
            guard let place = places.first else { throw StorageFault.unavailable("a body without a place") }
            return place
        }
    }

    private func write(_ outline: MessageOutline, _ header: RecordHeader, _ key: SymmetricKey, _ place: BodyPlace, _ transaction: Transaction) throws {
        let sealed = try Seal.seal(Array(buffer: outline.encode()), under: key, as: Label(kind: .outline, id: header.body.rawValue))
        try transaction.write(
            "INSERT INTO body VALUES (?,?,?,?,?,?,?)", .int(header.body.rawValue), .int(place.segment), .int(place.position), .int(place.length),
            .int(header.size), .int(Int64(MessageOutline.version)), .blob(sealed))
        if place.segment != 0 {
            transaction.staged.indexed[place.segment] = max(transaction.staged.indexed[place.segment] ?? 0, place.position + place.length)
        }
    }

    /// Into the account's mailbox `Recovered`.
    private func recover(
        _ body: StagedBody, _ header: RecordHeader, _ block: HolderBlock?, for account: AccountID, _ transaction: Transaction, isNew: Bool
    ) throws {
        let mailbox = try recoveredMailbox(of: account, transaction)
        let modSeq = try modSeq(of: account, transaction, isNew: isNew)
        guard let uid = UID(rawValue: try transaction.mailbox(mailbox).uidNext) else { throw StorageFault.notAllowed("no UID is left") }
        let arrived = block?.arrived.rawValue ?? 0
        let row = MessageRow(
            uid: uid, flags: FlagBits(rawValue: 0), modSeq: modSeq, body: body.id,
            internalDate: arrived > 0 ? Timestamp(rawValue: arrived) : now, size: UInt32(clamping: header.size))
        let thread = try transaction.joinThread(body, body.outline.references, of: account)
        try transaction.add([NewRow(row: row, thread: thread.rawValue)], to: mailbox)
        touched.insert(mailbox)
        restoredUIDs[mailbox, default: NumberSet()].insert(uid)
        lines[account]?.recovered += 1
    }

    private func recoveredMailbox(of account: AccountID, _ transaction: Transaction) throws -> MailboxID {
        if let known = recoveredMailboxes[account] { return known }
        guard let name = MailboxName("Recovered") else { throw StorageFault.unavailable("no name for recovered mail") }
        let id = try transaction.mailbox(named: name, of: account) ?? transaction.create(name, of: account, specialUse: nil).id
        try transaction.set(subscribed: true, to: name, of: account)
        recoveredMailboxes[account] = id
        return id
    }

    /// Counts what was touched anew, and writes what came and went into the log.
    func settle(_ transaction: Transaction, isNew: Bool) throws {
        for id in touched.sorted() {
            var entry = try transaction.mailbox(id)
            let account = entry.record.account
            let modSeq = try modSeq(of: account, transaction, isNew: isNew)
            (entry.messages, entry.unseen, entry.deleted, entry.size, entry.modSeq) = (0, 0, 0, 0, modSeq)
            let table = try TableReader.load(entry, transaction.connection)
            try table.forEach { _, row in
                entry.count(row)
                return true
            }
            if let last = try table.uids.last, entry.uidNext != 0, entry.uidNext <= last { entry.uidNext = last &+ 1 }
            transaction.staged.mailboxes[id] = entry
            try transaction.write("DELETE FROM directory WHERE mailbox=?", .int(id.rawValue))
            if let uids = restoredUIDs[id], !uids.isEmpty { try transaction.log(.placed, account, modSeq, id, packed: uids.packed) }
            guard isNew, entry.uidNext > 1 else { continue }
            // Clients are told of all that they may have and that is not there any more.
            let gone = NumberSet(1...(entry.uidNext - 1)).subtracting(try table.uids)
            if !gone.isEmpty { try transaction.log(.expunged, account, modSeq, id, packed: gone.packed) }
        }
        guard report.changesIndex(lines) || isNew else { return }
        try countHolders(transaction)
        for (segment, end) in transaction.staged.indexed where segment != Int64.max {
            try transaction.write(
                "INSERT INTO segment VALUES (?,?,0) ON CONFLICT (id) DO UPDATE SET indexed=max(indexed, excluded.indexed)", .int(segment), .int(end))
        }
        transaction.staged.indexed = [:]
        try transaction.write(
            "UPDATE segment SET dead=max(0, indexed-coalesce((SELECT total FROM (SELECT segment, sum(length) AS total FROM body GROUP BY segment) AS live "
                + "WHERE live.segment=segment.id), 0))")
        try transaction.write(
            "INSERT INTO meta VALUES ('last-body', ?) ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value)", .int(lastBody))
    }
}

extension Recovery {
    /// One pass over all rows, for what holds the bodies whose rows came back.
    private func countHolders(_ transaction: Transaction) throws {
        guard !regained.isEmpty else { return }
        let connection = transaction.connection
        try transaction.write("CREATE TEMP TABLE regained (body INTEGER PRIMARY KEY)")
        for body in regained { try transaction.write("INSERT INTO regained VALUES (?)", .int(body)) }
        let rows = try connection.prepare(
            "SELECT message.body, mailbox.account, count(*) FROM message JOIN mailbox ON mailbox.id=message.mailbox "
                + "WHERE message.body IN (SELECT body FROM regained) GROUP BY 1, 2")
        var counts: [(body: Int64, account: Int64, count: Int64)] = []
        while try rows.step() { counts.append((rows.int(0), rows.int(1), rows.int(2))) }
        rows.reset()
        for found in counts {
            try transaction.write(
                "UPDATE holder SET messages=max(messages, ?) WHERE body=? AND account=?", .int(found.count), .int(found.body), .int(found.account))
        }
        try transaction.write("DROP TABLE regained")
    }
}

extension RecoveryReport {
    fileprivate func changesIndex(_ lines: [AccountID: Account]) -> Bool {
        lines.values.contains { $0.isMade || $0.restored > 0 || $0.recovered > 0 }
    }
}

extension Transaction {
    /// Later replies find the thread by the message's id.
    fileprivate func remember(_ outline: MessageOutline, thread: Int64, of account: AccountID) throws {
        guard let hash = try outline.envelope.messageID.map({ try self.account(account).hash($0) }) else { return }
        try write("INSERT OR IGNORE INTO reference VALUES (?,?,?)", .int(account.rawValue), .int(hash), .int(thread))
    }
}
