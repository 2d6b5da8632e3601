import Crypto
import FoundationEssentials
import MailModel
import Storage

extension MailboxTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        let columns = "account, sealed_name, special_use, uid_validity, uid_next, mod_seq, messages, unseen, deleted, size, recent_floor, keywords"
        var missed = false
        try connection.scan(columns, of: "mailbox", by: "id") { row in
            let account = AccountID(rawValue: row.int(1))
            guard let owner = tables.accounts[account] else {
                if !tables.damage.accounts { tables.damage.note("mailbox \(row.int(0)): it is nobody's") }
                return
            }
            do {
                let entry = try entry(row, owner, &tables)
                tables.mailboxes.load(entry)
                tables.quotas.replace(nil, by: entry)
                tables.mailboxes.load(recentFloor: UInt32(try row.int(11, within: IndexRange.number32, "what was recent")), of: entry.record.id)
            } catch {
                tables.damage.mailboxes.insert(account)
                tables.damage.note("mailbox \(row.int(0)) of \(owner.record.name): \(error)")
            }
        } missed: { ids, error in
            missed = true
            tables.damage.note("mailboxes \(ids.lowerBound) and up: \(error)")
        }
        if missed { try findLosers(connection, &tables) }
        try loadFurtherKeywords(connection, &tables)
    }

    /// Those of mailboxes that have more than their own rows say.
    private static func loadFurtherKeywords(_ connection: Connection, _ tables: inout Catalog.State) throws {
        var lacking = Set(tables.mailboxes.values.lazy.filter { $0.keywords.hasFurther }.map { $0.record.id })
        guard !lacking.isEmpty else { return }
        try connection.scan("further", of: "keyword", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            guard let first = tables.mailboxes[id]?.keywords.firstText, lacking.remove(id) != nil else { return }
            tables.mailboxes.load(KeywordTable(first: first, further: row.text(1)), of: id)
        } missed: { ids, error in
            tables.damage.note("keywords of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        for id in lacking.sorted() { tables.damage.note("mailbox \(id.rawValue): its keywords from place \(FlagBits.places) on are lost") }
    }

    private static func entry(_ row: Statement, _ owner: AccountEntry, _ tables: inout Catalog.State) throws -> MailboxEntry {
        let id = MailboxID(rawValue: try row.int(0, within: IndexRange.id, "its id"))
        guard let validity = UIDValidity(rawValue: UInt32(try row.int(4, within: IndexRange.number32, "its UIDVALIDITY"))) else {
            throw StorageFault.corrupt("its UIDVALIDITY")
        }
        let account = owner.record.id
        let record = MailboxRecord(
            id: id, account: account, name: name(row.blob(2), id, owner, &tables), uidValidity: validity,
            specialUse: row.isNull(3) ? nil : SpecialUse(rawValue: row.text(3)))
        return MailboxEntry(
            record: record, uidNext: UInt32(try row.int(5, within: IndexRange.number32, "its UIDNEXT")), modSeq: try row.modSeq(6),
            messages: Int(try row.int(7, within: IndexRange.number32, "its messages")),
            unseen: Int(try row.int(8, within: IndexRange.number32, "its unseen messages")),
            deleted: Int(try row.int(9, within: IndexRange.number32, "its deleted messages")),
            size: try row.int(10, within: IndexRange.octets, "its size"),
            keywords: KeywordTable(first: row.text(12), further: nil))
    }

    /// One whose name does not open gets another, so that its mail can be read.
    private static func name(_ sealed: [UInt8], _ id: MailboxID, _ owner: AccountEntry, _ tables: inout Catalog.State) -> MailboxName {
        let account = owner.record.id
        do {
            let text = try Seal.open(sealed, under: owner.key, as: Label(kind: .mailboxName, id: id.rawValue, account: account.rawValue))
            if let name = MailboxName(String(decoding: text, as: UTF8.self)), tables.mailboxes.names[account]?[name] == nil { return name }
            tables.damage.note("mailbox \(id.rawValue) of \(owner.record.name): its name is none, or another's")
        } catch {
            tables.damage.note("mailbox \(id.rawValue) of \(owner.record.name): its name: \(error)")
        }
        return MailboxName("Damaged mailbox \(id.rawValue)") ?? .inbox
    }

    /// Whose mailboxes are missing, by what the change log says was made and not deleted.
    private static func findLosers(_ connection: Connection, _ tables: inout Catalog.State) throws {
        do {
            let made = try connection.prepare(
                "SELECT account, mailbox FROM change WHERE kind=\(ChangeKind.mailboxCreated.rawValue) "
                    + "EXCEPT SELECT account, mailbox FROM change WHERE kind=\(ChangeKind.mailboxDeleted.rawValue)")
            defer { made.reset() }
            while try made.step() {
                guard tables.mailboxes[MailboxID(rawValue: made.int(1))] == nil else { continue }
                tables.damage.mailboxes.insert(AccountID(rawValue: made.int(0)))
            }
        } catch {
            tables.damage.note("whose they are: \(error)")
            tables.damage.mailboxes.formUnion(tables.accounts.keys)
        }
    }
}
