import MailModel
import Storage

// Access lists.
extension Transaction {
    func accessList(of id: MailboxID) -> AccessList { staged.access[id] ?? catalog.read { $0.access[id] } }

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

    /// RFC 4314 §4: a new mailbox has the list of its superior.
    func inheritAccess(_ id: MailboxID, from superior: MailboxID?) throws {
        guard let superior else { return }
        let list = accessList(of: superior)
        if !list.isEmpty { try store(list, of: id) }
    }

    func dropAccess(of id: MailboxID) throws {
        if !accessList(of: id).isEmpty { try store(AccessList(), of: id) }
    }

    /// No list speaks of the account any more.
    func dropAccess(by account: AccountID) throws {
        let staging = staged.access.keys
        for id in Set(catalog.read { $0.access.mailboxes(naming: account) }).union(staging) {
            let before = accessList(of: id)
            var list = before
            for isNegative in [false, true] { list.change(.replace([]), of: Grantee(.account(account), isNegative: isNegative)) }
            if list != before { try store(list, of: id) }
        }
    }

    private func store(_ list: AccessList, of id: MailboxID) throws {
        try write("DELETE FROM access WHERE mailbox=?", .int(id.rawValue))
        for (grantee, rights) in list.entries {
            try write(
                "INSERT INTO access VALUES (?,?,?,?)",
                .int(id.rawValue), .int(grantee.number), .int(grantee.isNegative ? 1 : 0), .int(Int64(rights.rawValue)))
        }
        staged.access[id] = list
    }
}

extension Grantee {
    /// How a row names it: 0 for anyone.
    fileprivate var number: Int64 {
        switch who {
        case .anyone: 0
        case .account(let id): id.rawValue
        }
    }

    init(number: Int64, isNegative: Bool) {
        self.init(number == 0 ? .anyone : .account(AccountID(rawValue: number)), isNegative: isNegative)
    }
}

extension Loading {
    static func access(_ connection: Connection, _ state: inout Catalog.State) throws {
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
            state.damage.note("access lists of mailboxes \(ids.lowerBound) and up: \(error)")
        }
        for (id, list) in lists { state.access.set(list, of: id) }
    }
}
