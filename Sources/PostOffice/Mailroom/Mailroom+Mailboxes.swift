package import MailModel
package import Storage

// Making, removing and renaming mailboxes.
extension Mailroom {
    /// Makes the mailbox and the superiors that are missing (RFC 9051 §6.3.4). `mailboxExists`, `useRefused`, `tooMany`.
    package func create(_ name: MailboxName, use: SpecialUse? = nil, of principal: Principal) async throws -> MailboxRecord {
        let known = try await mailboxes(of: principal)
        guard !known.contains(where: { $0.name == name }) else { throw MailroomRefusal.mailboxExists }
        guard known.count + name.levels.count <= Mailroom.mostMailboxes else { throw MailroomRefusal.tooMany("mailboxes") }
        if let use { try check(use, known) }
        try await createSuperiors(of: name, of: principal)
        do {
            return try await store.create(mailbox: name, of: principal.account, specialUse: use)
        } catch StorageFault.nameTaken {
            throw MailroomRefusal.mailboxExists
        }
    }

    // RFC 6154 §3: \All and \Flagged name views of other mailboxes, which there are none of here; a use is given once.
    private func check(_ use: SpecialUse, _ known: [MailboxRecord]) throws {
        guard use != .all, use != .flagged else { throw MailroomRefusal.useRefused("\(use.rawValue) cannot be given to a mailbox") }
        guard !known.contains(where: { $0.specialUse == use }) else {
            throw MailroomRefusal.useRefused("Another mailbox is for \(use.rawValue) already")
        }
    }

    private func createSuperiors(of name: MailboxName, of principal: Principal) async throws {
        var missing: [MailboxName] = []
        var superior = name.parent
        while let next = superior {
            if try await store.mailbox(named: next, of: principal.account) != nil { break }
            missing.append(next)
            superior = next.parent
        }
        for name in missing.reversed() {
            do {
                _ = try await store.create(mailbox: name, of: principal.account, specialUse: nil)
            } catch StorageFault.nameTaken {
                continue
            }
        }
    }

    /// Removes the mailbox with its mail. Its inferiors stay, and its name with them as one that cannot be selected (RFC 9051 §6.3.5).
    /// `noSuchMailbox`, `hasInferiors` for such a name, `notAllowed` for INBOX.
    package func delete(_ name: MailboxName, of principal: Principal) async throws {
        guard !name.isInbox else { throw MailroomRefusal.notAllowed("INBOX cannot be deleted") }
        guard let record = try await store.mailbox(named: name, of: principal.account) else {
            let hasInferiors = try await mailboxes(of: principal).contains { $0.name.isInferior(to: name) }
            throw hasInferiors ? MailroomRefusal.hasInferiors : MailroomRefusal.noSuchMailbox
        }
        do {
            try await store.delete(mailbox: record.id)
        } catch StorageFault.notAllowed(let reason) {
            throw MailroomRefusal.notAllowed(reason)
        }
    }

    /// With its inferiors; superiors of the new name that are missing are made. INBOX stays in place, empty (RFC 9051 §6.3.6).
    /// `noSuchMailbox`, `mailboxExists`, `notAllowed`.
    package func rename(_ name: MailboxName, to newName: MailboxName, of principal: Principal) async throws {
        let record = try await mailbox(name, of: principal)
        guard newName != name, try await store.mailbox(named: newName, of: principal.account) == nil else {
            throw MailroomRefusal.mailboxExists
        }
        guard name.isInbox || !newName.isInferior(to: name) else {
            throw MailroomRefusal.notAllowed("A mailbox cannot be moved below itself")
        }
        try await createSuperiors(of: newName, of: principal)
        do {
            try await store.rename(mailbox: record.id, to: newName)
        } catch StorageFault.nameTaken {
            throw MailroomRefusal.mailboxExists
        } catch StorageFault.notAllowed(let reason) {
            throw MailroomRefusal.notAllowed(reason)
        }
    }
}
