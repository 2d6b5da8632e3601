import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage

/// What `store check` found.
package struct StoreReport: Sendable, Encodable {
    package var accounts = 0
    package var mailboxes = 0
    package var messages = 0
    package var bodies = 0
    /// Octets of all bodies, unsealed.
    package var octets: Int64 = 0
    /// Records of bodies that the index does not know of; `store recover` tells what they are.
    package var unknownRecords = 0
    /// One line each, at most `mostFaults`.
    package var faults: [String] = []
    /// What should be known and is no damage; one line each.
    package var notes: [String] = []
    package var isSound: Bool { faults.isEmpty }

    package static let mostFaults = 1_000

    mutating func note(_ fault: String) { if faults.count < StoreReport.mostFaults { faults.append(fault) } }
}

extension SQLiteStore {
    static let bodiesInStep = 100

    /// Opens every body and outline, and counts every mailbox anew. Reads only; it may run beside deliveries.
    package func check() async throws -> StoreReport { try await check(from: BodyID(rawValue: 0)) { _, _ in } }

    /// `from`: bodies up to it are passed over. `stepped`: called after each mailbox and each `bodiesInStep` bodies, with what was found so far and the last
    /// of the bodies.
    func check(from: BodyID, _ stepped: @Sendable (StoreReport, BodyID?) async throws -> Void) async throws -> StoreReport {
        var report = StoreReport()
        for fault in opening.faults + catalog.read({ $0.damage.lines }) { report.note(fault) }
        report.unknownRecords = opening.unknownRecords
        report.notes = opening.notes
        for name in AsideFolder(in: path).names {
            if AsideFolder.tellsOfLoss(name) {
                report.note("aside/\(name): the WAL was damaged or missing at a start; see `martlet store recover`")
            } else {
                report.notes.append("aside/\(name) was set aside at a start")
            }
        }
        for name in Migration.kept(in: path) { report.notes.append("\(name) is kept from before a migration; `martlet store confirm` removes it") }
        for fault in try await files.run({ [file] in try PageScan(file).faults }) { report.note(fault) }
        report.accounts = catalog.read { $0.accounts.count }
        for id in catalog.read({ Array($0.mailboxes.keys) }).sorted() {
            report.mailboxes += 1
            do {
                let found = try await readers.run { reader in try reader.recount(id) }
                report.messages += found.messages
                for fault in found.faults { report.note(fault) }
            } catch let fault as StorageFault where fault != .closed {
                report.note("mailbox \(id.rawValue): \(fault)")
            }
            try await stepped(report, nil)
        }
        var last = from
        while true {
            let after = last
            let page: BodyReader.Page
            do {
                page = try await readers.run { reader in try reader.checkBodies(after: after, most: SQLiteStore.bodiesInStep) }
            } catch let fault as StorageFault where fault != .closed {
                report.note("bodies after \(after.rawValue): \(fault)")
                guard let next = try await readers.run({ $0.bodyBehindDamage(after) }) else { break }
                last = BodyID(rawValue: next - 1)
                continue
            }
            guard let end = page.last else { break }
            last = end
            report.bodies += page.count
            report.octets += page.octets
            for fault in page.faults { report.note(fault) }
            try await stepped(report, end)
        }
        for fault in try await checkKeys() { report.note(fault) }
        try await checkChangeLogs { report.note($0) }
        return report
    }

    /// That each account's key can be had from its file too. A start writes one that is missing.
    private func checkKeys() async throws -> [String] {
        let (keys, catalog) = (keys, catalog)
        return try await readers.run { reader in
            var faults: [String] = []
            for id in catalog.read({ Array($0.accounts.keys) }).sorted() {
                let sealed = try KeyFolder.sealedKey(of: id, reader.connection)
                // Removed meanwhile.
                guard let sealed, catalog.account(id) != nil else { continue }
                if try keys.read(id)?.sealedKey != sealed {
                    faults.append("account \(id.rawValue): \(keys.file(id)) is missing or damaged")
                }
            }
            return faults
        }
    }
}

extension BodyReader {
    fileprivate func recount(_ id: MailboxID) throws -> (messages: Int, faults: [String]) {
        try connection.execute("BEGIN")
        defer { try? connection.execute("COMMIT") }
        let kept = try connection.prepare("SELECT messages, unseen, deleted, size FROM mailbox WHERE id=?")
        try kept.bind([.int(id.rawValue)])
        guard try kept.step() else { return (0, []) }
        let says = (0..<4).map { kept.int(Int32($0)) }
        kept.reset()
        guard var entry = catalog.mailbox(id) else { return (0, []) }
        (entry.messages, entry.unseen, entry.deleted, entry.size) = (0, 0, 0, 0)
        let table = try TableReader.load(entry, connection)
        try table.forEach { _, row in
            entry.count(row)
            return true
        }
        let counted = [Int64(entry.messages), Int64(entry.unseen), Int64(entry.deleted), entry.size]
        var faults: [String] = []
        if says != counted { faults.append("mailbox \(id.rawValue): counters say \(says), rows say \(counted)") }
        if let fault = try faultOfDirectory(entry, table) { faults.append(fault) }
        let orphans =
            try connection.number(
                "SELECT count(*) FROM message WHERE mailbox=? AND NOT EXISTS (SELECT 1 FROM holder JOIN mailbox ON mailbox.id=message.mailbox "
                    + "WHERE holder.body=message.body AND holder.account=mailbox.account)", .int(id.rawValue)) ?? 0
        if orphans > 0 { faults.append("mailbox \(id.rawValue): \(orphans) messages without a body") }
        return (Int(counted[0]), faults)
    }

