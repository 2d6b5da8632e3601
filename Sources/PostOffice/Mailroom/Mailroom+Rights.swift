package import MailModel
package import Storage

// Who may do what with whose mailboxes (RFC 4314).
//
// - The owner may do everything, always; nothing is looked up for that.
// - To everybody else a mailbox without `l` is not there, whatever other rights they have.
// - With `l`, what needs a right that is lacking is `notPermitted`.
extension Mailroom {
    package func rights(of principal: Principal, on record: MailboxRecord) throws -> Rights {
        record.account == principal.account ? .all : try store.accessList(of: record.id).rights(of: principal.account)
    }

    /// Of a mailbox that is open. What an error leaves open is no right: it is thrown (`noSuchMailbox` of another's that is gone).
    package func rights(in mailbox: OpenMailbox) throws -> Rights {
        mailbox.isOwn ? .all : try store.accessList(of: mailbox.id).rights(of: mailbox.viewer)
    }

    /// `noSuchMailbox` without `l`, `notPermitted`.
    func require(_ needed: Rights, on record: MailboxRecord, of principal: Principal) throws {
        guard record.account != principal.account else { return }
        let rights = try rights(of: principal, on: record)
        guard rights.contains(.lookup) else { throw MailroomRefusal.noSuchMailbox }
        guard rights.isSuperset(of: needed) else { throw MailroomRefusal.notPermitted }
    }

    /// Rights may be taken away while a mailbox is open: then `notPermitted`, even for looking at it. `StorageFault` when they are not known.
    package func require(_ needed: Rights, in mailbox: OpenMailbox) throws {
        guard !mailbox.isOwn else { return }
        guard try rights(in: mailbox).isSuperset(of: needed.union([.lookup, .read])) else { throw MailroomRefusal.notPermitted }
    }

    /// Whose the name is, and what the owner calls it; nil when it can be nobody's.
    func locate(_ name: MailboxName, for principal: Principal) async throws -> (owner: AccountID, name: MailboxName)? {
        guard OtherUsers.covers(name) else { return (principal.account, name) }
        guard let parts = OtherUsers.parts(of: name), let owner = try await store.account(named: parts.owner),
            owner.id != principal.account
        else { return nil }
        return (owner.id, parts.name)
    }

    /// The record with the name that the principal knows it by; nil where that cannot be said.
    func shown(_ record: MailboxRecord, to principal: Principal) async throws -> MailboxRecord? {
        guard record.account != principal.account else { return record }
        guard let owner = try await store.account(record.account), let name = OtherUsers.name(of: record.name, owner: owner.name) else {
            return nil
        }
        var shown = record
        shown.name = name
        // The use is its owner's: nobody else's drafts go there.
        shown.specialUse = nil
        return shown
    }

    /// Others' mailboxes that the principal may see, under their names in the namespace `OtherUsers`, in order of name. For who has none a look-up.
    package func sharedMailboxes(with principal: Principal) async throws -> [MailboxRecord] {
        var found: [MailboxRecord] = []
        for record in try await store.mailboxes(sharedWith: principal.account) {
            do {
                guard try rights(of: principal, on: record).contains(.lookup) else { continue }
            } catch StorageFault.noSuchMailbox {
                // Gone since it was listed.
                continue
            }
            if let shown = try await shown(record, to: principal) { found.append(shown) }
        }
        return found.sorted { $0.name < $1.name }
    }

    /// Own ones and others', as LIST shows them.
    package func visibleMailboxes(to principal: Principal) async throws -> [MailboxRecord] {
        let own = try await mailboxes(of: principal)
        let shared = try await sharedMailboxes(with: principal)
        return shared.isEmpty ? own : (own + shared).sorted { $0.name < $1.name }
    }

    /// Whether the principal may make a mailbox of that name in another account: `k` on the nearest superior that is there (RFC 4314 §4).
    /// Without it the answer is the same whatever is there: `notPermitted`. `mailboxExists` for one that can be seen.
    func requireCreation(of name: MailboxName, in owner: AccountID, by principal: Principal) async throws {
        if let known = try await store.mailbox(named: name, of: owner) {
            let isVisible = try rights(of: principal, on: known).contains(.lookup)
            throw isVisible ? MailroomRefusal.mailboxExists : MailroomRefusal.notPermitted
        }
        var superior = name.parent
        while let next = superior {
            if let record = try await store.mailbox(named: next, of: owner) {
                guard try rights(of: principal, on: record).isSuperset(of: [.lookup, .create]) else { break }
                return
            }
            superior = next.parent
        }
        throw MailroomRefusal.notPermitted
    }
}

