import MailModel
import Storage

extension AccessTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        for (id, list) in try unsealedLists(connection, &tables) {
            if let owner = tables.mailboxes[id]?.record.account { tables.access.set(list, of: id, owner) }
        }
        try connection.scan("sealed", of: "access_list", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            // A mailbox that cannot be read is named elsewhere.
            guard let mailbox = tables.mailboxes[id], let owner = tables.accounts[mailbox.record.account] else { return }
            do {
                tables.access.set(try SealedAccessList.open(row.blob(1), of: id, owner), of: id, owner.record.id)
            } catch {
                // Of a list that does not open nothing is given: what is missing may have taken rights away.
                tables.access.set(AccessList(), of: id, owner.record.id)
                tables.damage.note("access list of mailbox \(id.rawValue): \(error)")
            }
        } missed: { ids, error in
            tables.damage.note("access lists of mailboxes \(ids.lowerBound) and up: \(error)")
        }
    }

    /// Lists as they lay before there were names in them, and that have not changed since.
    private static func unsealedLists(_ connection: Connection, _ tables: inout Catalog.State) throws -> [MailboxID: AccessList] {
        var lists: [MailboxID: AccessList] = [:]
        var last: MailboxID?
        try connection.scan("account, negative, rights", of: "access", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            last = id
            lists[id, default: AccessList()].change(
                .replace(Rights(rawValue: UInt16(clamping: row.int(3)))), of: Grantee(number: row.int(1), isNegative: row.int(2) != 0))
        } missed: { ids, error in
            // As above.
            if let last { lists[last] = nil }
            tables.damage.note("access lists of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        return lists
    }

    /// That each list can be read, and that whom it speaks of is called as it says.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        let catalog = store.catalog
        for fault in try await store.readers.run({ try $0.faultsOfAccessLists() }) { check.report.note(fault) }
        let strangers = catalog.read { tables in
            var found: [String] = []
            guard !tables.damage.accounts else { return found }
            for id in tables.mailboxes.keys.sorted() { found += faults(in: tables.access[id], of: id, tables.accounts) }
            return found
        }
        for fault in strangers { check.report.note(fault) }
    }

    private static func faults(in list: AccessList, of mailbox: MailboxID, _ accounts: AccountTable) -> [String] {
        list.subjects.compactMap { who in
            let wrong: String? =
                switch who {
                case .anyone: nil
                case .account(let id): accounts[id] == nil ? "it speaks of account \(id.rawValue), which is not there" : nil
                case .named(let name): accounts.id(named: name.value).map { "it takes account \($0.rawValue) for one that is not there" }
                }
            return wrong.map { "access list of mailbox \(mailbox.rawValue): \($0)" }
        }
    }
}

extension BodyReader {
    fileprivate func faultsOfAccessLists() throws -> [String] {
        var faults: [String] = []
        try connection.scan("sealed", of: "access_list", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            guard let mailbox = catalog.mailbox(id), let owner = catalog.account(mailbox.record.account) else { return }
            do {
                _ = try SealedAccessList.open(row.blob(1), of: id, owner)
            } catch {
                faults.append("access list of mailbox \(id.rawValue): \(error)")
            }
        } missed: { ids, error in
            faults.append("access lists of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        return faults
    }
}

extension Grantee {
    /// How a row of before, and the catalogue, name it: 0 for anyone. Nil for a name.
    var number: Int64? {
        switch who {
        case .anyone: 0
        case .account(let id): id.rawValue
        case .named: nil
        }
    }

    init(number: Int64, isNegative: Bool) {
        self.init(number == 0 ? .anyone : .account(AccountID(rawValue: number)), isNegative: isNegative)
    }
}
