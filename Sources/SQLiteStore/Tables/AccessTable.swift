import MailModel
import Storage

/// The access lists of all mailboxes, and who finds something in them.
struct AccessTable: Table {
    static let place = TableList.place(of: AccessTable.self)

    private var lists: [MailboxID: AccessList] = [:]
    /// Where which one is spoken of.
    private var subjects: [Grantee.Who: Set<MailboxID>] = [:]
    /// Of the lists of each owner (`AccessList.weight`).
    private var weights: [AccountID: Int] = [:]

    struct Changes: StagedChanges {
        var lists: [MailboxID: OwnedList] = [:]
    }

    struct OwnedList {
        let list: AccessList
        let owner: AccountID
    }

    subscript(mailbox: MailboxID) -> AccessList { lists[mailbox] ?? AccessList() }

    func weight(of owner: AccountID) -> Int { weights[owner] ?? 0 }

    mutating func set(_ list: AccessList, of mailbox: MailboxID, _ owner: AccountID) {
        let old = self[mailbox]
        for who in old.subjects {
            subjects[who]?.remove(mailbox)
            if subjects[who]?.isEmpty == true { subjects[who] = nil }
        }
        for who in list.subjects { subjects[who, default: []].insert(mailbox) }
        weights[owner, default: 0] += list.weight - old.weight
        lists[mailbox] = list.isEmpty ? nil : list
    }

    mutating func forget(_ account: AccountID) { weights[account] = nil }

    func mailboxes(sharedWith account: AccountID) -> Set<MailboxID> {
        var found: Set<MailboxID> = []
        for who in [Grantee.Who.anyone, .account(account)] {
            guard let spoken = subjects[who] else { continue }
            found.formUnion(spoken.lazy.filter { self[$0].entries[Grantee(who)] != nil })
        }
        return found
    }

    /// Those whose lists speak of them, whether they give or take away.
    func mailboxes(naming who: Grantee.Who) -> Set<MailboxID> { subjects[who] ?? [] }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, owned) in changes.lists { tables.access.set(owned.list, of: id, owned.owner) }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.lists.isEmpty }

    /// RFC 4314 §4: a new mailbox has the list of its superior. Where that would be too much it has none: then nobody gets anything.
    static func welcome(_ mailbox: MailboxRecord, below superior: MailboxID?, _ transaction: Transaction) throws {
        guard let superior else { return }
        let list = transaction.accessList(of: superior)
        if !list.isEmpty, transaction.hasRoom(for: list, over: AccessList(), of: mailbox.account) { try transaction.store(list, of: mailbox) }
    }

    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {
        if !transaction.accessList(of: mailbox.id).isEmpty { try transaction.store(AccessList(), of: mailbox) }
    }

    /// What lists say of its name is said of the account.
    static func welcome(_ account: AccountRecord, _ transaction: Transaction) throws {
        let name = GranteeName(account.name)
        try transaction.changeLists(naming: [.named(name)]) { $0.bind(name, to: account.id) }
    }

    /// No list speaks of the account any more.
    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        let names = [Grantee.Who.account(account.id), .named(GranteeName(account.name))]
        try transaction.changeLists(naming: names) { list in for name in names { list.forget(name) } }
    }
}

extension Catalog.State {
    var access: AccessTable {
        _read { yield self[AccessTable.self] }
        _modify { yield &self[AccessTable.self] }
    }
}

extension Transaction {
    func accessList(of id: MailboxID) -> AccessList { staged[AccessTable.self].lists[id]?.list ?? catalog.read { $0.access[id] } }

    func change(rights change: RightsChange, of grantee: Grantee, on id: MailboxID) throws {
        let record = try mailbox(id).record
        let before = accessList(of: id)
        var list = before
        let who = try resolved(grantee.who)
        // None is there, but where an account has come another way than by being made.
        if case .named(let name) = grantee.who, case .account(let account) = who { list.bind(name, to: account) }
        list.change(change, of: Grantee(who, isNegative: grantee.isNegative))
        guard list != before else { return }
        guard list.entries.count <= AccessList.most, hasRoom(for: list, over: before, of: record.account) else {
            throw StorageFault.notAllowed("the mailbox's access list is full")
        }
        try store(list, of: record)
        try log(.rights, record.account, try nextModSeq(record.account), id)
    }

    /// The account that has the name, where there is one.
    private func resolved(_ who: Grantee.Who) throws -> Grantee.Who {
        switch who {
        case .anyone: return who
        case .account(let id):
            _ = try account(id)
            return who
        case .named(let name):
            let (found, isWhole) = catalog.read { ($0.accounts.id(named: name.value), !$0.damage.accounts) }
            // Of one that goes, or comes, in this very batch.
            if let found {
                if case .some(.none) = staged.accounts[found] { return who }
                return .account(found)
            }
            for case (let id, let entry?) in staged.accounts where entry.record.name.folded == name.value { return .account(id) }
            guard isWhole else { throw IndexDamage.missingAccounts }
            return who
        }
    }

    /// Whether the owner's lists are not too many with that one in the place of another.
    fileprivate func hasRoom(for list: AccessList, over before: AccessList, of owner: AccountID) -> Bool {
        guard list.weight > before.weight else { return true }
        var held = catalog.read { $0.access.weight(of: owner) }
        for (id, owned) in staged[AccessTable.self].lists where owned.owner == owner { held += owned.list.weight - catalog.read { $0.access[id].weight } }
        return held - before.weight + list.weight <= AccessList.mostOfAccount
    }

    fileprivate func changeLists(naming who: [Grantee.Who], _ change: (inout AccessList) -> Void) throws {
        let known = catalog.read { tables in who.reduce(into: Set<MailboxID>()) { $0.formUnion(tables.access.mailboxes(naming: $1)) } }
        for id in known.union(staged[AccessTable.self].lists.keys).sorted() {
            let before = accessList(of: id)
            var list = before
            change(&list)
            if list != before { try store(list, of: try mailbox(id).record) }
        }
    }

    fileprivate func store(_ list: AccessList, of mailbox: MailboxRecord) throws {
        let id = mailbox.id.rawValue
        // As lists lay before there were names in them.
        try write("DELETE FROM access WHERE mailbox=?", .int(id))
        if list.isEmpty {
            try write("DELETE FROM access_list WHERE mailbox=?", .int(id))
        } else {
            let sealed = try SealedAccessList.seal(list, of: mailbox.id, try account(mailbox.account)) { id in
                // try?: an account that cannot be read is known by its number.
                try? self.account(id).record.name
            }
            try write("INSERT OR REPLACE INTO access_list VALUES (?,?)", .int(id), .blob(sealed))
        }
        staged[AccessTable.self].lists[mailbox.id] = AccessTable.OwnedList(list: list, owner: mailbox.account)
    }
}
