import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage

// Messages that the index lacks.
extension Recovery {
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
            // try?: as above.
            key(of: holder).flatMap { key in (try? holder.open(body, under: key)).map { (holder: holder, held: $0) } }
        }
        guard let key = keepers.first?.held.key else {
            if catalogue?.queuedBodies.contains(body.rawValue) == true, holders.contains(where: { $0.holder == .queue }) {
                report.note(
                    "body \(body.rawValue) was in the outgoing queue when the catalogue was written, and its key is nowhere: it left the queue, or is lost")
            }
            // Of accounts that were removed nothing is said: nobody may read it.
            if holders.isEmpty || holders.contains(where: { accountKeys[$0.account] != nil }) { report.withoutKey += 1 } else { report.removed += 1 }
            return false
        }
        // A catalogue that was written since a start set it aside knows nothing of it either.
        let isLate = file.place == .aside || isNewer(header)
        var claims: [(HolderBlock.Holder, rows: [Missing], isRecovered: Bool, head: Int)] = []
        let entries = entriesToBringBack(of: body, keepers.map(\.held.share), isNew: isNew, isLate: isLate, isBeyond: isBeyond(file, found))
        for (holder, held) in keepers where holder.holder != .queue {
            let rows = missing[body.rawValue]?.filter { $0.account == holder.account } ?? []
            let isRecovered = try rows.isEmpty && isLate && (isNew || isBeyond(file, found) || lacks(holder.account, transaction))
            if !rows.isEmpty || isRecovered { claims.append((holder, rows, isRecovered, held.share.head.count)) }
        }
        guard !claims.isEmpty || !entries.isEmpty else {
            report.removed += 1
            return true
        }
        let digest: BodyDigest
        do {
            let outline = try file.outline(fd, at: found.position, header, key: key)
            let kind = keepers.lazy.compactMap { $0.held.share.kind }.first
            digest = if let kind { .other(OtherDigest(kind: kind, version: 0, octets: [])) } else { .message(outline) }
        } catch StorageFault.corrupt(let reason) {
            report.damaged += 1
            report.note("\(file.path): \(reason)")
            return false
        }
        let place = try place(file, fd, found, header, block, holders, &copier)
        try write(digest, header, key, place, transaction)
        let staged = StagedBody(id: body, digest: digest, payload: 0)
        if let holder = keepers.first(where: { $0.holder.holder == .queue })?.holder, !entries.isEmpty {
            try bringBack(entries, of: body, holder, transaction)
        }
        for (holder, rows, isRecovered, head) in claims {
            var count: Int64 = 0
            var isUnplaced = isRecovered
            for row in rows {
                if try restore(row, size: header.size + Int64(head), transaction, isNew: isNew) { count += 1 } else { isUnplaced = true }
            }
            if isUnplaced {
                try recover(staged, size: header.size + Int64(head), block, for: holder.account, transaction, isNew: isNew)
                count += 1
            } else if let thread = rows.first?.row.thread, let outline = digest.outline {
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
            let key = anyKey(of: holder)
            // try?: what does not open says nothing of whether the two are the same.
            guard try rows.step(), let key, let own = try? holder.open(body, under: key) else { continue }
            let other = HolderBlock.Holder(account: holder.account, wrappedKey: rows.blob(0))
            // try?: as above.
            if let known = try? other.open(body, under: key), known.key == own.key { continue }
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
            let key = anyKey(of: holder)
            // try?: the same account may be named twice, and once with a key that does not open.
            guard let key, (try? holder.open(body, under: key)) != nil else { return !seen.contains(holder.account) }
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
            let usable = holders.filter { $0.wrappedKey.count >= HolderBlock.wrappedKey }
            let copy = HolderBlock(body: header.body, arrived: block?.arrived ?? Timestamp(rawValue: 0), holders: usable)
            let places = try writer.write([BodyRecord(copy, size: Int(header.size), chunks: chunks)])
            try writer.sync()
            guard let place = places.first else { throw StorageFault.unavailable("a body without a place") }
            return place
        }
    }

    private func write(_ digest: BodyDigest, _ header: RecordHeader, _ key: SymmetricKey, _ place: BodyPlace, _ transaction: Transaction) throws {
        let mark = ParserMark(digest)
        let sealed = try Seal.seal(digest.sealedOctets, under: key, as: BodyDigest.label(header.body, mark.kind))
        try transaction.write(
            "INSERT INTO body VALUES (?,?,?,?,?,?,?)", .int(header.body.rawValue), .int(place.segment), .int(place.position), .int(place.length),
            .int(header.size), .int(mark.rawValue), .blob(sealed))
        if place.segment != 0 {
            transaction.staged.indexed[place.segment] = max(transaction.staged.indexed[place.segment] ?? 0, place.position + place.length)
        }
    }

    /// Into the account's mailbox `Recovered`.
    private func recover(
        _ body: StagedBody, size: Int64, _ block: HolderBlock?, for account: AccountID, _ transaction: Transaction, isNew: Bool
    ) throws {
        let mailbox = try recoveredMailbox(of: account, transaction)
        let modSeq = try modSeq(of: account, transaction, isNew: isNew)
        guard let uid = UID(rawValue: try transaction.mailbox(mailbox).uidNext) else { throw StorageFault.notAllowed("no UID is left") }
        let arrived = block?.arrived.rawValue ?? 0
        let row = MessageRow(
            uid: uid, flags: FlagBits(rawValue: 0), modSeq: modSeq, body: body.id,
            internalDate: arrived > 0 ? Timestamp(rawValue: arrived) : now, size: UInt32(clamping: size))
        let thread = try transaction.joinThread(body, body.digest.outline?.references ?? [], of: account)
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
}

extension Transaction {
    /// Later replies find the thread by the message's id.
    fileprivate func remember(_ outline: MessageOutline, thread: Int64, of account: AccountID) throws {
        guard let hash = try outline.envelope.messageID.map({ try self.account(account).hash($0) }) else { return }
        try write("INSERT OR IGNORE INTO reference VALUES (?,?,?)", .int(account.rawValue), .int(hash), .int(thread))
    }
}