    /// That opening the mailbox by its blocks gives the rows that are there.
    private func faultOfDirectory(_ entry: MailboxEntry, _ table: MailboxSnapshot) throws -> String? {
        guard let directory = try BlockDirectory.load(of: entry.record.id, connection) else { return nil }
        var opened = MailboxSnapshot(mailbox: entry.record.id, uidValidity: entry.record.uidValidity)
        for summary in directory.blocks {
            opened.append(
                MailboxSnapshot.Block(summary, of: entry.record.id) { first, last in
                    ContiguousArray(try table.rows(NumberSet(first.rawValue...last.rawValue)).map(\.row))
                })
        }
        try opened.catchUp(since: directory.modSeq, of: entry.record.account, connection)
        var differ = opened.count != table.count
        try table.forEach { index, row in
            if try preparedRow(index, of: opened) != row { differ = true }
            return !differ
        }
        return differ ? "mailbox \(entry.record.id.rawValue): its directory of blocks does not fit its rows" : nil
    }

    /// The first body behind one that cannot be listed; nil: none.
    fileprivate func bodyBehindDamage(_ body: BodyID) -> Int64? { connection.firstReadable("body", "id", from: body.rawValue + 1) }

    /// Nil when there is none, or it is not what the directory says.
    private func preparedRow(_ index: Int, of opened: MailboxSnapshot) throws -> MessageRow? {
        do { return try opened.row(at: index) } catch let lacking as RowsNotAtHand {
            do { for block in lacking.blocks { try block.prepare() } } catch StorageFault.corrupt { return nil }
            return try opened.row(at: index)
        }
    }

    fileprivate struct Page: Sendable {
        var count = 0
        var octets: Int64 = 0
        var last: BodyID?
        var faults: [String] = []
    }

    fileprivate func checkBodies(after: BodyID, most: Int) throws -> Page {
        let statement = try connection.prepare(
            "SELECT id, size, (SELECT account FROM holder WHERE body=body.id ORDER BY account LIMIT 1) FROM body WHERE id>? ORDER BY id LIMIT ?")
        try statement.bind([.int(after.rawValue), .int(Int64(most))])
        var found: [(BodyID, Int, AccountID?)] = []
        while try statement.step() {
            found.append((BodyID(rawValue: statement.int(0)), Int(statement.int(1)), statement.isNull(2) ? nil : AccountID(rawValue: statement.int(2))))
        }
        statement.reset()
        var page = Page()
        for (body, size, holder) in found {
            page.last = body
            page.count += 1
            guard IndexRange.size.contains(Int64(size)) else {
                page.faults.append("body \(body.rawValue): its size is \(size)")
                continue
            }
            page.octets += Int64(size)
            guard let holder else {
                page.faults.append("body \(body.rawValue): nobody holds it")
                continue
            }
            do {
                try checkBody(body, size: size, holder: holder)
            } catch StorageFault.noSuchMessage {
                // Let go since the page was read.
            } catch {
                page.faults.append("body \(body.rawValue): \(error)")
            }
        }
        return page
    }

    /// What stands before and behind the chunks, which only recovery reads.
    private func checkRecord(of body: BodyID, size: Int) throws {
        let place = try connection.prepare("SELECT segment, position, length FROM body WHERE id=?")
        try place.bind([.int(body.rawValue)])
        guard try place.step() else { throw StorageFault.noSuchMessage }
        let (segment, position, length) = (place.int(0), place.int(1), place.int(2))
        place.reset()
        try BodyPlace.check(body.rawValue, segment: segment, position: position, size: Int64(size))
        let path = segment == 0 ? folder.file(body) : folder.segment(segment)
        let fd = try segment == 0 ? Disk.open(path, O_RDONLY) : file(segment, path)
        defer { if segment == 0 { close(fd) } }
        guard let header = RecordHeader(try Disk.read(RecordHeader.octets, from: fd, at: position, path: path)), header.body == body,
            header.size == Int64(size),
            header.length == length - Int64(RecordHeader.octets)
        else { throw StorageFault.corrupt("the header of its record is not what was stored") }
        guard header.version == .withHolders else { return }
        let chunks = Int64(RecordHeader.octets + BodySeal.sealedSize(of: size))
        guard length > chunks, length - chunks < Int64(HolderBlock.octets(holders: HolderBlock.most)),
            let block = HolderBlock(try Disk.read(Int(length - chunks), from: fd, at: position + chunks, path: path)), block.body == body
        else { throw StorageFault.corrupt("the holders in its record are not what was stored") }
    }

    private func checkBody(_ body: BodyID, size: Int, holder: AccountID) throws {
        let outline = try outlines(of: [body], for: holder, keeping: false)
        guard outline.first?.size == size else { throw StorageFault.corrupt("its outline is of another size") }
        try checkRecord(of: body, size: size)
        var position = 0
        repeat {
            let piece = try read(position..<min(size, position + (1 << 20)), of: body, for: holder)
            guard piece.readableBytes > 0 || size == 0 else { throw StorageFault.corrupt("it ends early") }
            position += piece.readableBytes
        } while position < size
    }
}
