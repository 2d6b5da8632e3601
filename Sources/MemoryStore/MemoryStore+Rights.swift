package import MailModel
package import Storage

extension MemoryStore {
    package func accessList(of mailbox: MailboxID) throws -> AccessList {
        try look { try $0.mailbox(mailbox).access }
    }

    package func change(rights: RightsChange, of grantee: Grantee, on mailbox: MailboxID) async throws {
        try change(.rights) { state in
            let box = try state.mailbox(mailbox)
            if case .account(let account) = grantee.who { _ = try state.account(account) }
            var list = box.access
            list.change(rights, of: grantee)
            guard list != box.access else { return }
            guard list.entries.count <= AccessList.most else { throw StorageFault.notAllowed("the mailbox's access list is full") }
            state.mailboxes[mailbox]?.access = list
            let owner = try state.account(box.record.account)
            state.accounts[owner.record.id]?.modSeq = owner.modSeq.successor
            state.log(.rights(of: mailbox), of: owner.record.id, at: owner.modSeq.successor)
        }
    }

    package func mailboxes(sharedWith account: AccountID) async throws -> [MailboxRecord] {
        try look { state in
            state.mailboxes.values.filter { box in
                box.record.account != account && box.access.beneficiaries.contains { $0 == .anyone || $0 == .account(account) }
            }.map(\.record)
        }
    }
}

extension MemoryState {
    /// No list speaks of the account any more.
    mutating func dropAccess(by account: AccountID) {
        for id in mailboxes.keys {
            for isNegative in [false, true] {
                mailboxes[id]?.access.change(.replace([]), of: Grantee(.account(account), isNegative: isNegative))
            }
        }
    }
}
