import MailModel
import NIOCore
import PostOffice
import Storage

// ESEARCH (RFC 7377): one search over several mailboxes, each answered for itself.
extension CommandExecution {
    mutating func multiSearch(_ arguments: MultiSearchArguments) async throws -> StatusResponse {
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
        // Where the right to see it is gone, SEARCH says so, and this does.
        if scopes == [.selected], let selected { try mailroom.require([], in: selected) }
        let found = try await mailroom.mailboxes(in: scopes.compactMap { $0.searchScope(selected: selected?.id) }, of: principal)
        if scopes == [.selected], found.isEmpty, let selected { return [selected.record] }
        return found
    }

    private mutating func search(_ record: MailboxRecord, _ arguments: SearchArguments) async throws {
        let isSelected = view?.mailbox.id == record.id
        guard let place = isSelected ? view : try await look(into: record) else { return }
        if isSelected, try !mayRead(place) { return }
        let found: [FoundMessage]
        do {
            found = try await self.found(by: arguments, in: place)
        } catch is NoSuchNumber where !isSelected {
            // Numbers are those of the selected mailbox; elsewhere they may mean nothing.
            return
        }
        try await burn(found.count) { execution in
            if isSelected { execution.keep(found, arguments) }
            execution.report(found, arguments, ExtendedSearchResult.Mailbox(name: record.name, uidValidity: place.rows.uidValidity))
        }
    }

    private mutating func report(_ found: [FoundMessage], _ arguments: SearchArguments, _ mailbox: ExtendedSearchResult.Mailbox) {
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

extension MailboxScope {
    /// Nil: the selected mailbox, where none is. A name that no mailbox can have names none.
    fileprivate func searchScope(selected: MailboxID?) -> SearchScope? {
        switch self {
        case .selected: selected.map { .mailbox($0) }
        case .inboxes: .inboxes
        case .personal: .personal
        case .subscribed: .subscribed
        case .mailboxes(let named): .named(named.compactMap(\.name))
        case .subtreeOne(let named): .withChildren(named.compactMap(\.name))
        case .subtree(let named): .subtree(named.compactMap(\.name))
        }
    }
}
