package import MailModel

/// Whom an entry of an access list speaks of (RFC 4314 §2).
package struct Grantee: Hashable, Sendable {
    package enum Who: Hashable, Sendable {
        /// Every account.
        case anyone
        case account(AccountID)
        /// Who is called that, should such an account come. In a list: there is none yet.
        case named(GranteeName)
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
    /// Entries but for `anyone` that the mailboxes of one account may have together: some 20 MB.
    package static let mostOfAccount = 50_000

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

    /// Whom it speaks of, in entries that give or that take away.
    package var subjects: Set<Grantee.Who> { Set(entries.keys.lazy.map(\.who)) }

    /// How many entries count against `mostOfAccount`.
    package var weight: Int { entries.count - (entries[Grantee(.anyone)] == nil ? 0 : 1) - (entries[Grantee(.anyone, isNegative: true)] == nil ? 0 : 1) }

    /// Such an account has come: what is said of the name is said of it.
    package mutating func bind(_ name: GranteeName, to account: AccountID) {
        for isNegative in [false, true] {
            guard let rights = entries.removeValue(forKey: Grantee(.named(name), isNegative: isNegative)) else { continue }
            entries[Grantee(.account(account), isNegative: isNegative), default: []].formUnion(rights)
        }
    }

    /// It speaks of them no more.
    package mutating func forget(_ who: Grantee.Who) {
        for isNegative in [false, true] { entries[Grantee(who, isNegative: isNegative)] = nil }
    }
}

/// Access lists. A mailbox's owner has every right by being the owner, and is in no list.
///
/// A new mailbox gets the list of the mailbox right above it, where there is one, as it is then, unless the account's lists are full (`AccessList.mostOfAccount`):
/// then it gets none. RENAME leaves lists alone; a list goes with its mailbox, and an account's entries with the account.
///
/// An entry may speak of a name that no account has. It costs what another costs, and is the account's as soon as one of that name is made, in the same
/// transaction. One of the same name that comes after an account was removed finds nothing of what was said of that one.
package protocol RightsStore: Sendable {
    /// From memory, without waiting. `noSuchMailbox`.
    func accessList(of mailbox: MailboxID) throws -> AccessList
    /// One change of the mailbox's account. A name is that account's which has it, where there is one. `noSuchMailbox`; `noSuchAccount` for the number of an
    /// account that is not there; `notAllowed` beyond `AccessList.most` entries, or beyond `AccessList.mostOfAccount`.
    func change(rights: RightsChange, of grantee: Grantee, on mailbox: MailboxID) async throws
    /// Mailboxes of others with an entry for the account or for anyone, whatever rights come of it; in no order. From memory: without such
    /// entries a look-up or two.
    func mailboxes(sharedWith account: AccountID) async throws -> [MailboxRecord]
}
