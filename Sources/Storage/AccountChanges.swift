package import MailModel

/// What an account's log says has happened to its mailboxes, folded together: one entry a mailbox, whatever happened to it.
package struct AccountChanges: Hashable, Sendable {
    package struct Kinds: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Messages came.
        package static let placed = Kinds(rawValue: 1)
        /// Messages went.
        package static let expunged = Kinds(rawValue: 2)
        /// Something of messages that stay is another.
        package static let flags = Kinds(rawValue: 4)
        package static let created = Kinds(rawValue: 8)
        package static let renamed = Kinds(rawValue: 16)
        package static let deleted = Kinds(rawValue: 32)
    }

    package struct Entry: Hashable, Sendable {
        package var kinds: Kinds
        /// As it is called now; of one that is deleted, as it was called last.
        package var name: MailboxName
        /// What it was called at the time of the last asking, where that is another name.
        package var formerName: MailboxName?

        package init(kinds: Kinds, name: MailboxName, formerName: MailboxName? = nil) {
            self.kinds = kinds
            self.name = name
            self.formerName = formerName
        }
    }

    package private(set) var mailboxes: [MailboxID: Entry] = [:]
    /// Names that were subscribed to, or no more, or both in turn.
    package private(set) var subscriptions: Set<MailboxName> = []
    /// More has happened than is kept, or than the log tells: ask for everything.
    package private(set) var isOverfull = false

    /// Mailboxes, and names, that are kept: what a client would be told of is read anew anyway.
    package static let most = 1_000

    package init() {}

    package var isEmpty: Bool { mailboxes.isEmpty && subscriptions.isEmpty && !isOverfull }
}

extension AccountChanges {
    /// Leaves out what became of that name.
    package mutating func forget(_ name: MailboxName) {
        subscriptions.remove(name)
        for (id, entry) in mailboxes where entry.name == name || entry.formerName == name {
            mailboxes[id]?.kinds.subtract([.created, .renamed, .deleted])
            mailboxes[id]?.formerName = nil
        }
    }

    /// What the log says comes next. `name`: what a mailbox is called now; nil: it is there no more.
    package mutating func note(_ change: Change, name: (MailboxID) throws -> MailboxName?) rethrows {
        switch change.kind {
        case .placed(_, let id): try note(.placed, of: id, name)
        case .flags(_, let id): try note(.flags, of: id, name)
        case .expunged(_, let id): try note(.expunged, of: id, name)
        case .mailboxCreated(let id, let name?): merge(Entry(kinds: .created, name: name), of: id)
        case .mailboxRenamed(let id, let old?, let new?): merge(Entry(kinds: .renamed, name: new, formerName: old), of: id)
        case .mailboxDeleted(let id, let name?): merge(Entry(kinds: .deleted, name: name), of: id)
        case .subscription(let name?, _):
            guard !isOverfull, subscriptions.count < AccountChanges.most else { return overfill() }
            subscriptions.insert(name)
        // Rows of an older schema, which were there before anybody could ask for what comes after them.
        case .mailboxCreated, .mailboxRenamed, .mailboxDeleted, .subscription: overfill()
        case .rights, .metadata: return
        }
    }

    private mutating func note(_ kind: Kinds, of id: MailboxID, _ name: (MailboxID) throws -> MailboxName?) rethrows {
        guard mailboxes[id] == nil else {
            mailboxes[id]?.kinds.formUnion(kind)
            return
        }
        // One that is gone by now: a later change says so.
        guard let name = try name(id) else { return }
        merge(Entry(kinds: kind, name: name), of: id)
    }

    private mutating func merge(_ later: Entry, of id: MailboxID) {
        guard !isOverfull else { return }
        guard var entry = mailboxes[id] else {
            guard mailboxes.count < AccountChanges.most else { return overfill() }
            mailboxes[id] = later
            return
        }
        // Nobody has heard of it yet.
        if later.kinds.contains(.deleted), entry.kinds.contains(.created) {
            mailboxes[id] = nil
            return
        }
        entry.kinds.formUnion(later.kinds)
        entry.name = later.name
        if !entry.kinds.contains(.created), entry.formerName == nil { entry.formerName = later.formerName }
        mailboxes[id] = entry
    }

    fileprivate mutating func overfill() {
        mailboxes = [:]
        subscriptions = []
        isOverfull = true
    }
}

extension ChangeLog where Self: MailboxStore {
    /// What happened in that part of an account's log. Of an account that is removed nothing is told.
    package func summary(of span: ChangeSpan) async throws -> AccountChanges {
        var summary = AccountChanges()
        var since = span.since
        while since < span.upTo, !summary.isOverfull {
            let found: ChangesSince
            do {
                found = try await changes(of: span.account, since: since, most: AccountChanges.most)
            } catch StorageFault.noSuchAccount {
                return AccountChanges()
            }
            guard case .page(let page) = found else {
                // The log was cut meanwhile: what happened is not known any more.
                summary.overfill()
                return summary
            }
            for change in page.changes where change.modSeq <= span.upTo {
                try summary.note(change) { try record(of: $0)?.name }
            }
            guard page.upTo > since else { break }
            since = page.upTo
        }
        return summary
    }
}
