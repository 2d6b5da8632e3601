package import MailModel
package import Storage

extension MemoryStore {
    package func accessList(of mailbox: MailboxID) throws -> AccessList {
        try look { try $0.mailbox(mailbox).access }
    }

    package func change(rights: RightsChange, of grantee: Grantee, on mailbox: MailboxID) async throws {
        try change(.rights) { state in
            let box = try state.mailbox(mailbox)
            let grantee = try state.resolved(grantee)
            var list = box.access
            list.change(rights, of: grantee)
            guard list != box.access else { return }
            guard list.entries.count <= AccessList.most, state.hasRoom(for: list, over: box) else {
                throw StorageFault.notAllowed("the mailbox's access list is full")
            }
            state.mailboxes[mailbox]?.access = list
            let owner = try state.account(box.record.account)
            state.accounts[owner.record.id]?.modSeq = owner.modSeq.successor
            state.log(.rights(of: mailbox), of: owner.record.id, at: owner.modSeq.successor)
        }
    }

    package func mailboxes(sharedWith account: AccountID) async throws -> [MailboxRecord] {
        try look { state in
            state.mailboxes.values.filter { box in
                box.record.account != account && [Grantee(.anyone), Grantee(.account(account))].contains { box.access.entries[$0] != nil }
            }.map(\.record)
        }
    }
}

extension MemoryState {
    /// The account that has the name, where there is one.
    func resolved(_ grantee: Grantee) throws -> Grantee {
        switch grantee.who {
        case .anyone: return grantee
        case .account(let id):
            _ = try account(id)
            return grantee
        case .named(let name): return accountIDs[name.value].map { Grantee(.account($0), isNegative: grantee.isNegative) } ?? grantee
        }
    }

    /// Whether the account's lists are not too many with that one in the place of the mailbox's.
    func hasRoom(for list: AccessList, over box: Mailbox) -> Bool {
        guard list.weight > box.access.weight else { return true }
        let held = mailboxes.values.reduce(0) { $0 + ($1.record.account == box.record.account ? $1.access.weight : 0) }
        return held - box.access.weight + list.weight <= AccessList.mostOfAccount
    }

    /// What lists say of the account's name is said of the account.
    mutating func bindAccess(to account: AccountRecord) {
        for id in mailboxes.keys { mailboxes[id]?.access.bind(GranteeName(account.name), to: account.id) }
    }

    /// No list speaks of the account any more.
    mutating func dropAccess(by account: AccountRecord) {
        for id in mailboxes.keys {
            mailboxes[id]?.access.forget(.account(account.id))
            mailboxes[id]?.access.forget(.named(GranteeName(account.name)))
        }
    }
}
