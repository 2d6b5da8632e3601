package import MailModel

/// What has happened to an account's mailboxes since somebody last asked, folded together: one entry a mailbox, whatever happened to it.
package struct AccountChanges: Hashable, Sendable {
    package struct Kinds: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Messages came.
        package static let placed = Kinds(rawValue: 1)
        /// Messages went.
        package static let expunged = Kinds(rawValue: 2)
        /// Something of messages that stay is another. Not said of a commit in which messages came or went.
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
    /// More has happened than is kept: ask for everything.
    package private(set) var isOverfull = false

    /// Mailboxes, and names, that are kept: what a client would be told of is read anew anyway.
    package static let most = 1_000

    package init() {}

    package var isEmpty: Bool { mailboxes.isEmpty && subscriptions.isEmpty && !isOverfull }
}

/// What of a mailbox tells how a commit changed it.
package struct MailboxMark: Hashable, Sendable {
    package var name: MailboxName
    /// Rises by one with each message that comes.
    package var nextUID: UInt32
    package var messages: Int
    package var modSeq: ModSeq

    package init(name: MailboxName, nextUID: UInt32, messages: Int, modSeq: ModSeq) {
        self.name = name
        self.nextUID = nextUID
        self.messages = messages
        self.modSeq = modSeq
    }
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
}

// Noted by stores.
extension AccountChanges {
    /// What a commit made of a mailbox; nil: there was, or is, none.
    package mutating func note(_ id: MailboxID, from old: MailboxMark?, to new: MailboxMark?) {
        switch (old, new) {
        case (nil, nil): return
        case (nil, let new?): merge(Entry(kinds: new.messages > 0 ? [.created, .placed] : .created, name: new.name), of: id)
        case (let old?, nil): merge(Entry(kinds: .deleted, name: old.name), of: id)
        case (let old?, let new?):
            var entry = Entry(kinds: [], name: new.name)
            let came = Int(new.nextUID &- old.nextUID)
            if came > 0 { entry.kinds.insert(.placed) }
            if old.messages + came > new.messages { entry.kinds.insert(.expunged) }
            if new.modSeq != old.modSeq, entry.kinds.isEmpty { entry.kinds = .flags }
            if new.name != old.name {
                entry.kinds.insert(.renamed)
                entry.formerName = old.name
            }
            if !entry.kinds.isEmpty { merge(entry, of: id) }
        }
    }

    package mutating func note(subscriptions changed: some Sequence<MailboxName>) {
        for name in changed {
            guard subscriptions.count < AccountChanges.most else { return overfill() }
            subscriptions.insert(name)
        }
    }

    /// What came after, too.
    mutating func merge(_ later: AccountChanges) {
        guard !isOverfull else { return }
        guard !later.isOverfull else { return overfill() }
        for (id, entry) in later.mailboxes { merge(entry, of: id) }
        note(subscriptions: later.subscriptions)
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

    private mutating func overfill() {
        mailboxes = [:]
        subscriptions = []
        isOverfull = true
    }
}
