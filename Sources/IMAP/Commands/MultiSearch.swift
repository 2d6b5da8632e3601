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
            if arguments.search.isUpdated { context = .refused("Only SEARCH and SORT are kept up to date") }
            return .ok("ESEARCH done")
        } catch {
            forgetSaved(arguments.search)
            throw error
        }
    }

    /// In order of name.
    private func records(in scopes: [MailboxScope]) async throws -> [MailboxRecord] {
        let known = try await mailroom.mailboxes(of: principal)
        let needsSubscriptions = scopes.contains(.subscribed)
        let subscriptions = needsSubscriptions ? try await mailroom.subscriptions(of: principal) : []
        let selected = view?.mailbox.id
        let scopes = scopes.map { KnownScope($0, of: principal.account, selected, subscriptions) }
        return known.filter { record in scopes.contains { $0.contains(record) } }
    }

    private mutating func search(_ record: MailboxRecord, _ arguments: SearchArguments) async throws {
        let isSelected = view?.mailbox.id == record.id
        guard let place = isSelected ? view : try await look(into: record) else { return }
        let found: [Match]
        do {
            found = try await self.found(by: arguments, in: place)
        } catch is NoSuchNumber where !isSelected {
            // Numbers are those of the selected mailbox; elsewhere they may mean nothing.
            return
        }
        if isSelected { keep(found, arguments) }
        // RFC 7377 §2.1: no answer where nothing matches.
        guard !found.isEmpty, arguments.returns != .save || arguments.partial != nil else { return }
        var result = ExtendedSearchResult(found, arguments, .uid)
        if arguments.key.asksModSeq { result.modSeq = modSeq(of: found, arguments) }
        result.mailbox = ExtendedSearchResult.Mailbox(name: record.name, uidValidity: place.rows.uidValidity)
        output.writeExtendedSearch(result, tag: job.tag, .uid, dialect.textMode)
    }

    /// Nil when it has gone meanwhile or may not be read: it is passed over (RFC 7377 §2.2).
    private func look(into record: MailboxRecord) async throws -> MailboxView? {
        do {
            let mailbox = try await mailroom.open(record.name, of: principal)
            return MailboxView(mailbox, isReadOnly: true, rows: mailbox.handle.snapshot, recentAbove: nil)
        } catch MailroomRefusal.noSuchMailbox, MailroomRefusal.notPermitted, StorageFault.noSuchMailbox {
            return nil
        }
    }
}

/// A scope, ready to be asked about mailboxes.
private struct KnownScope {
    private let scope: MailboxScope
    private let account: AccountID
    private let selected: MailboxID?
    private let subscriptions: Set<MailboxName>
    private let names: Set<MailboxName>

    init(_ scope: MailboxScope, of account: AccountID, _ selected: MailboxID?, _ subscriptions: Set<MailboxName>) {
        self.scope = scope
        self.account = account
        self.selected = selected
        self.subscriptions = subscriptions
        names =
            switch scope {
            case .subtree(let names), .subtreeOne(let names), .mailboxes(let names): Set(names.compactMap(\.name))
            case .selected, .inboxes, .personal, .subscribed: []
            }
    }

    func contains(_ record: MailboxRecord) -> Bool {
        let name = record.name
        return switch scope {
        case .selected: record.id == selected
        case .inboxes: name.isInbox
        case .personal: record.account == account
        case .subscribed: subscriptions.contains(name)
        case .mailboxes: names.contains(name)
        case .subtreeOne: names.contains(name) || name.parent.map { names.contains($0) } ?? false
        case .subtree: names.contains(name) || name.superiors.contains { names.contains($0) }
        }
    }
}
