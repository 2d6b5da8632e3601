package import MailModel
package import Metrics
package import Storage

/// What an account may see and do with mailboxes and the mail in them, decided here for every face.
///
/// A mailbox is found by its name for a principal, and what is opened so is a key to it (`OpenMailbox`): a mailbox that is not the principal's,
/// nor shared with it, is not there. Others' mailboxes have names of their own (`OtherUsers`), which the records carry that the mailroom gives. Refusals are `MailroomRefusal`; everything else that is thrown is the store's `StorageFault`.
package struct Mailroom: Sendable {
    /// What it asks for, in the rooms of its own that are named after them.
    package typealias Ports = AccountStore & MailboxStore & BodyStore & RightsStore & QuotaStore & MetadataStore & SearchIndex & ChangeFeed & ChangeLog

    let store: any Ports
    let clock: Timestamp.Clock
    let security: SecurityCounters

    /// Mailboxes and subscriptions an account may have; more than any honest client makes.
    package static let mostMailboxes = 10_000
    package static let mostSubscriptions = 10_000
    /// Octets of all names that are subscribed to: each may have 31 names above it, which LIST shows too.
    static let mostSubscribedOctets = 2 << 20

    package init(store: any Ports, clock: @escaping Timestamp.Clock, security: SecurityCounters = SecurityCounters()) {
        self.security = security
        self.store = store
        self.clock = clock
    }

    package var now: Timestamp { clock() }

    /// The principal's own, in order of name.
    package func mailboxes(of principal: Principal) async throws -> [MailboxRecord] {
        try await store.mailboxes(of: principal.account)
    }

    /// Of the principal's own.
    package func mailboxCount(of principal: Principal) async throws -> Int { try await store.mailboxCount(of: principal.account) }

    /// `noSuchMailbox`; `notPermitted` where the principal sees another's mailbox without all of those rights.
    package func mailbox(_ name: MailboxName, of principal: Principal, needing rights: Rights = []) async throws -> MailboxRecord {
        guard let place = try await locate(name, for: principal), let record = try await store.mailbox(named: place.name, of: place.owner) else {
            throw MailroomRefusal.noSuchMailbox
        }
        try require(rights, on: record, of: principal)
        guard let shown = try await shown(record, to: principal) else { throw MailroomRefusal.noSuchMailbox }
        return shown
    }

    /// Needs `r`. `noSuchMailbox`.
    package func status(of name: MailboxName, of principal: Principal) async throws -> (record: MailboxRecord, status: MailboxStatus) {
        let record = try await mailbox(name, of: principal, needing: .read)
        return (record, try await status(of: record, of: principal))
    }

    /// Of a mailbox that the mailroom gave. Needs `r`; `noSuchMailbox` when it is another's and not shared, or gone since.
    package func status(of record: MailboxRecord, of principal: Principal) async throws -> MailboxStatus {
        try require(.read, on: record, of: principal)
        return try await store.status(of: record.id)
    }

    /// Names, whether or not there is a mailbox of that name.
    package func subscriptions(of principal: Principal) async throws -> Set<MailboxName> {
        try await store.subscriptions(of: principal.account)
    }

    /// A name may be subscribed to before there is a mailbox, or after it is gone (RFC 9051 §6.3.7). `tooMany`.
    package func subscribe(_ name: MailboxName, of principal: Principal) async throws {
        let known = try await store.subscription(to: name, of: principal.account)
        guard !known.isThere else { return }
        guard known.count < Mailroom.mostSubscriptions, known.octets + name.value.utf8.count <= Mailroom.mostSubscribedOctets else {
            throw MailroomRefusal.tooMany("subscriptions")
        }
        try await store.set(subscribed: true, to: name, of: principal.account)
    }

    /// Nothing happens when it was not subscribed to.
    package func unsubscribe(_ name: MailboxName, of principal: Principal) async throws {
        guard try await store.subscription(to: name, of: principal.account).isThere else { return }
        try await store.set(subscribed: false, to: name, of: principal.account)
    }

    /// What becomes of the principal's mailboxes from now on. It costs the store something only while it is held.
    package func watch(_ principal: Principal, poke: @escaping @Sendable () -> Void) -> AccountWatch {
        store.watch(account: principal.account, poke: poke)
    }

    /// The key to a mailbox and a view that is shared with all who have it open. Needs `r`. `noSuchMailbox`.
    package func open(_ name: MailboxName, of principal: Principal) async throws -> OpenMailbox {
        let record = try await mailbox(name, of: principal, needing: .read)
        var handle = try await store.open(record.id)
        if record.account != principal.account {
            handle = SharedHandle(handle) { [store] in
                try store.accessList(of: record.id).rights(of: principal.account).isSuperset(of: [.lookup, .read])
            }
        }
        return OpenMailbox(record: record, handle: handle, viewer: principal.account)
    }
}

/// A mailbox that an account has opened. Only the mailroom makes one. Its owner may use it; for another's, each use asks the mailbox's access
/// list again.
package struct OpenMailbox: Sendable {
    /// As it was when it was opened: it may have been renamed since.
    package let record: MailboxRecord
    package let handle: any MailboxHandle
    /// Who opened it.
    package let viewer: AccountID

    init(record: MailboxRecord, handle: any MailboxHandle, viewer: AccountID) {
        self.record = record
        self.handle = handle
        self.viewer = viewer
    }

    package var id: MailboxID { record.id }
    package var isOwn: Bool { record.account == viewer }
    /// Its owner's, under whose key its mail lies.
    package var account: AccountID { record.account }
}

/// A lawful no of the mailroom.
package enum MailroomRefusal: Error, Equatable, Sendable {
    /// Not there, or not the principal's to see.
    case noSuchMailbox
    /// Another's mailbox that the principal may see, but not so use (RFC 4314 §4).
    case notPermitted
    /// Not there, or another account's (RFC 9208 §8).
    case noSuchQuotaRoot
    /// An annotation's value is over the limit, in octets.
    case annotationTooBig(Int)
    case mailboxExists
    /// The name is only a superior of other mailboxes, and so cannot be deleted before them (RFC 9051 §6.3.5).
    case hasInferiors
    /// In words, for the client.
    case notAllowed(String)
    /// The special use cannot be given (RFC 6154 §3).
    case useRefused(String)
    /// The account has as many of them as it may have.
    case tooMany(String)
    /// The message is over the limit, in octets.
    case tooBig(Int)
    /// It holds NUL, which no stored message may (RFC 5322 §2.2).
    case holdsNUL
}
