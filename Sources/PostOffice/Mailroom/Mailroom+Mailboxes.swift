package import MailModel
package import Storage

// Making, removing and renaming mailboxes.
extension Mailroom {
    /// Makes the mailbox and the superiors that are missing (RFC 9051 §6.3.4), in another's account with `k` on the nearest that is there.
    /// `mailboxExists`, `useRefused`, `tooMany`, `notPermitted`.
    package func create(_ name: MailboxName, use: SpecialUse? = nil, of principal: Principal) async throws -> MailboxRecord {
        let place = try await site(of: name, for: principal)
        guard try await store.mailbox(named: place.name, of: place.owner) == nil else { throw MailroomRefusal.mailboxExists }
        guard try await store.mailboxCount(of: place.owner) + place.name.levels.count <= Mailroom.mostMailboxes else {
            throw MailroomRefusal.tooMany("mailboxes")
        }
        if let use {
            guard place.owner == principal.account else { throw MailroomRefusal.useRefused("Only the owner gives a mailbox a use") }
            try await check(use, of: principal)
        }
        try await createSuperiors(of: place.name, of: place.owner)
        do {
            let record = try await store.create(mailbox: place.name, of: place.owner, specialUse: use)
            return try await shown(record, to: principal) ?? record
        } catch StorageFault.nameTaken {
            throw MailroomRefusal.mailboxExists
        }
    }

    /// Where a new mailbox may be made.
    private func site(of name: MailboxName, for principal: Principal) async throws -> (owner: AccountID, name: MailboxName) {
        guard name.isFitForNew else {
            security.note(refused: name.value)
            throw MailroomRefusal.notAllowed("No new mailbox can have that name")
        }
        // Whether there is such an account is nobody's business: as where nothing is shared.
        guard let place = try await locate(name, for: principal) else { throw MailroomRefusal.notPermitted }
        if place.owner != principal.account { try await requireCreation(of: place.name, in: place.owner, by: principal) }
        return place
    }

    // RFC 6154 §3: \All and \Flagged name views of other mailboxes, which there are none of here; a use is given once.
    private func check(_ use: SpecialUse, of principal: Principal) async throws {
        guard use != .all, use != .flagged else { throw MailroomRefusal.useRefused("\(use.rawValue) cannot be given to a mailbox") }
        guard try await !store.mailboxes(of: principal.account).contains(where: { $0.specialUse == use }) else {
            throw MailroomRefusal.useRefused("Another mailbox is for \(use.rawValue) already")
        }
    }

    private func createSuperiors(of name: MailboxName, of account: AccountID) async throws {
        var missing: [MailboxName] = []
        var superior = name.parent
        while let next = superior {
            if try await store.mailbox(named: next, of: account) != nil { break }
            missing.append(next)
            superior = next.parent
        }
        for name in missing.reversed() {
            do {
                _ = try await store.create(mailbox: name, of: account, specialUse: nil)
            } catch StorageFault.nameTaken {
                continue
            }
        }
    }

    /// Removes the mailbox with its mail. Its inferiors stay, and its name with them as one that cannot be selected (RFC 9051 §6.3.5).
    /// Needs `x`. `noSuchMailbox`, `hasInferiors` for such a name, `notAllowed` for INBOX.
    package func delete(_ name: MailboxName, of principal: Principal) async throws {
        guard !name.isInbox else { throw MailroomRefusal.notAllowed("INBOX cannot be deleted") }
        let record: MailboxRecord
        do {
            record = try await mailbox(name, of: principal, needing: .deleteMailbox)
        } catch MailroomRefusal.noSuchMailbox {
            let hasInferiors = try await visibleMailboxes(to: principal).contains { $0.name.isInferior(to: name) }
            throw hasInferiors ? MailroomRefusal.hasInferiors : MailroomRefusal.noSuchMailbox
        }
        do {
            try await store.delete(mailbox: record.id)
        } catch StorageFault.notAllowed(let reason) {
            throw MailroomRefusal.notAllowed(reason)
        }
    }

    /// With its inferiors; superiors of the new name that are missing are made. INBOX stays in place, empty (RFC 9051 §6.3.6).
    /// Another's needs `x`, on its inferiors too, and `k` on the nearest superior of the new name; it stays with its owner (RFC 4314 §4).
    /// `noSuchMailbox`, `mailboxExists`, `notAllowed`, `notPermitted`.
    package func rename(_ name: MailboxName, to newName: MailboxName, of principal: Principal) async throws {
        let record = try await mailbox(name, of: principal, needing: .deleteMailbox)
        let place = try await site(of: newName, for: principal)
        guard place.owner == record.account else { throw MailroomRefusal.notAllowed("A mailbox stays with its owner") }
        if place.owner != principal.account { try await requireRemoval(of: record, by: principal) }
        guard newName != name, try await store.mailbox(named: place.name, of: place.owner) == nil else {
            throw MailroomRefusal.mailboxExists
        }
        guard name.isInbox || !newName.isInferior(to: name) else {
            throw MailroomRefusal.notAllowed("A mailbox cannot be moved below itself")
        }
        try await createSuperiors(of: place.name, of: place.owner)
        do {
            try await store.rename(mailbox: record.id, to: place.name)
        } catch StorageFault.nameTaken {
            throw MailroomRefusal.mailboxExists
        } catch StorageFault.notAllowed(let reason) {
            throw MailroomRefusal.notAllowed(reason)
        }
    }

    private func requireRemoval(of record: MailboxRecord, by principal: Principal) async throws {
        let all = try await store.mailboxes(of: record.account)
        guard let own = all.first(where: { $0.id == record.id }) else { throw MailroomRefusal.noSuchMailbox }
        guard !own.name.isInbox else { throw MailroomRefusal.notAllowed("Another's INBOX cannot be renamed") }
        for inferior in all where inferior.name.isInferior(to: own.name) {
            guard try rights(of: principal, on: inferior).contains(.deleteMailbox) else { throw MailroomRefusal.notPermitted }
        }
    }
}
