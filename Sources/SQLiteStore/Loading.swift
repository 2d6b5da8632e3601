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
    static func checkKey(_ connection: Connection, _ master: MasterKey) throws {
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

    /// The highest id that a body may ever have had.
    static func lastBody(_ connection: Connection, _ folder: BodyFolder) throws -> Int64 {
        let highest = try connection.number("SELECT value FROM meta WHERE key='last-body'") ?? 0
        guard IndexRange.id.contains(highest) else { throw StorageFault.corrupt("the highest id of a body: \(highest)") }
        do {
            return max(highest, try connection.number("SELECT max(id) FROM body WHERE id<?", .int(IndexRange.id.upperBound)) ?? 0)
        } catch {
            // Those on pages that cannot be read may have higher ids than any that can; none of them is given again.
            var readable = highest
            for (table, key) in [("body", "id"), ("holder", "body")] {
                try connection.scan(key, of: table, by: key) { row in
                    if IndexRange.id.contains(row.int(0)) { readable = max(readable, row.int(0)) }
                } missed: { _, _ in
                }
            }
            return readable + gapOfBodies
        }
    }

    private static let gapOfBodies: Int64 = 1 << 32

    static func state(_ connection: Connection, _ master: MasterKey) throws -> Catalog.State {
        var state = Catalog.State()
        try accounts(connection, master, &state)
        domains(connection, &state)
        try mailboxes(connection, &state)
        try furtherKeywords(connection, &state)
        try subscriptions(connection, &state)
        try access(connection, &state)
        try quotas(connection, &state)
        return state
    }

    static func ledger(_ connection: Connection, _ state: inout Catalog.State) throws -> Ledger {
        let before = state.damage.lines.count
        let records = try LedgerRecord.loadReadable(connection, &state.damage)
        // Those that cannot be read have ids too.
        let above = state.damage.lines.count > before ? (records.last?.id ?? 0) + 1 << 32 : 0
        let ledger = Ledger(records, above: above)
        // Of a copy that did not come to its end.
        for record in records where record.change == .expunged {
            guard let next = state.mailboxes[record.mailbox]?.uidNext, let first = record.uids.first, let last = record.uids.last, first >= next, next > 0
            else { continue }
            ledger.reserve(first...last, in: record.mailbox)
        }
        return ledger
    }

    private static func domains(_ connection: Connection, _ state: inout Catalog.State) {
        do {
            let rows = try connection.prepare("SELECT name FROM domain")
            defer { rows.reset() }
            while try rows.step() { if let domain = Domain(rows.text(0)) { state.domains.insert(domain) } }
        } catch {
            state.damage.domains = true
            state.damage.note("domains: \(error)")
        }
        guard state.damage.domains else { return }
        for entry in state.accounts.values { state.domains.insert(entry.record.name.domain) }
    }

    private static func accounts(_ connection: Connection, _ master: MasterKey, _ state: inout Catalog.State) throws {
        let columns = "name, password, enabled, created, last_login, mod_seq, uid_validity, sealed_key"
        try connection.scan(columns, of: "account", by: "id") { row in
            do {
                let entry = try account(row, master)
                state.accounts[entry.record.id] = entry
                state.accountsByName[entry.record.name.folded] = entry.record.id
            } catch {
                state.damage.accounts = true
                state.damage.note("account \(row.int(0)): \(error)")
            }
        } missed: { ids, error in
            state.damage.accounts = true
            state.damage.note("accounts \(ids.lowerBound) and up: \(error)")
        }
    }

    private static func account(_ row: Statement, _ master: MasterKey) throws -> AccountEntry {
        let id = AccountID(rawValue: try row.int(0, within: IndexRange.id, "its id"))
        guard let name = try? AccountName(row.text(1)) else { throw StorageFault.corrupt("its name") }
        let record = AccountRecord(
            id: id, name: name, passwordHash: row.text(2), enabled: row.int(3) != 0, created: try row.timestamp(4, "its creation"),
            lastLogin: row.isNull(5) ? nil : try row.timestamp(5, "its last login"))
        let key = try Seal.open(row.blob(8), under: master.key, as: Label(kind: .accountKey, id: id.rawValue))
        return AccountEntry(
            record: record, modSeq: try modSeq(row, 6), uidValidity: UInt32(try row.int(7, within: IndexRange.number32, "its UIDVALIDITY")),
            key: SymmetricKey(data: key))
    }

    private static func modSeq(_ row: Statement, _ column: Int32) throws -> ModSeq {
        ModSeq(rawValue: UInt64(try row.int(column, within: IndexRange.id, "its ModSeq"))) ?? .zero
    }

    private static func mailboxes(_ connection: Connection, _ state: inout Catalog.State) throws {
        let columns = "account, sealed_name, special_use, uid_validity, uid_next, mod_seq, messages, unseen, deleted, size, recent_floor, keywords"
        var missed = false
        try connection.scan(columns, of: "mailbox", by: "id") { row in
            let account = AccountID(rawValue: row.int(1))
            guard let owner = state.accounts[account] else {
                if !state.damage.accounts { state.damage.note("mailbox \(row.int(0)): it is nobody's") }
                return
            }
            do {
                let entry = try mailbox(row, owner, &state)
                state.mailboxes[entry.record.id] = entry
                state.recentFloors[entry.record.id] = UInt32(try row.int(11, within: IndexRange.number32, "what was recent"))
                state.names[account, default: [:]][entry.record.name] = entry.record.id
            } catch {
                state.damage.mailboxes.insert(account)
                state.damage.note("mailbox \(row.int(0)) of \(owner.record.name): \(error)")
            }
        } missed: { ids, error in
            missed = true
            state.damage.note("mailboxes \(ids.lowerBound) and up: \(error)")
        }
        if missed { try findLosers(connection, &state) }
    }

    private static func mailbox(_ row: Statement, _ owner: AccountEntry, _ state: inout Catalog.State) throws -> MailboxEntry {
        let id = MailboxID(rawValue: try row.int(0, within: IndexRange.id, "its id"))
        guard let validity = UIDValidity(rawValue: UInt32(try row.int(4, within: IndexRange.number32, "its UIDVALIDITY"))) else {
            throw StorageFault.corrupt("its UIDVALIDITY")
        }
        let account = owner.record.id
        let record = MailboxRecord(
            id: id, account: account, name: name(row.blob(2), id, owner, &state), uidValidity: validity,
            specialUse: row.isNull(3) ? nil : SpecialUse(rawValue: row.text(3)))
        return MailboxEntry(
            record: record, uidNext: UInt32(try row.int(5, within: IndexRange.number32, "its UIDNEXT")), modSeq: try modSeq(row, 6),
            messages: Int(try row.int(7, within: IndexRange.number32, "its messages")),
            unseen: Int(try row.int(8, within: IndexRange.number32, "its unseen messages")),
            deleted: Int(try row.int(9, within: IndexRange.number32, "its deleted messages")),
            size: try row.int(10, within: IndexRange.octets, "its size"),
            keywords: KeywordTable(first: row.text(12), further: nil))
    }

    /// Those of mailboxes that have more than their own rows say.
    private static func furtherKeywords(_ connection: Connection, _ state: inout Catalog.State) throws {
        var lacking = Set(state.mailboxes.values.lazy.filter { $0.keywords.hasFurther }.map { $0.record.id })
        guard !lacking.isEmpty else { return }
        try connection.scan("further", of: "keyword", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            guard let first = state.mailboxes[id]?.keywords.firstText, lacking.remove(id) != nil else { return }
            state.mailboxes[id]?.keywords = KeywordTable(first: first, further: row.text(1))
        } missed: { ids, error in
            state.damage.note("keywords of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        for id in lacking.sorted() { state.damage.note("mailbox \(id.rawValue): its keywords from place \(FlagBits.places) on are lost") }
    }

    /// One whose name does not open gets another, so that its mail can be read.
    private static func name(_ sealed: [UInt8], _ id: MailboxID, _ owner: AccountEntry, _ state: inout Catalog.State) -> MailboxName {
        let account = owner.record.id
        do {
            let text = try Seal.open(sealed, under: owner.key, as: Label(kind: .mailboxName, id: id.rawValue, account: account.rawValue))
            if let name = MailboxName(String(decoding: text, as: UTF8.self)), state.names[account]?[name] == nil { return name }
            state.damage.note("mailbox \(id.rawValue) of \(owner.record.name): its name is none, or another's")
        } catch {
            state.damage.note("mailbox \(id.rawValue) of \(owner.record.name): its name: \(error)")
        }
        return MailboxName("Damaged mailbox \(id.rawValue)") ?? .inbox
    }

    /// Whose mailboxes are missing, by what the change log says was made and not deleted.
    private static func findLosers(_ connection: Connection, _ state: inout Catalog.State) throws {
        do {
            let made = try connection.prepare(
                "SELECT account, mailbox FROM change WHERE kind=\(ChangeKind.mailboxCreated.rawValue) "
                    + "EXCEPT SELECT account, mailbox FROM change WHERE kind=\(ChangeKind.mailboxDeleted.rawValue)")
            defer { made.reset() }
            while try made.step() {
                guard state.mailboxes[MailboxID(rawValue: made.int(1))] == nil else { continue }
                state.damage.mailboxes.insert(AccountID(rawValue: made.int(0)))
            }
        } catch {
            state.damage.note("whose they are: \(error)")
            state.damage.mailboxes.formUnion(state.accounts.keys)
        }
    }

    private static func subscriptions(_ connection: Connection, _ state: inout Catalog.State) throws {
        try connection.scan("account, sealed_name", of: "subscription", by: "id") { row in
            let account = AccountID(rawValue: row.int(1))
            guard let key = state.accounts[account]?.key else { return }
            do {
                let text = try Seal.open(row.blob(2), under: key, as: Label(kind: .subscription, id: 0, account: account.rawValue))
                guard let name = MailboxName(String(decoding: text, as: UTF8.self)) else { throw StorageFault.corrupt("its name") }
                state.subscriptions[account, default: Subscriptions()].set(name, row: row.int(0))
            } catch {
                state.damage.subscriptions.insert(account)
                state.damage.note("subscription \(row.int(0)): \(error)")
            }
        } missed: { ids, error in
            state.damage.subscriptions.insert(nil)
            state.damage.note("subscriptions \(ids.lowerBound) and up: \(error)")
        }
        // Better a mailbox too many than one that a client no more shows.
        for account in state.accounts.keys where state.damage.lacksSubscriptions(of: account) {
            for name in (state.names[account] ?? [:]).keys { state.subscriptions[account, default: Subscriptions()].insert(name) }
        }
    }
}
