import MailModel
import NIOCore
import PostOffice
import Storage

// ESEARCH (RFC 7377): one search over several mailboxes, each answered for itself.
extension Errand {
    mutating func multiSearch(_ arguments: MultiSearchArguments) async throws -> Answer {
        if arguments.scopes.contains(.selected), view == nil { return .bad("Select a mailbox first") }
        do {
            // RFC 7377 §2.2: a mailbox is searched once, however many scopes it is in.
            for record in try await records(in: arguments.scopes) {
                try await search(record, arguments.search)
                try await flushIfFull()
            }
            // RFC 5267 §4.3.1: of the selected mailbox alone the session has a view that changes.
            if problem == nil, arguments.search.isUpdated { context = .refused("Only SEARCH and SORT are kept up to date") }
            return problem ?? .ok("ESEARCH done")
        } catch {
            forgetSaved(arguments.search)
            throw error
        }
    }

    /// In order of name; others' that the user may see among them (RFC 7377 §2.2).
    private func records(in scopes: [MailboxScope]) async throws -> [MailboxRecord] {
        let selected = view?.mailbox
        let known = try await amongMailboxes { $0 }
        // Where the right to see it is gone, SEARCH says so, and this does.
        if scopes == [.selected], let selected {
            try mailroom.require([], in: selected)
            return [known.first { $0.id == selected.id } ?? selected.record]
        }
        let subscriptions = scopes.contains(.subscribed) ? try await mailroom.subscriptions(of: principal) : []
        let scope = MergedScope(scopes, of: principal.account, selected?.id, subscriptions)
        return known.filter { scope.contains($0) }
    }

    private mutating func search(_ record: MailboxRecord, _ arguments: SearchArguments) async throws {
        let isSelected = view?.mailbox.id == record.id
        guard let place = isSelected ? view : try await look(into: record) else { return }
        if isSelected, try !mayRead(place) { return }
        let found: [Match]
        do {
            found = try await self.found(by: arguments, in: place)
        } catch is NoSuchNumber where !isSelected {
            // Numbers are those of the selected mailbox; elsewhere they may mean nothing.
            return
        }
        try await burn(found.count) { errand in
            if isSelected { errand.keep(found, arguments) }
            errand.report(found, arguments, ExtendedSearchResult.Mailbox(name: record.name, uidValidity: place.rows.uidValidity))
        }
    }

    private mutating func report(_ found: [Match], _ arguments: SearchArguments, _ mailbox: ExtendedSearchResult.Mailbox) {
        // RFC 7377 §2.1: no answer where nothing matches.
        guard !found.isEmpty, arguments.returns != .save || arguments.partial != nil else { return }
        var result = ExtendedSearchResult(found, arguments, .uid)
        if arguments.key.asksModSeq { result.modSeq = modSeq(of: found, arguments) }
        result.mailbox = mailbox
        output.writeExtendedSearch(result, tag: job.tag, .uid, dialect.textMode)
    }

    private func mayRead(_ place: MailboxView) throws -> Bool {
        do {
            try mailroom.require([], in: place.mailbox)
            return true
        } catch MailroomRefusal.notPermitted, StorageFault.noSuchMailbox {
            return false
        }
    }

    /// Nil when it has gone meanwhile or may not be read: it is passed over (RFC 7377 §2.2).
    private func look(into record: MailboxRecord) async throws -> MailboxView? {
        do {
            let mailbox = try await mailroom.open(record.name, of: principal)
            return try MailboxView(mailbox, isReadOnly: true, rows: mailbox.handle.snapshot, recentAbove: nil)
        } catch MailroomRefusal.noSuchMailbox, MailroomRefusal.notPermitted, StorageFault.noSuchMailbox {
            return nil
        }
    }
}

/// All scopes of a search, ready to be asked about mailboxes: O(depth) each, however many scopes there are.
private struct MergedScope {
    private let account: AccountID
    private var selected: MailboxID?
    private var inboxes = false
    private var personal = false
    private var names: Set<MailboxName> = []
    private var parents: Set<MailboxName> = []
    private var roots: Set<MailboxName> = []

    init(_ scopes: [MailboxScope], of account: AccountID, _ selected: MailboxID?, _ subscriptions: Set<MailboxName>) {
        self.account = account
        for scope in scopes {
            switch scope {
            case .selected: self.selected = selected
            case .inboxes: inboxes = true
            case .personal: personal = true
            case .subscribed: names.formUnion(subscriptions)
            case .mailboxes(let named): names.formUnion(named.compactMap(\.name))
            case .subtreeOne(let named): parents.formUnion(named.compactMap(\.name))
            case .subtree(let named): roots.formUnion(named.compactMap(\.name))
            }
        }
        names.formUnion(parents)
        names.formUnion(roots)
    }

    func contains(_ record: MailboxRecord) -> Bool {
        let name = record.name
        if record.id == selected || (inboxes && name.isInbox) || (personal && record.account == account) || names.contains(name) { return true }
        if !parents.isEmpty, let parent = name.parent, parents.contains(parent) { return true }
        return !roots.isEmpty && name.superiors.contains { roots.contains($0) }
    }
}
