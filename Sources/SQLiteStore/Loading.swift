import Crypto
import FoundationEssentials
import Glibc
import Logging
import MailModel
import Storage

/// What happens once, at start, before anybody else uses the store.
enum Loading {
    private static let checkText = Array("martlet".utf8)

    /// That the master key is the one that this store was made with.
    static func checkKey(_ connection: Connection, _ master: MasterKey, isNew: Bool) throws {
        let label = Label(kind: .check, id: 0)
        let statement = try connection.prepare("SELECT value FROM meta WHERE key='check'")
        defer { statement.reset() }
        if try statement.step() {
            guard let text = try? Seal.open(statement.blob(0), under: master.key, as: label), Array(text) == checkText else {
                throw StorageFault.unavailable("the master key is not the one this store was made with")
            }
        } else {
            try connection.run("INSERT INTO meta VALUES ('check', ?)", .blob(try Seal.seal(checkText, under: master.key, as: label)))
        }
    }

    /// Cuts what lies beyond the last indexed offset of each segment, removes files that the index does not know, and reports what is missing.
    /// Gives the highest id a segment ever had.
    static func cutTails(_ connection: Connection, _ folder: BodyFolder, _ log: Logger) throws -> Int64 {
        var indexed: [Int64: Int64] = [:]
        let statement = try connection.prepare("SELECT id, indexed FROM segment")
        while try statement.step() { indexed[statement.int(0)] = statement.int(1) }
        statement.reset()
        let present = folder.segmentIDs()
        for id in present {
            let path = folder.segment(id)
            guard let end = indexed[id] else {
                unlink(path)
                continue
            }
            let fd = try Disk.open(path, O_RDWR)
            defer { close(fd) }
            let size = Disk.size(of: fd)
            if size < end { log.error("Bodies are missing: \(path) has \(size) octets of \(end)") }
            if size > end, ftruncate(fd, off_t(end)) != 0 { throw Disk.fault("ftruncate", path) }
        }
        for id in indexed.keys where !present.contains(id) { log.error("Bodies are missing: \(folder.segment(id)) is not there") }
        for body in folder.fileIDs() where try connection.number("SELECT 1 FROM body WHERE id=? AND segment=0", .int(body.rawValue)) == nil {
            unlink(folder.file(body))
        }
        return max(present.max() ?? 0, indexed.keys.max() ?? 0)
    }

    /// The highest id that a body may ever have had.
    static func lastBody(_ connection: Connection, _ folder: BodyFolder) throws -> Int64 {
        let highest = try connection.number("SELECT value FROM meta WHERE key='last-body'") ?? 0
        return max(highest, try connection.number("SELECT max(id) FROM body") ?? 0, try RecordFile.highestBody(setAsideIn: folder))
    }

    static func state(_ connection: Connection, _ master: MasterKey) throws -> Catalog.State {
        var state = Catalog.State()
        let domains = try connection.prepare("SELECT name FROM domain")
        while try domains.step() { if let domain = Domain(domains.text(0)) { state.domains.insert(domain) } }
        domains.reset()
        try accounts(connection, master, &state)
        try mailboxes(connection, &state)
        try subscriptions(connection, &state)
        try access(connection, &state)
        try quotas(connection, &state)
        return state
    }

    private static func accounts(_ connection: Connection, _ master: MasterKey, _ state: inout Catalog.State) throws {
        let rows = try connection.prepare("SELECT id, name, password, enabled, created, last_login, mod_seq, uid_validity, sealed_key FROM account")
        defer { rows.reset() }
        while try rows.step() {
            let id = AccountID(rawValue: rows.int(0))
            guard let name = try? AccountName(rows.text(1)) else { throw StorageFault.corrupt("account \(id.rawValue): its name") }
            let record = AccountRecord(
                id: id, name: name, passwordHash: rows.text(2), enabled: rows.int(3) != 0, created: Timestamp(rawValue: rows.int(4)),
                lastLogin: rows.isNull(5) ? nil : Timestamp(rawValue: rows.int(5)))
            let key = try Seal.open(rows.blob(8), under: master.key, as: Label(kind: .accountKey, id: id.rawValue))
            state.accounts[id] = AccountEntry(
                record: record, modSeq: ModSeq(rawValue: UInt64(clamping: rows.int(6))) ?? .zero, uidValidity: UInt32(clamping: rows.int(7)),
                key: SymmetricKey(data: key))
            state.accountsByName[name.folded] = id
        }
    }

    private static func mailboxes(_ connection: Connection, _ state: inout Catalog.State) throws {
        let rows = try connection.prepare(
            "SELECT id, account, sealed_name, special_use, uid_validity, uid_next, mod_seq, messages, unseen, deleted, size, recent_floor, keywords FROM mailbox"
        )
        defer { rows.reset() }
        while try rows.step() {
            let (id, account) = (MailboxID(rawValue: rows.int(0)), AccountID(rawValue: rows.int(1)))
            guard let key = state.accounts[account]?.key, let validity = UIDValidity(rawValue: UInt32(clamping: rows.int(4))) else {
                throw StorageFault.corrupt("mailbox \(id.rawValue)")
            }
            let text = try Seal.open(rows.blob(2), under: key, as: Label(kind: .mailboxName, id: id.rawValue, account: account.rawValue))
            guard let name = MailboxName(String(decoding: text, as: UTF8.self)) else { throw StorageFault.corrupt("mailbox \(id.rawValue): its name") }
            let record = MailboxRecord(
                id: id, account: account, name: name, uidValidity: validity,
                specialUse: rows.isNull(3) ? nil : SpecialUse(rawValue: rows.text(3)))
            state.mailboxes[id] = MailboxEntry(
                record: record, uidNext: UInt32(clamping: rows.int(5)), modSeq: ModSeq(rawValue: UInt64(clamping: rows.int(6))) ?? .zero,
                messages: Int(rows.int(7)), unseen: Int(rows.int(8)), deleted: Int(rows.int(9)), size: rows.int(10),
                keywords: KeywordTable(rows.text(12).split(separator: " ").compactMap { Keyword(String($0)) }))
            state.recentFloors[id] = UInt32(clamping: rows.int(11))
            state.names[account, default: [:]][name] = id
        }
    }

    private static func subscriptions(_ connection: Connection, _ state: inout Catalog.State) throws {
        let rows = try connection.prepare("SELECT account, sealed_name FROM subscription")
        defer { rows.reset() }
        while try rows.step() {
            let account = AccountID(rawValue: rows.int(0))
            guard let key = state.accounts[account]?.key else { continue }
            let text = try Seal.open(rows.blob(1), under: key, as: Label(kind: .subscription, id: 0, account: account.rawValue))
            if let name = MailboxName(String(decoding: text, as: UTF8.self)) { state.subscriptions[account, default: []].insert(name) }
        }
    }
}
