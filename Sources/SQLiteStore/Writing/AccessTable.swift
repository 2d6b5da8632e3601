import MailModel
import Storage

/// The access lists of all mailboxes, and who finds something in them.
struct AccessTable: Sendable {
    private var lists: [MailboxID: AccessList] = [:]
    private var shared: [Grantee.Who: Set<MailboxID>] = [:]

    subscript(mailbox: MailboxID) -> AccessList { lists[mailbox] ?? AccessList() }

    mutating func set(_ list: AccessList, of mailbox: MailboxID) {
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
}