// The commands of RFC 4314 §3.
extension Mailroom {
    /// One line of an access list as it is told.
    package struct Entry: Hashable, Sendable {
        /// `anyone` or a name, an account's in small letters; `-` before it when the rights are taken away.
        package let identifier: String
        package let rights: Rights
    }

    /// What the principal may do with it. `noSuchMailbox`.
    package func myRights(on name: MailboxName, of principal: Principal) async throws -> (record: MailboxRecord, rights: Rights) {
        let record = try await mailbox(name, of: principal)
        return (record, try rights(of: principal, on: record))
    }

    /// The owner first, then in order of identifier. Needs `a`.
    package func accessList(of name: MailboxName, for principal: Principal) async throws -> (record: MailboxRecord, entries: [Entry]) {
        let record = try await mailbox(name, of: principal, needing: .administer)
        var entries: [Entry] = []
        for (grantee, rights) in try store.accessList(of: record.id).entries {
            guard let identifier = try await identifier(of: grantee) else { continue }
            entries.append(Entry(identifier: identifier, rights: rights))
        }
        entries.sort { $0.identifier < $1.identifier }
        if let owner = try await store.account(record.account) {
            entries.insert(Entry(identifier: owner.name.description, rights: .all), at: 0)
        }
        return (record, entries)
    }

    /// Needs `a`. The owner's rights cannot be changed: `notAllowed`, unless nothing would change. Whether there is an account of that name makes no
    /// difference, here or in what is told afterwards: nobody learns it so. One that comes later has what its name was given. `notAllowed` for what is no
    /// name, and where lists are full.
    package func change(
        rights: RightsChange, of identifier: String, on name: MailboxName, by principal: Principal
    ) async throws {
        let record = try await mailbox(name, of: principal, needing: .administer)
        let (grantee, isOwner) = try await grantee(identifier, record)
        if isOwner {
            guard !grantee.isNegative, rights.applied(to: .all) == .all else {
                throw MailroomRefusal.notAllowed("The owner has every right, always")
            }
            return
        }
        do {
            try await store.change(rights: rights, of: grantee, on: record.id)
        } catch StorageFault.notAllowed(let reason) {
            throw MailroomRefusal.notAllowed(reason)
        }
    }

    /// What the identifier always has, and what it can be given, right by right. Whether there is an account of that name makes no difference. Needs `a`.
    package func rights(
        for identifier: String, on name: MailboxName, of principal: Principal
    ) async throws -> (record: MailboxRecord, always: Rights, grantable: Rights) {
        let record = try await mailbox(name, of: principal, needing: .administer)
        return try await grantee(identifier, record).isOwner ? (record, .all, []) : (record, [], .all)
    }

    private func identifier(of grantee: Grantee) async throws -> String? {
        let name: String
        switch grantee.who {
        case .anyone: name = "anyone"
        case .account(let id):
            guard let account = try await store.account(id) else { return nil }
            // Not as its own spelling is: that would be told of accounts alone.
            name = GranteeName(account.name).value
        case .named(let known): name = known.value
        }
        return grantee.isNegative ? "-" + name : name
    }

    /// NAME@DOMAIN, a bare NAME in the owner's domain, `anyone`, or any other name; none begins with `-`, which takes rights away. `notAllowed` for no name.
    private func grantee(_ identifier: String, _ record: MailboxRecord) async throws -> (grantee: Grantee, isOwner: Bool) {
        guard let owner = try await store.account(record.account)?.name else { throw MailroomRefusal.noSuchMailbox }
        let isNegative = identifier.hasPrefix("-")
        let text = isNegative ? String(identifier.dropFirst()) : identifier
        if text.lowercased() == "anyone" { return (Grantee(.anyone, isNegative: isNegative), false) }
        guard let name = GranteeName(text, defaultDomain: owner.domain) else { throw MailroomRefusal.notAllowed("That is no identifier") }
        return (Grantee(.named(name), isNegative: isNegative), name == GranteeName(owner))
    }
}
