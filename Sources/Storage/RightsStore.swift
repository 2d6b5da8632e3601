package import MailModel

/// Whom an entry of an access list speaks of (RFC 4314 §2).
package struct Grantee: Hashable, Sendable {
    package enum Who: Hashable, Sendable {
        /// Every account.
        case anyone
        case account(AccountID)
    }

    package let who: Who
    /// The entry takes rights away (`-identifier`).
    package let isNegative: Bool

    package init(_ who: Who, isNegative: Bool = false) {
        self.who = who
        self.isNegative = isNegative
    }
}

/// What others than its owner may do with a mailbox.
package struct AccessList: Hashable, Sendable {
    /// None without rights.
    package private(set) var entries: [Grantee: Rights] = [:]

    /// Entries that one mailbox may have.
    package static let most = 500

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package subscript(grantee: Grantee) -> Rights { entries[grantee] ?? [] }

    /// An entry that is left without rights is gone.
    package mutating func change(_ change: RightsChange, of grantee: Grantee) {
        let rights = change.applied(to: self[grantee])
        entries[grantee] = rights.isEmpty ? nil : rights
    }

    /// Those given to the account and to anyone, less those taken from either (RFC 4314 §2).
    package func rights(of account: AccountID) -> Rights {
        let (own, everyone) = (Grantee.Who.account(account), Grantee.Who.anyone)
        let given = self[Grantee(own)].union(self[Grantee(everyone)])
        guard !given.isEmpty else { return [] }
        return given.subtracting(self[Grantee(own, isNegative: true)]).subtracting(self[Grantee(everyone, isNegative: true)])
    }

    /// Who may have got rights by it.
    package var beneficiaries: [Grantee.Who] { entries.keys.lazy.filter { !$0.isNegative }.map(\.who) }
}

/// Access lists. A mailbox's owner has every right by being the owner, and is in no list.
///
/// A new mailbox gets the list of the mailbox right above it, where there is one, as it is then; RENAME leaves lists alone; a list goes with its
/// mailbox, and an account's entries with the account.
package protocol RightsStore: Sendable {
    /// From memory, without waiting. `noSuchMailbox`.
    func accessList(of mailbox: MailboxID) throws -> AccessList
    /// One change of the mailbox's account. `noSuchMailbox`; `noSuchAccount` for a grantee that is not there; `notAllowed` beyond
    /// `AccessList.most` entries.
    func change(rights: RightsChange, of grantee: Grantee, on mailbox: MailboxID) async throws
    /// Mailboxes of others with an entry for the account or for anyone, whatever rights come of it; in no order. From memory: without such
    /// entries a look-up or two.
    func mailboxes(sharedWith account: AccountID) async throws -> [MailboxRecord]
}
