import MailModel
import Storage

/// The access lists of all mailboxes, and who finds something in them.
struct AccessTable: Table {
    static let place = TableList.place(of: AccessTable.self)

    private var lists: [MailboxID: AccessList] = [:]
    private var shared: [Grantee.Who: Set<MailboxID>] = [:]

    struct Changes: StagedChanges {
        var lists: [MailboxID: AccessList] = [:]
    }

    subscript(mailbox: MailboxID) -> AccessList { lists[mailbox] ?? AccessList() }

    private mutating func set(_ list: AccessList, of mailbox: MailboxID) {
        for who in self[mailbox].beneficiaries {
            shared[who]?.remove(mailbox)
            if shared[who]?.isEmpty == true { shared[who] = nil }
        }
        for who in list.beneficiaries { shared[who, default: []].insert(mailbox) }
        lists[mailbox] = list.isEmpty ? nil : list
    }

    func mailboxes(sharedWith account: AccountID) -> Set<MailboxID> {
        let (own, everyone) = (shared[.account(account)], shared[.anyone])
        guard let own else { return everyone ?? [] }
        return everyone.map { own.union($0) } ?? own
    }

    /// Those whose lists speak of the account.
    func mailboxes(naming account: AccountID) -> [MailboxID] {
        lists.compactMap { id, list in list.entries.keys.contains { $0.who == .account(account) } ? id : nil }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, list) in changes.lists { tables.access.set(list, of: id) }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.lists.isEmpty }

    /// RFC 4314 section 4: a new mailbox has the list of its superior.
    static func welcome(_ mailbox: MailboxRecord, below superior: MailboxID?, _ transaction: Transaction) throws {
        guard let superior else { return }
        let list = transaction.accessList(of: superior)
        if !list.isEmpty { try transaction.store(list, of: mailbox.id) }
    }

    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {
        if !transaction.accessList(of: mailbox.id).isEmpty { try transaction.store(AccessList(), of: mailbox.id) }
    }

    /// No list speaks of the account any more.
    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        let staging = transaction.staged[AccessTable.self].lists.keys
        for id in Set(transaction.catalog.read { $0.access.mailboxes(naming: account.id) }).union(staging) {
            let before = transaction.accessList(of: id)
            var list = before
            for isNegative in [false, true] { list.change(.replace([]), of: Grantee(.account(account.id), isNegative: isNegative)) }
            if list != before { try transaction.store(list, of: id) }
        }
    }
}

extension AccessTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        var lists: [MailboxID: AccessList] = [:]
        var last: MailboxID?
        try connection.scan("account, negative, rights", of: "access", by: "mailbox") { row in
            let id = MailboxID(rawValue: row.int(0))
            last = id
            lists[id, default: AccessList()].change(
                .replace(Rights(rawValue: UInt16(clamping: row.int(3)))), of: Grantee(number: row.int(1), isNegative: row.int(2) != 0))
        } missed: { ids, error in
            // Of a list that is not whole nothing is given: what is missing may have taken rights away.
            if let last { lists[last] = nil }
            tables.damage.note("access lists of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        for (id, list) in lists { tables.access.set(list, of: id) }
    }

    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings) {
        for index in belongings.mailboxes.indices { belongings.mailboxes[index].access = tables.access[belongings.mailboxes[index].id] }
    }

    /// Of mailboxes that were made anew, as far as the accounts are there that are named.
    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        for mailbox in belongings.mailboxes where recovery.touched.contains(mailbox.id) {
            for (grantee, rights) in mailbox.access.entries {
                let number = grantee.number
                guard number == 0 || recovery.accountKeys[AccountID(rawValue: number)] != nil else { continue }
                try connection.run(
                    "INSERT OR REPLACE INTO access VALUES (?,?,?,?)", .int(mailbox.id.rawValue), .int(number), .int(grantee.isNegative ? 1 : 0),
                    .int(Int64(rights.rawValue)))
            }
        }
    }
}

extension Catalog.State {
    var access: AccessTable {
        _read { yield self[AccessTable.self] }
        _modify { yield &self[AccessTable.self] }
    }
}

extension Transaction {
    func accessList(of id: MailboxID) -> AccessList { staged[AccessTable.self].lists[id] ?? catalog.read { $0.access[id] } }

    func change(rights change: RightsChange, of grantee: Grantee, on id: MailboxID) throws {
        let entry = try mailbox(id)
        if case .account(let account) = grantee.who { _ = try self.account(account) }
        let before = accessList(of: id)
        var list = before
        list.change(change, of: grantee)
        guard list != before else { return }
        guard list.entries.count <= AccessList.most else { throw StorageFault.notAllowed("the mailbox's access list is full") }
        try store(list, of: id)
        try log(.rights, entry.record.account, try nextModSeq(entry.record.account), id)
    }

    fileprivate func store(_ list: AccessList, of id: MailboxID) throws {
        try write("DELETE FROM access WHERE mailbox=?", .int(id.rawValue))
        for (grantee, rights) in list.entries {
            try write(
                "INSERT INTO access VALUES (?,?,?,?)",
                .int(id.rawValue), .int(grantee.number), .int(grantee.isNegative ? 1 : 0), .int(Int64(rights.rawValue)))
        }
        staged[AccessTable.self].lists[id] = list
    }
}

extension Grantee {
    /// How a row names it: 0 for anyone.
    var number: Int64 {
        switch who {
        case .anyone: 0
        case .account(let id): id.rawValue
        }
    }

    init(number: Int64, isNegative: Bool) {
        self.init(number == 0 ? .anyone : .account(AccountID(rawValue: number)), isNegative: isNegative)
    }
}
